"""Which model and which training a data set gets where nobody says otherwise. All that is to be tuned is here.

The choice follows from the kind of data, their number and their size; `bench/defaults.py` holds it against classical
models on real data sets.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from engine.specs.task import Modality, Task

# Minutes of training that a first run may take on a small machine.
MAX_TRAIN_TIME_S = 180.0
# Below this many train rows a validation part is too small to stop by: it would pick lucky epochs. A fixed schedule
# with averaged weights is steadier.
FEW_ROWS = 3_000


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


def choose_model(task: Task, facts: Facts) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model and the training part of a document, by the nature of the data.

    Args:
        task: what is learned.
        facts: what is known of the data.

    Returns:
        Two plain documents; what they leave out takes its default.
    """
    choose = {Modality.IMAGE: _image, Modality.TEXT: _text, Modality.TABLE: _table}[task.modality]
    model, training = choose(facts)
    return model, {
        "loss": {"kind": "cross_entropy" if task.is_classification else "mse"},
        "max_train_time_s": MAX_TRAIN_TIME_S,
        **training,
    }


def _table(facts: Facts) -> tuple[dict[str, Any], dict[str, Any]]:
    """An ensemble of small networks over quantile bins: near boosted trees on small tables and large ones."""
    batch = _power_of_two(facts.rows / 40, 32, 256)
    # About 800 steps for a few hundred rows, 4,000 for tens of thousands.
    steps = min(4_000, max(800, facts.rows // 4))
    epochs = max(3, min(60, round(steps * batch / max(facts.rows, 1))))
    return {"kind": "table_ensemble"}, {
        "batch_size": batch,
        "epochs": epochs,
        "optimizer": {"kind": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-3},
        "early_stopping": _stopping(facts, patience_epochs=8),
    }


def _text(facts: Facts) -> tuple[dict[str, Any], dict[str, Any]]:
    """A linear model of n-grams beside averaged word vectors: what neither knows alone, they know together."""
    batch = _power_of_two(facts.rows / 200, 16, 128)
    return {"kind": "text_pool"}, {
        "batch_size": batch,
        "epochs": max(3, min(10, round(200_000 / max(facts.rows, 1)))),
        "optimizer": {"kind": "adamw", "learning_rate": 2e-3, "weight_decay": 1e-3},
        "early_stopping": _stopping(facts, patience_epochs=3),
    }


def _image(facts: Facts) -> tuple[dict[str, Any], dict[str, Any]]:
    """A plain convolutional network; it needs no more for small pictures, and learns in minutes without a GPU."""
    return {"kind": "cnn"}, {
        "batch_size": _power_of_two(facts.rows / 150, 16, 128),
        "epochs": max(5, min(30, round(700_000 / max(facts.rows, 1)))),
        "early_stopping": _stopping(facts, patience_epochs=6),
    }


def _stopping(facts: Facts, *, patience_epochs: int) -> dict[str, Any]:
    if facts.rows < FEW_ROWS:
        return {"enabled": False, "restore_best": False}
    return {"enabled": True, "patience_epochs": patience_epochs, "restore_best": True}


def _power_of_two(wanted: float, least: int, most: int) -> int:
    size = least
    while size < most and size * 2 <= wanted:
        size *= 2
    return size
