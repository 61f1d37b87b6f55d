"""Which model and which training a data set gets where nobody says otherwise. All that is to be tuned is here."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from engine.specs.task import Modality, Task


@dataclass(frozen=True)
class Facts:
    """What is known of the data before a model is chosen."""

    modality: Modality
    task: Task
    rows: int  # to train on, about
    classes: int = 0  # 0 where not known yet, or a number is predicted
    image_size_px: int = 0
    channels: int = 0
    tokens: str = ""  # "words" or "characters"
    sequence_length: int = 0
    numbers: int = 0  # columns of a table
    categories: int = 0

    def replace(self, **changes: Any) -> "Facts":
        """A copy with some facts changed."""
        return dataclasses.replace(self, **changes)


_FAMILY = {Modality.IMAGE: "cnn", Modality.TEXT: "text_pool", Modality.TABLE: "mlp"}


def choose_model(task: Task, facts: Facts) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model and the training part of a document, by the nature of the data.

    Args:
        task: what is learned.
        facts: what is known of the data.

    Returns:
        Two plain documents; what they leave out takes its default.
    """
    training: dict[str, Any] = {
        "loss": {"kind": "cross_entropy" if task.is_classification else "mse"},
        "batch_size": _batch_size(facts.rows),
        "epochs": _epochs(facts),
    }
    return {"kind": _FAMILY[task.modality]}, training


def _batch_size(rows: int) -> int:
    """About a hundred steps an epoch, between 16 and 256."""
    size = 16
    while size < 256 and rows // size > 200:
        size *= 2
    return size


def _epochs(facts: Facts) -> int:
    if facts.modality is Modality.TABLE:
        return 60 if facts.rows < 10_000 else 30
    return 12 if facts.modality is Modality.IMAGE else 10
