"""Probes: short, complete trainings that answer "what happens if I turn this knob?", and what is said of them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, ValidationError

from engine.specs.base import Document, bad_document, setting
from engine.specs.run import RunSpec
from engine.text import N_

SEEDS = 5  # documents of a comparison by default: enough for an interval, few enough for a second
INFINITE = 1e30  # a bound of an interval that nothing is known of (JSON has no infinity)


class ProbeStatus(StrEnum):
    """The states of a probe."""

    WAITING = "WAITING"  # in the prober's queue, or given back to it by a prober that died
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"  # to the end of its steps or of its seconds
    FAILED = "FAILED"  # diverged, out of memory…: that is a result too, see ProbeRecord.error
    CANCELLED = "CANCELLED"  # nobody wants it any more; asking again enters it anew

    @property
    def is_over(self) -> bool:
        """True where nothing more will happen by itself."""
        return self not in (ProbeStatus.WAITING, ProbeStatus.RUNNING)

    @property
    def label(self) -> str:
        """Its name on a screen (marked for translation)."""
        return _STATUS_LABELS[self]


_STATUS_LABELS = {
    ProbeStatus.WAITING: N_("Waiting"),
    ProbeStatus.RUNNING: N_("Running"),
    ProbeStatus.FINISHED: N_("Finished"),
    ProbeStatus.FAILED: N_("Failed"),
    ProbeStatus.CANCELLED: N_("Cancelled"),
}


class ProbeBudget(Document):
    """How much a probe may take. The schedule is drawn over the steps, so that a probe is a whole training in small."""

    steps: int = setting(
        60,
        title=N_("Steps"),
        ge=1,
        le=100_000,
        scale="log",
        help=N_("Optimizer steps of a probe. More steps predict full runs better and take longer."),
    )
    seconds: float = setting(
        20.0,
        title=N_("At most"),
        unit="s",
        ge=0.0,
        le=3600.0,
        help=N_("A probe that takes longer is cut off there. 0: no limit."),
    )
    train_fraction: float = setting(
        1.0,
        title=N_("Share of the train part"),
        gt=0.0,
        le=1.0,
        step=0.05,
        help=N_("Probes train on this share of what the document trains on."),
    )

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> "ProbeBudget":
        """A budget from a mapping.

        Raises:
            EngineError: BAD_INPUT, naming the field and what is wrong with it.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            raise bad_document(str(first["msg"]), ".".join(str(part) for part in first["loc"])) from error

    def lay_over(self, spec: RunSpec) -> RunSpec:
        """The document that a probe trains: bounded in steps and data, without what does not decide its curves.

        Raises:
            EngineError: BAD_INPUT where the document cannot be bounded so.
        """
        changes: dict[str, Any] = {
            "name": "",
            "parent_run": "",
            "branch_step": 0,
            "training.max_steps": self.steps,
            "training.max_train_time_s": 0.0,  # the clock must not draw the schedule: the same seed, the same curve
        }
        if self.train_fraction < 1.0:
            changes["data.train_fraction"] = max(spec.data.train_fraction * self.train_fraction, 1e-6)
        return spec.edit(changes)


class ProbeRecord(Document):
    """One probe and its curves so far."""

    id: str
    spec: RunSpec  # as it was asked for; `budget.lay_over(spec)` is what was trained
    budget: ProbeBudget
    status: ProbeStatus
    priority: int = 0  # lower goes first
    curves: dict[str, tuple[tuple[int, float], ...]] = Field(default_factory=dict)  # "train/loss", "val/accuracy"…
    metrics: dict[str, float] = Field(default_factory=dict)  # the newest value of each curve
    step: int = 0
    total_steps: int = 0
    traced: bool | None = None  # whether its step had to be compiled; None until that is known
    first_point_s: float | None = None  # from the start of the probe to its first value
    seconds: float = 0.0
    memory_bytes: int = 0  # the prober's largest during the probe
    cut_off: bool = False  # ended by its seconds, before its steps were done
    error: dict[str, Any] | None = None  # EngineError.to_record()
    attempt: int = 0
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None


class VerdictKind(StrEnum):
    """What paired probes say of a change."""

    BETTER = "better"
    WORSE = "worse"
    WITHIN_NOISE = "within_noise"  # the interval of the difference holds zero
    TOO_EARLY = "too_early"  # fewer than two pairs
    SAME = "same"  # nothing was changed
    FAILS = "fails"  # the variant does not train (diverged, out of memory…)

    @property
    def label(self) -> str:
        """Its name on a screen (marked for translation)."""
        return _VERDICT_LABELS[self]


_VERDICT_LABELS = {
    VerdictKind.BETTER: N_("Better"),
    VerdictKind.WORSE: N_("Worse"),
    VerdictKind.WITHIN_NOISE: N_("Within the noise"),
    VerdictKind.TOO_EARLY: N_("Too early to tell"),
    VerdictKind.SAME: N_("The same"),
    VerdictKind.FAILS: N_("Does not train"),
}


class VerdictRecord(Document):
    """A variant against its baseline, seed by seed, with 95 % intervals (Student's t over the seeds)."""

    kind: VerdictKind
    metric: str  # the curve that was compared, such as "val/accuracy"
    higher_is_better: bool
    pairs: int  # seeds that both have finished
    difference: float | None = None  # mean of variant - baseline over the pairs
    low: float | None = None  # bounds of the difference; None with fewer than two pairs
    high: float | None = None
    p_value: float | None = None
    baseline: float | None = None  # mean over the baseline's seeds
    baseline_low: float | None = None  # the band in which a single run of the baseline falls (prediction interval)
    baseline_high: float | None = None
    variant: float | None = None
    step: int = 0  # at which the values were taken


class WhatIf(Document):
    """A change of a baseline: all probes so far, and what they say."""

    baseline: tuple[ProbeRecord, ...]  # one a seed, in the order of the seeds
    variant: tuple[ProbeRecord, ...]  # the same seeds; empty where nothing was changed
    verdict: VerdictRecord
    seeds: tuple[int, ...]
    done: bool  # nothing more will come by itself


class LedgerEntry(Document):
    """One tweak: what was changed, what it did, who turned the knob."""

    id: str
    baseline: str  # digest of the baseline's document
    baseline_name: str = ""
    changes: dict[str, Any]  # dotted path -> value
    before: dict[str, Any] = Field(default_factory=dict)  # dotted path -> the baseline's value
    budget: ProbeBudget
    verdict: VerdictRecord
    who: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0


class SensitivityBar(Document):
    """What one knob does by itself, turned down and up."""

    path: str
    title: str  # marked for translation
    down: Any = None  # the value tried below the present one; None: there is none
    up: Any = None
    down_effect: float | None = None  # mean over seeds of metric minus the baseline's; None: not finished
    up_effect: float | None = None
    down_status: ProbeStatus | None = None
    up_status: ProbeStatus | None = None

    @property
    def span(self) -> float:
        """The largest effect, by which a tornado is sorted."""
        return max((abs(e) for e in (self.down_effect, self.up_effect) if e is not None), default=0.0)


class Sensitivity(Document):
    """Every knob turned by itself: the bars of a tornado, largest first."""

    metric: str
    higher_is_better: bool
    baseline: float | None
    noise: float | None  # half of the 95 % interval of an effect: smaller ones say nothing
    bars: tuple[SensitivityBar, ...]
    finished: int
    total: int

    @property
    def done(self) -> bool:
        """True where nothing more will come by itself."""
        return self.finished >= self.total


class ProxyTrust(Document):
    """How well probes of one size have predicted full runs in this workspace."""

    rank_correlation: float | None  # Spearman's; None with fewer than `FEWEST` pairs
    pairs: int
    metric: str = ""
    kind: Literal["probes"] = "probes"
