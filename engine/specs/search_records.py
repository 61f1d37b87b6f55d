"""What a search says of itself: plain, frozen records, as `engine.specs.records`."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from engine.specs.base import Document
from engine.specs.run import RunSpec
from engine.text import N_


class SearchStatus(StrEnum):
    """The states of a search."""

    RUNNING = "RUNNING"  # it proposes trials, or waits for workers
    PAUSED = "PAUSED"  # what has begun ends; nothing new begins
    FINISHED = "FINISHED"  # its budget is spent, or its space is exhausted
    STOPPED = "STOPPED"  # by a person
    FAILED = "FAILED"  # with a cause, see SearchRecord.error

    @property
    def is_over(self) -> bool:
        """True where nothing more will happen by itself."""
        return self in (SearchStatus.FINISHED, SearchStatus.STOPPED, SearchStatus.FAILED)

    @property
    def label(self) -> str:
        """Its name on a screen (marked for translation)."""
        return _SEARCH_LABELS[self]


class TrialStatus(StrEnum):
    """The states of a trial."""

    WAITING = "WAITING"  # proposed; its runs wait for a worker
    RUNNING = "RUNNING"
    JUDGING = "JUDGING"  # trained; waits for a person's judgement
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"  # ended early (median stopping, or a person), with the score it had
    FAILED = "FAILED"  # cannot work: see TrialRecord.error; not tried again
    WITHDRAWN = "WITHDRAWN"  # never begun: the search ended before

    @property
    def is_over(self) -> bool:
        """True where nothing more will happen by itself."""
        return self not in (TrialStatus.WAITING, TrialStatus.RUNNING, TrialStatus.JUDGING)

    @property
    def label(self) -> str:
        """Its name on a screen (marked for translation)."""
        return _TRIAL_LABELS[self]


_SEARCH_LABELS = {
    SearchStatus.RUNNING: N_("Running"),
    SearchStatus.PAUSED: N_("Paused"),
    SearchStatus.FINISHED: N_("Finished"),
    SearchStatus.STOPPED: N_("Stopped"),
    SearchStatus.FAILED: N_("Failed"),
}
_TRIAL_LABELS = {
    TrialStatus.WAITING: N_("Waiting"),
    TrialStatus.RUNNING: N_("Running"),
    TrialStatus.JUDGING: N_("To be judged"),
    TrialStatus.COMPLETED: N_("Completed"),
    TrialStatus.STOPPED: N_("Stopped early"),
    TrialStatus.FAILED: N_("Failed"),
    TrialStatus.WITHDRAWN: N_("Not begun"),
}

Origin = Literal["oracle", "start", "hand", "earlier"]


class TrialPart(Document):
    """One run of a trial, a seed or a fold, as the chart of the workers shows it."""

    part: int
    worker: str
    started_at: float  # Unix seconds
    ended_at: float | None = None


class TrialRecord(Document):
    """One trial of a search."""

    search_id: str
    number: int  # from 0, in the order in which they were proposed
    status: TrialStatus
    origin: Origin = "oracle"  # who proposed it: the algorithm, a start point, a person; "earlier": an earlier run
    values: dict[str, Any] = Field(default_factory=dict)  # dotted path -> value
    epochs: int = 0  # planned, epochs of the trial that it continues included
    first_epoch: int = 0  # > 0: continues `continues` (Hyperband)
    continues: int | None = None  # number of the trial whose weights it goes on from
    bracket: int | None = None  # of Hyperband
    round: int | None = None
    run_ids: tuple[str, ...] = ()  # one a seed or fold
    score: float | None = None  # of the first objective: the mean over its runs
    spread: float | None = None  # standard deviation over its runs; None for a single one
    scores: tuple[float, ...] = ()  # one a run
    objectives: dict[str, float] = Field(default_factory=dict)  # objective -> mean
    curve: tuple[float, ...] = ()  # the first objective after each epoch, mean over its runs
    first_curve_epoch: int = 1  # the epoch of the first point of `curve`
    pareto: bool = False  # no other trial is better in both objectives
    best: bool = False  # the best of the search so far
    error: dict[str, Any] | None = None  # EngineError.to_record()
    reason: str = ""  # why it ended early; marked for translation
    created_at: float = 0.0  # Unix seconds
    started_at: float | None = None
    ended_at: float | None = None
    worker: str = ""  # of its newest run, where known
    seconds: float = 0.0  # of training, over all its runs
    parts: tuple[TrialPart, ...] = ()  # its runs that have begun, where it has several


class SearchRecord(Document):
    """A search as lists and headers show it."""

    id: str
    name: str
    status: SearchStatus
    spec: RunSpec  # its `search` says what is searched
    dataset_name: str = ""
    created_at: float
    ended_at: float | None = None
    seconds: float = 0.0  # of wall time while it was running
    trials: int = 0  # begun, withdrawn ones and earlier runs not counted
    completed: int = 0  # with a score, those stopped early included
    failed: int = 0
    running: int = 0
    waiting: int = 0
    judging: int = 0
    objectives: tuple[tuple[str, Literal["max", "min"]], ...] = ()  # resolved: (metric, direction)
    best_trial: int | None = None
    best_score: float | None = None
    front: tuple[int, ...] = ()  # numbers of the trials on the Pareto front
    seconds_left: float | None = None  # estimated from the trials so far; None where not known
    workers: int = 0
    reason: str = ""  # why it ended, or what it waits for; marked for translation
    error: dict[str, Any] | None = None


class ImportanceRecord(Document):
    """How much each dimension explains of the variance of the score (fANOVA, Hutter et al. 2014)."""

    paths: tuple[str, ...] = ()
    single: dict[str, float] = Field(default_factory=dict)  # share of the variance, 0 to 1
    pairs: tuple[tuple[str, str, float], ...] = ()  # interaction of two, largest first
    trials: int = 0  # that it was computed from
    reliable: bool = False  # enough trials, and the forest predicts what it has not seen
    r2: float | None = None  # of the forest, out of bag
    notice: str = ""  # what keeps it from being computed or trusted; marked for translation


class SpaceSize(Document):
    """How large a search space is, and what trying it would take."""

    combinations: float | None = None  # None: a continuum
    trials: int | None = None  # that the budget and the algorithm would run; None: no limit
    runs: int | None = None
    epochs: int | None = None  # over all runs
    seconds: float | None = None  # on the workers that there are; None where the time of a run is not known
    seconds_a_trial: float | None = None
    problem: dict[str, Any] | None = None  # EngineError.to_record() where the search could not start like this
    field: str = ""  # the path of the field that `problem` is about, e.g. "dimensions.2"


class SearchPreset(Document):
    """A ready-made search space for a document."""

    id: str
    name: str  # marked for translation
    summary: str  # marked for translation
    search: dict[str, Any]  # a SearchSpec as JSON
