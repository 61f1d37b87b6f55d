"""What comes out of the store: plain, frozen records that pages draw and the command line prints."""

from typing import Any, Literal

from pydantic import Field

from engine.specs.base import Document
from engine.specs.run import RunSpec
from engine.specs.task import ColumnKind, Modality, Part, RunStatus, Task


class ColumnRecord(Document):
    """One column of a data set, as far as the import could tell."""

    name: str
    kind: ColumnKind
    dtype: str = ""  # the Parquet type
    distinct: int = 0
    missing: int = 0


class DatasetRecord(Document):
    """A data set of the workspace; `id` is the fingerprint of its content."""

    id: str
    name: str
    modality: Modality
    rows: int
    columns: tuple[ColumnRecord, ...]
    bytes: int
    source: str = ""  # file names, sample name, "pasted"
    licence: str = ""
    created_at: float = 0.0  # Unix seconds
    parts: dict[Part, int] = Field(default_factory=dict)  # rows of each part that the data came with
    classes: tuple[str, ...] = ()  # of class folders; empty where the target is still to be chosen
    task: Task  # as inferred
    target: str  # as inferred
    image_size_px: tuple[int, int] | None = None  # median height and width
    channels: int = 0
    warnings: tuple[str, ...] = ()  # what the import left out or repaired, one sentence each
    notices: tuple[dict[str, Any], ...] = ()  # the same to be translated: {"message": template, "values": {…}}


class MetricPoint(Document):
    """One value of one metric."""

    step: int  # optimizer steps since the start of the run
    value: float
    time: float  # Unix seconds


class ExampleRecord(Document):
    """A validation or test example with its prediction, for the pictures beside the curves."""

    row: int  # row number in the data set
    truth: str
    prediction: str
    probability: float | None = None  # of the predicted class
    loss: float = 0.0
    text: str = ""  # the text, for text tasks
    values: dict[str, str] = Field(default_factory=dict)  # the row, for tables
    group: Literal["best", "worst", "random"] = "random"


class RunRecord(Document):
    """A run as lists and headers show it; histories and artifacts are read by verbs of their own."""

    id: str
    name: str
    status: RunStatus
    spec: RunSpec
    dataset_name: str = ""
    created_at: float  # Unix seconds
    started_at: float | None = None
    ended_at: float | None = None
    attempt: int = 0
    position: float = 0.0  # place in the queue, ascending
    epoch: int = 0  # finished epochs
    step: int = 0
    total_steps: int = 0
    seconds_left: float | None = None
    phase: str = ""  # "waiting", "preparing data", "building", "training", "evaluating"; marked for translation
    metrics: dict[str, float] = Field(default_factory=dict)  # newest value by key, e.g. "val/accuracy"
    best: dict[str, float] = Field(default_factory=dict)  # best value by key
    sparkline: tuple[float, ...] = ()  # up to 40 points of the objective
    error: dict[str, Any] | None = None  # EngineError.to_record()
    warnings: tuple[str, ...] = ()
    notices: tuple[dict[str, Any], ...] = ()  # the same to be translated: {"message": template, "values": {…}}
    tags: dict[str, str] = Field(default_factory=dict)
    note: str = ""
    deleted: bool = False
    stop_requested: bool = False
    seconds: float = 0.0  # of training, over all attempts
    purpose: str = "run"  # or "trial": of a search
    search_id: str = ""  # of the search that it is a trial of
    trial: int = 0  # its number there


class LayerRecord(Document):
    """One layer of a built model."""

    name: str
    kind: str
    output_shape: str  # "(batch, 32, 32, 16)"
    parameters: int
    trainable: int = 0  # of the parameters, those that learn
    flops: int  # multiply-adds × 2 for one example, forward
    inputs: tuple[str, ...] = ()  # names of the layers before it
    group: str = ""  # block it belongs to


class ModelDescription(Document):
    """What Design shows while one edits."""

    layers: tuple[LayerRecord, ...]
    parameters: int
    trainable_parameters: int
    flops: int  # forward, one example
    memory_bytes: int  # weights + gradients + optimizer + activations at this batch size
    weight_bytes: int = 0  # of it
    gradient_bytes: int = 0
    optimizer_bytes: int = 0
    activation_bytes: int = 0
    available_bytes: int  # on the device that would train
    seconds_per_epoch: float | None  # estimated on this machine; None where not known
    fits: bool
    warnings: tuple[str, ...] = ()
    notices: tuple[dict[str, Any], ...] = ()  # the same to be translated: {"message": template, "values": {…}}


class CheckRecord(Document):
    """One check of a split: do the parts resemble each other, does anything leak."""

    name: str
    ok: bool
    message: str  # template, marked for translation
    values: dict[str, Any] = Field(default_factory=dict)


class SplitReport(Document):
    """What a split gives."""

    counts: dict[Part, int]
    balance: dict[str, dict[Part, int]] = Field(default_factory=dict)  # class -> rows a part
    checks: tuple[CheckRecord, ...] = ()


class Interval(Document):
    """A value with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class BaselineRecord(Document):
    """A simple model fitted on the same split."""

    name: str  # "Majority class", "Gradient boosting", "TF-IDF + logistic regression"…; marked for translation
    kind: Literal["trivial", "classical"]
    metrics: dict[str, Interval]
    seconds: float = 0.0
    difference: Interval | None = None  # the run's objective minus this one's, from a paired bootstrap


class EvaluationRecord(Document):
    """How good a run is on one part or on new data. The rows behind it: `api.predictions`."""

    run_id: str
    part: str  # "validation", "test", or the id of another data set
    task: Task
    examples: int
    classes: tuple[str, ...] = ()
    metrics: dict[str, Interval]  # accuracy, macro_f1, … or rmse, mae, r2
    baselines: tuple[BaselineRecord, ...] = ()
    objective: str  # "accuracy" or "rmse"
    by_class: tuple[dict[str, Interval], ...] = ()  # precision, recall, f1, support of each class
    verdict: Literal["beats", "level", "loses", "unknown"] = "unknown"  # against the best classical baseline
    warnings: tuple[str, ...] = ()
    notices: tuple[dict[str, Any], ...] = ()  # the same to be translated: {"message": template, "values": {…}}


class RobustnessRecord(Document):
    """Accuracy under attacks of growing strength; strength 0 is the plain accuracy."""

    run_id: str
    part: str
    examples: int  # that were attacked
    unit: Literal["share", "deviations", "length"]  # of the range of values; of the numbers; of a text's vectors
    strengths: tuple[float, ...]  # ascending, from 0
    curves: dict[str, tuple[Interval, ...]]  # attack -> accuracy at each strength


class WorkerRecord(Document):
    """One warm worker."""

    name: str
    state: Literal["starting", "idle", "busy", "lost"]
    run_id: str = ""
    memory_bytes: int = 0
    device: str = "CPU"


class EngineState(Document):
    """The machine and the engine as Home shows them."""

    state: Literal["off", "starting", "ready"]
    workers: tuple[WorkerRecord, ...] = ()
    cpu_percent: float = 0.0
    memory_used_bytes: int = 0
    memory_total_bytes: int = 0
    gpus: tuple[dict[str, Any], ...] = ()
    disk_free_bytes: int = 0
    backend: str = "tensorflow"


class SampleRecord(Document):
    """A data set that Lathe brings or can fetch."""

    id: str
    name: str  # marked for translation
    summary: str  # marked for translation
    task: Task
    needs_network: bool
    bytes: int = 0  # to be downloaded
    licence: str = ""
