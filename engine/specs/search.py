"""What to search: dimensions over the fields of a run's document, an algorithm, objectives and a budget.

A search is a part of a `RunSpec`, as its model and its training are; a trial is the same document without it, with the
trial's values edited in. Add an algorithm: one class here, one function in `engine.tuning.oracles`.
"""

from __future__ import annotations

import json
import math
from typing import Any, Literal

from pydantic import field_validator, model_validator

from engine.specs.base import Choice, Document, Scale, one_of, refusal, setting
from engine.text import N_

JUDGEMENT = "judgement"  # the objective that a person gives, trial by trial
MOST_VALUES = 1000


class Dimension(Choice):
    """One field of the document that is searched, by its dotted path.

    Example:
        >>> FloatRange(path="training.optimizer.learning_rate", low=1e-4, high=1e-1, scale="log").points
        0
    """

    path: str = setting(
        title=N_("Field"), min_length=1, max_length=300, help=N_("For example training.optimizer.learning_rate.")
    )
    when: dict[str, tuple[Any, ...]] = setting(
        {}, title=N_("Only when"), help=N_("Search it only where other searched fields have one of these values.")
    )

    @property
    def points(self) -> int:
        """How many values it can take; 0: a continuum."""
        raise NotImplementedError

    @field_validator("when", mode="after")
    @classmethod
    def _has_values(cls, when: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        for path, values in when.items():
            if not values:
                raise refusal(N_("“Only when” names {path}, but none of its values. Add at least one."), path=path)
        return when


class _Range(Dimension):
    scale: Scale = setting("linear", title=N_("Scale"), help=N_("Log where people think in factors."))

    @model_validator(mode="after")
    def _is_a_range(self) -> _Range:
        low, high, step = self.low, self.high, self.step  # type: ignore[attr-defined]
        if low > high:
            raise refusal(
                N_("{path}: the range is empty, from {low} to {high}. The lower end must not be above the upper one."),
                path=self.path,
                low=f"{low:g}",
                high=f"{high:g}",
            )
        if self.scale == "log" and low <= 0:
            raise refusal(
                N_("{path}: a log range cannot reach {low}. Begin above zero, or take the linear scale."),
                path=self.path,
                low=f"{low:g}",
            )
        if self.scale == "log" and 0 < step <= 1:
            raise refusal(
                N_("{path}: on a log scale the step is a factor and must be above 1, got {step}."),
                path=self.path,
                step=f"{step:g}",
            )
        return self

    @property
    def points(self) -> int:
        """How many values it can take; 0: a continuum."""
        low, high, step = self.low, self.high, self.step  # type: ignore[attr-defined]
        if low == high:
            return 1
        if not step:
            return 0
        if self.scale == "log":
            return int(math.log(high / low, step) + 1e-8) + 1
        return int((high - low) / step + 1e-8) + 1


class FloatRange(_Range):
    """Any number between two ends."""

    kind: Literal["float"] = "float"
    label = N_("Range of numbers")
    low: float = setting(title=N_("From"))
    high: float = setting(title=N_("To"))
    step: float = setting(0.0, title=N_("Step"), ge=0.0, help=N_("0: none. On a log scale it is a factor."))


class IntRange(_Range):
    """Any whole number between two ends, both included."""

    kind: Literal["int"] = "int"
    label = N_("Range of whole numbers")
    low: int = setting(title=N_("From"))
    high: int = setting(title=N_("To"))
    step: int = setting(0, title=N_("Step"), ge=0, help=N_("0: every number. On a log scale it is a factor."))

    @property
    def points(self) -> int:
        """How many values it can take."""
        if not self.step:
            return self.high - self.low + 1
        return super().points


class Options(Dimension):
    """One of some values: names, numbers, lists."""

    kind: Literal["choice"] = "choice"
    label = N_("Choice")
    values: tuple[Any, ...] = setting(title=N_("Values"), max_length=MOST_VALUES)

    @model_validator(mode="after")
    def _can_be_chosen(self) -> Options:
        if not self.values:
            raise refusal(N_("{path}: there is nothing to choose from. Add at least one value."), path=self.path)
        texts = [json.dumps(value, sort_keys=True, default=str) for value in self.values]
        twice = next((text for i, text in enumerate(texts) if text in texts[:i]), None)
        if twice is not None:
            raise refusal(N_("{path}: the value {value} stands twice."), path=self.path, value=twice)
        return self

    @property
    def points(self) -> int:
        """How many values it can take."""
        return len(self.values)


class Objective(Document):
    """What is to become better: a metric of the run, or what it costs."""

    metric: str = setting(
        "auto",
        title=N_("Objective"),
        help=N_("Auto: validation accuracy for classes, validation RMSE for numbers."),
        max_length=100,
    )
    direction: Literal["auto", "max", "min"] = setting(
        "auto", title=N_("Better is"), help=N_("Auto: lower for losses, errors and costs, higher for scores.")
    )
    weight: float = setting(
        1.0, title=N_("Weight"), gt=0.0, le=100.0, advanced=True, help=N_("Where there are two objectives.")
    )


class Algorithm(Choice):
    """Who proposes the next trial: an oracle of KerasTuner."""


class RandomSearch(Algorithm):
    """Random search (Bergstra & Bengio 2012)."""

    kind: Literal["random"] = "random"
    label = N_("Random")
    summary = N_("Draws every trial anew; hard to beat where only a few fields matter.")


class BayesianSearch(Algorithm):
    """A Gaussian process over the trials so far proposes where an upper confidence bound is best (Srinivas 2010)."""

    kind: Literal["bayesian"] = "bayesian"
    label = N_("Bayesian")
    summary = N_("Learns from the trials so far where the next one pays; for few, costly trials.")
    initial_trials: int = setting(
        0, title=N_("Random trials first"), ge=0, le=1000, help=N_("0: three for each searched field.")
    )
    exploration: float = setting(
        2.6, title=N_("Exploration"), ge=0.0, le=20.0, step=0.1, advanced=True, help=N_("Higher tries what is unknown.")
    )
    noise: float = setting(1e-4, title=N_("Noise"), gt=0.0, le=1.0, scale="log", advanced=True)


class HyperbandSearch(Algorithm):
    """Hyperband (Li et al. 2018): many trials for a few epochs, the best of them go on."""

    kind: Literal["hyperband"] = "hyperband"
    label = N_("Hyperband")
    summary = N_("Starts many short trials and lets only the best train on; for long trainings.")
    max_epochs: int = setting(27, title=N_("Most epochs"), unit="epochs", ge=2, le=10_000)
    factor: int = setting(3, title=N_("One goes on of"), ge=2, le=10, help=N_("Of so many trials the best goes on."))
    iterations: int = setting(1, title=N_("Rounds"), ge=1, le=100, advanced=True)


class GridSearch(Algorithm):
    """Every combination; a range without a step is cut into ten values."""

    kind: Literal["grid"] = "grid"
    label = N_("Grid")
    summary = N_("Tries every combination; for a handful of choices.")


class SearchBudget(Document):
    """When a search is over: at whichever limit comes first."""

    trials: int = setting(20, title=N_("Trials"), ge=0, le=100_000, help=N_("0: no limit."))
    seconds: float = setting(0.0, title=N_("Time"), unit="s", ge=0.0, le=365 * 24 * 3600.0, help=N_("0: no limit."))
    patience_trials: int = setting(
        0, title=N_("Until no better for"), unit="trials", ge=0, le=100_000, help=N_("0: no limit.")
    )


class SearchSpec(Document):
    """A search over the document that it stands in."""

    dimensions: tuple[one_of(Dimension), ...] = setting((), title=N_("Search space"))  # type: ignore[valid-type]
    algorithm: one_of(Algorithm) = setting(RandomSearch(), title=N_("Algorithm"))  # type: ignore[valid-type]
    objectives: tuple[Objective, ...] = setting((Objective(),), title=N_("Objectives"), min_length=1, max_length=2)
    budget: SearchBudget = setting(SearchBudget(), title=N_("Budget"))
    repeats: int = setting(
        1, title=N_("Seeds a trial"), ge=1, le=20, help=N_("Trains each trial so many times; its score is the mean.")
    )
    folds: int = setting(
        0, title=N_("Folds a trial"), ge=0, le=20, help=N_("Cross-validates each trial. 0: one validation part.")
    )
    median_stopping: bool = setting(
        False,
        title=N_("Median stopping"),
        help=N_("Ends trials that are worse than the median of the others so far (Golovin et al. 2017)."),
    )
    median_grace_epochs: int = setting(
        2, title=N_("Not before"), unit="epochs", ge=1, le=10_000, advanced=True, when={"median_stopping": (True,)}
    )
    median_after_trials: int = setting(
        4, title=N_("Not before"), unit="trials", ge=1, le=10_000, advanced=True, when={"median_stopping": (True,)}
    )
    warm_runs: tuple[str, ...] = setting(
        (), title=N_("Learn from earlier runs"), help=N_("Their results are told to the algorithm first.")
    )
    start_points: tuple[dict[str, Any], ...] = setting(
        (), title=N_("Start with"), help=N_("Values that are tried before the algorithm proposes its own.")
    )
    parallel: int = setting(
        0, title=N_("Trials at once"), ge=0, le=1024, advanced=True, help=N_("0: one for every worker.")
    )
    seed: int = setting(0, title=N_("Seed of the search"), ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _fits_together(self) -> SearchSpec:
        paths = [dimension.path for dimension in self.dimensions]
        for i, dimension in enumerate(self.dimensions):
            if dimension.path in paths[:i] and not dimension.when:
                raise refusal(N_("{path} is in the search space twice."), path=dimension.path)
            for parent in dimension.when:
                if parent not in paths[:i]:
                    raise refusal(
                        N_("{path} depends on {parent}, which must be searched too and stand before it."),
                        path=dimension.path,
                        parent=parent,
                    )
        if self.repeats > 1 and self.folds:
            raise refusal(N_("Take several seeds or several folds a trial, not both."))
        if self.folds == 1:
            raise refusal(N_("Cross-validation needs at least 2 folds, got 1."))
        metrics = [objective.metric for objective in self.objectives]
        if len(set(metrics)) < len(metrics):
            raise refusal(N_("Both objectives are {metric}. Choose two different ones."), metric=metrics[0])
        if len(metrics) > 1 and JUDGEMENT in metrics:
            raise refusal(N_("Trials that a person judges have no second objective."))
        return self

    @property
    def runs_a_trial(self) -> int:
        """How many trainings one trial takes."""
        return self.folds or self.repeats
