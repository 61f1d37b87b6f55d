"""How rows are divided into train, validation and test."""

from typing import Literal

from pydantic import model_validator

from engine.specs.base import Choice, refusal, setting
from engine.text import N_


class SplitSpec(Choice):
    """A seeded division of the rows. Where the data came with parts of their own, `GivenSplit` keeps them."""

    validation_fraction: float = setting(
        0.15,
        title=N_("Validation share"),
        help=N_("Rows held back to watch for overfitting and to stop early."),
        ge=0.01,
        le=0.5,
        step=0.01,
    )
    test_fraction: float = setting(
        0.15,
        title=N_("Test share"),
        help=N_("Rows that training never sees, for the final verdict."),
        ge=0.0,
        le=0.5,
        step=0.01,
    )
    seed: int = setting(0, title=N_("Split seed"), help=N_("The same seed gives the same parts."), ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _leaves_rows_to_train(self) -> "SplitSpec":
        if self.validation_fraction + self.test_fraction > 0.9:
            raise refusal(
                N_(
                    "Validation part and test part together may be at most 0.9, got {sum}. "
                    "Lower one of them so that rows to train on remain."
                ),
                sum=f"{self.validation_fraction + self.test_fraction:.2f}",
            )
        return self


class RandomSplit(SplitSpec):
    """Every row has the same chance of every part."""

    kind: Literal["random"] = "random"
    label = N_("Random")
    summary = N_("Every row has the same chance of each part.")


class StratifiedSplit(SplitSpec):
    """Each class (or each decile of a number) keeps its share in every part."""

    kind: Literal["stratified"] = "stratified"
    label = N_("Stratified")
    summary = N_("Each class keeps its share in every part. The usual choice for classification.")


class GroupedSplit(SplitSpec):
    """All rows of one group (a patient, a customer) land in the same part."""

    kind: Literal["grouped"] = "grouped"
    label = N_("Grouped")
    summary = N_("Rows of one group, such as a patient, stay together, so that nothing leaks from train to test.")
    group_column: str = setting(title=N_("Group column"), help=N_("Rows with the same value stay in the same part."))


class TimeSplit(SplitSpec):
    """The oldest rows train, the newest test."""

    kind: Literal["time"] = "time"
    label = N_("By time")
    summary = N_("The oldest rows train and the newest test, as it will be in use.")
    time_column: str = setting(title=N_("Time column"), help=N_("A date or a number that grows with time."))


class KFoldSplit(SplitSpec):
    """Fold `fold` of `folds` validates; the test part is cut off first and is the same for every fold."""

    kind: Literal["k_fold"] = "k_fold"
    label = N_("K-fold")
    summary = N_("One of k equal folds validates; the others train. Run each fold to see how much the result varies.")
    folds: int = setting(5, title=N_("Folds"), ge=2, le=20)
    fold: int = setting(0, title=N_("Fold"), help=N_("Which fold validates, counted from 0."), ge=0, le=19)

    @model_validator(mode="after")
    def _fold_exists(self) -> "KFoldSplit":
        if self.fold >= self.folds:
            raise refusal(
                N_("Fold must be below the number of folds ({folds}), got {fold}. Folds are counted from 0."),
                folds=self.folds,
                fold=self.fold,
            )
        return self


class GivenSplit(SplitSpec):
    """The parts that the data came with; what is missing (usually validation) is cut, stratified, from train."""

    kind: Literal["given"] = "given"
    label = N_("As given")
    summary = N_("Keeps the parts that the data came with. A missing validation part is cut from train.")
