"""What fine-tuning did: before and after on the same rows, what was forgotten, how far each block moved."""

from typing import Any, Literal

from pydantic import Field

from engine.specs.base import Document
from engine.specs.records import Interval


class BeforeAfter(Document):
    """The tuned model against a linear probe on the body's features before anything moved, on the same rows.

    The probe (logistic regression, or ridge for numbers) is fitted on rows of the same train part. `only_after` and
    `only_before` count the rows that one of the two gets right alone; McNemar's exact test asks whether they could be
    so uneven by chance.
    """

    part: str  # "test", or "validation" where there is no test part
    metric: str  # "accuracy" or "rmse"
    before: Interval
    after: Interval
    difference: Interval  # after minus before, paired bootstrap
    rows: int  # compared
    rows_there: int  # in that part
    fitted_rows: int  # that the probe learned from
    train_rows: int
    only_after: int = 0
    only_before: int = 0
    p_value: float | None = None  # McNemar's exact test; None for numbers
    verdict: Literal["better", "worse", "level"] = "level"


class Forgetting(Document):
    """The source run's own task with its own head, on its own test part, on the body before and after."""

    source_run: str
    source_name: str = ""
    part: str
    metric: str
    before: Interval
    after: Interval
    difference: Interval  # after minus before, paired bootstrap
    rows: int
    rows_there: int


class BlockChange(Document):
    """What became of one block of the body."""

    name: str
    drift: float | None = None  # ‖ΔW‖ / ‖W‖ over the block's matrices; None where it has none
    cka: float | None = None  # linear CKA of its outputs before and after, 1: the same up to a rotation


class FineTuningRecord(Document):
    """What is known of a fine-tuned run when it has finished."""

    run_id: str
    source: str  # address
    source_title: str = ""
    method: str  # kind of its method
    parameters: int = 0
    trainable_parameters: int = 0
    step_bytes: int = 0  # weights, gradients, optimizer and activations of a training step, worked out
    saved_bytes: int = 0  # of what the run keeps by itself: what was added and the head, or the whole model
    before_after: BeforeAfter | None = None
    forgetting: Forgetting | None = None
    blocks: tuple[BlockChange, ...] = ()  # from the input to the output
    compared_rows: int = 0  # behind the figures of similarity
    notices: tuple[dict[str, Any], ...] = ()  # what could not be measured and why: {"message": template, "values": {…}}


class DriftPoint(Document):
    """How far the body had moved after one epoch."""

    epoch: int
    step: int
    blocks: dict[str, float] = Field(default_factory=dict)  # block → ‖ΔW‖ / ‖W‖, from the input to the output
    ranks: dict[str, int] = Field(default_factory=dict)  # AdaLoRA: matrix → rank that is left


class MethodRuns(Document):
    """One method of a comparison with its runs, one a seed."""

    method: str  # kind
    label: str  # marked for translation
    runs: tuple[str, ...]  # ids, by seed
    seeds: tuple[int, ...]
    waiting: int = 0  # or at work
    failed: int = 0  # or stopped
    scores: tuple[float, ...] = ()  # of the finished runs, on the part that is compared
    trainable_parameters: int = 0
    parameters: int = 0
    step_bytes: int = 0  # of a training step, worked out
    memory_bytes: float = 0.0  # the largest of a process that trained; 0 where not measured
    seconds: float = 0.0  # of training, mean; 0 where not measured


class MethodComparison(Document):
    """A set of methods on the same data, split and seeds."""

    id: str
    source: str
    dataset: str
    dataset_name: str = ""
    created_at: float = 0.0
    metric: str = ""  # "test/accuracy"
    methods: tuple[MethodRuns, ...] = ()  # in the order in which they were asked for

    @property
    def over(self) -> bool:
        """Whether nothing more will come by itself."""
        return not any(one.waiting for one in self.methods)
