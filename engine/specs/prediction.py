"""What is foretold: the end of a run, the effect of a change, what more would bring, what a run will cost.

Every figure comes with its 90 % interval, and every record says by itself why there is none: `notice` is a sentence
to be translated, {"message": template, "values": {…}}.
"""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from engine.specs.base import Document
from engine.specs.probe import ProbeBudget
from engine.text import N_

CONFIDENCE = 0.9  # of every band here


class Band(Document):
    """A foretold value with its 90 % interval."""

    value: float
    low: float
    high: float


class CoursePoint(Document):
    """One moment of a curve that is drawn further than it was measured."""

    x: float  # epochs, share of the data, times the width…
    value: float
    low: float
    high: float


class Forecast(Document):
    """How a run will end, judged by the best value of its objective.

    `end` is None where nothing can be said yet; `notice` then says why. Of a run that is over, `end` is what it
    reached.
    """

    run_id: str
    metric: str  # "val/accuracy"
    higher_is_better: bool
    epochs: float = 0.0  # done
    planned_epochs: float = 0.0
    best: float | None = None  # so far
    end: Band | None = None  # the best value at the end
    last_epoch: Band | None = None  # at which it ends, by its plan or by patience
    seconds_left: Band | None = None
    made_at: float = 0.0  # Unix seconds; `seconds_left` counts from here
    seen: tuple[tuple[float, float], ...] = ()  # (epochs, value) so far, thinned
    course: tuple[CoursePoint, ...] = ()  # of the curve to come; x in epochs
    families: dict[str, float] = Field(default_factory=dict)  # weight of each curve family
    over: bool = False
    notice: dict[str, Any] | None = None


class CostSource(StrEnum):
    """What an estimate stands on, best first."""

    SAME_DESIGN = "same_design"
    SAME_FAMILY = "same_family"
    MACHINE = "machine"
    UNKNOWN = "unknown"

    @property
    def label(self) -> str:
        """In words (marked for translation)."""
        return _SOURCE_LABELS[self]


_SOURCE_LABELS = {
    CostSource.SAME_DESIGN: N_("from earlier runs of this design"),
    CostSource.SAME_FAMILY: N_("from earlier runs of this model family"),
    CostSource.MACHINE: N_("from the measured speed of this machine"),
    CostSource.UNKNOWN: N_("nothing was measured on this machine yet"),
}


class EnergySource(StrEnum):
    """How a figure of energy was got."""

    RAPL = "rapl"
    NVML = "nvml"
    ASSUMED = "assumed"

    @property
    def label(self) -> str:
        """In words (marked for translation)."""
        return _ENERGY_LABELS[self]


_ENERGY_LABELS = {
    EnergySource.RAPL: N_("processor: measured by its own counters (RAPL), all programs together"),
    EnergySource.NVML: N_("graphics card: measured by its driver, all programs together"),
    EnergySource.ASSUMED: N_("processor: its busy time at an assumed power a core"),
}


class Cost(Document):
    """What a run took."""

    seconds: float = 0.0  # of training, over all attempts
    memory_bytes: float = 0.0  # the largest of the process that trained
    gpu_memory_bytes: float = 0.0
    energy_wh: float = 0.0
    energy_sources: tuple[EnergySource, ...] = ()
    watts_per_core: float = 0.0  # as assumed, where it was


class Estimate(Document):
    """What a run will take, before it starts."""

    seconds: Band | None = None  # of training, to the last epoch of the plan; early stopping may end it sooner
    memory_bytes: Band | None = None  # of the process that trains
    energy_wh: Band | None = None
    source: CostSource = CostSource.UNKNOWN
    runs: int = 0  # earlier runs that it stands on
    energy_sources: tuple[EnergySource, ...] = ()
    watts: float = 0.0  # expected mean power
    watts_per_core: float = 0.0  # as assumed, where it was
    available_bytes: int = 0
    fits: bool = True
    notice: dict[str, Any] | None = None


class CostReport(Document):
    """What was estimated before a run started, and what it took."""

    run_id: str
    estimated: Estimate | None = None
    measured: Cost | None = None  # None: not over, or of a Lathe that did not measure yet


class Effect(Document):
    """What a change is expected to do, by a model fitted to the probes, trials and runs that are there.

    `inside` is False where the change leaves what was tried, and `predicted` then is None: a probe is the way to know.
    """

    metric: str
    higher_is_better: bool
    inside: bool = False
    predicted: Band | None = None  # a new run of the changed document; single runs fall into the band
    baseline: Band | None = None  # the same for the document as it is
    difference: Band | None = None  # predicted minus baseline; of the expected values, noise of single runs left out
    source: Literal["probes", "trials", "runs", ""] = ""
    budget: ProbeBudget | None = None  # of the probes that it stands on: what is predicted is such a probe's result
    points: int = 0  # results that it stands on
    missing: int = 0  # more results that are needed
    model: Literal["forest", "gaussian_process", ""] = ""
    error: float | None = None  # mean absolute error of the model's leave-one-out predictions
    guess_error: float | None = None  # the same of always guessing the mean: the peer
    cost: Estimate | None = None  # of a full run of the changed document
    notice: dict[str, Any] | None = None


ScaleOver = Literal["data", "epochs", "width", "depth"]


class ScalePoint(Document):
    """A result at one size."""

    factor: float  # size as a multiple of the document's, or of the steps of the probe
    value: float
    values: tuple[float, ...] = ()  # of its seeds; `value` is their mean


class Scaling(Document):
    """What more data, longer training, or a wider or deeper model would bring."""

    over: ScaleOver
    metric: str
    higher_is_better: bool
    budget: ProbeBudget | None = None
    measured: tuple[ScalePoint, ...] = ()
    course: tuple[CoursePoint, ...] = ()  # x is the factor; from the smallest measured to `reach`
    asked: tuple[CoursePoint, ...] = ()  # at 1, 2 and 4 times
    reach: float = 0.0  # the largest factor that is foretold: 4 × the largest measured
    families: dict[str, float] = Field(default_factory=dict)  # weight of each curve family
    missing: int = 0  # probes that are still needed
    waiting: int = 0  # of them, probes that were asked for
    changes: tuple[dict[str, Any], ...] = ()  # the documents that were or will be probed, as edits
    notice: dict[str, Any] | None = None
