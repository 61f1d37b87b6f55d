"""The tasks that Lathe can learn, and the states a run can be in."""

from enum import StrEnum

from engine.text import N_


class Modality(StrEnum):
    """What one example is."""

    IMAGE = "image"
    TEXT = "text"
    TABLE = "table"


class Task(StrEnum):
    """What is learned. Members carry their modality and goal, so that no code compares names by hand."""

    IMAGE_CLASSIFICATION = "image_classification"
    TEXT_CLASSIFICATION = "text_classification"
    TABLE_CLASSIFICATION = "table_classification"
    TABLE_REGRESSION = "table_regression"

    @property
    def modality(self) -> Modality:
        """Image, text or table."""
        return Modality(self.value.split("_")[0])

    @property
    def is_classification(self) -> bool:
        """True where the target is one of several classes, False where it is a number."""
        return self.value.endswith("_classification")

    @property
    def label(self) -> str:
        """Its name on a form (marked for translation)."""
        return _LABELS[self]


_LABELS = {
    Task.IMAGE_CLASSIFICATION: N_("Image classification"),
    Task.TEXT_CLASSIFICATION: N_("Text classification"),
    Task.TABLE_CLASSIFICATION: N_("Table classification"),
    Task.TABLE_REGRESSION: N_("Table regression"),
}


class ColumnKind(StrEnum):
    """What a column of a data set holds."""

    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"
    DATE = "date"
    IDENTIFIER = "identifier"  # (nearly) unique to each row: nothing to learn from
    CONSTANT = "constant"  # one value, or none
    IMAGE = "image"


class Part(StrEnum):
    """The three parts of a split."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class RunStatus(StrEnum):
    """The states of a run, MLflow's own."""

    SCHEDULED = "SCHEDULED"  # in the queue, or given back to it by a worker that died
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"  # with a cause, see RunRecord.error
    KILLED = "KILLED"  # stopped by a person; can be resumed from its newest checkpoint

    @property
    def is_over(self) -> bool:
        """True where nothing more will happen by itself."""
        return self in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)

    @property
    def label(self) -> str:
        """Its name on a screen (marked for translation)."""
        return _STATUS_LABELS[self]


_STATUS_LABELS = {
    RunStatus.SCHEDULED: N_("Waiting"),
    RunStatus.RUNNING: N_("Running"),
    RunStatus.FINISHED: N_("Finished"),
    RunStatus.FAILED: N_("Failed"),
    RunStatus.KILLED: N_("Stopped"),
}
