"""Documents are frozen and closed; alternatives register themselves."""

import pytest
from pydantic import ValidationError

from engine.specs.base import choice_base, extra_of
from engine.specs.split import KFoldSplit, SplitSpec
from engine.specs.training import AdamW, OptimizerSpec, Sgd, TrainingSpec


def test_unknown_keys_and_changes_are_refused() -> None:
    with pytest.raises(ValidationError):
        TrainingSpec.model_validate({"epoch": 3})
    with pytest.raises(ValidationError):
        TrainingSpec().epochs = 3  # type: ignore[misc]


def test_alternatives_are_listed_by_their_base_only() -> None:
    assert OptimizerSpec.alternatives["adamw"] is AdamW
    assert "random" in SplitSpec.alternatives
    assert not set(OptimizerSpec.alternatives) & set(SplitSpec.alternatives)


def test_a_field_takes_any_alternative_and_keeps_all_of_its_fields() -> None:
    training = TrainingSpec.model_validate({"optimizer": {"kind": "sgd", "momentum": 0.5}})
    assert isinstance(training.optimizer, Sgd)
    assert TrainingSpec.model_validate_json(training.model_dump_json()) == training
    assert training.model_dump()["optimizer"]["momentum"] == 0.5


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="kind must be one of sgd, adam"):
        TrainingSpec.model_validate({"optimizer": {"kind": "magic"}})


def test_fields_tell_forms_how_to_draw_them() -> None:
    info = OptimizerSpec.model_fields["learning_rate"]
    assert extra_of(info)["scale"] == "log"
    assert choice_base(TrainingSpec.model_fields["optimizer"]) is OptimizerSpec
    assert choice_base(info) is None


def test_parts_of_a_split_must_leave_rows_and_exist() -> None:
    with pytest.raises(ValidationError, match="may be at most"):
        KFoldSplit(validation_fraction=0.5, test_fraction=0.5)
    with pytest.raises(ValidationError, match="Fold must be below the number of folds"):
        KFoldSplit(folds=3, fold=3)
