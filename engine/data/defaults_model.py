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
# Pixels of all train images together above which two cores do not get through twenty epochs of the base network.
MANY_PIXELS = 5_000_000


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
    training = {"batch_size": batch, "early_stopping": _stopping(facts, patience_epochs=8)}
    numbers_wanted = not facts.task.is_classification
    if facts.rows < FEW_ROWS:  # many members and few epochs: the noise of single rows averages out
        training["epochs"] = _between(8, 40, (1_400 if numbers_wanted else 800) * batch / max(facts.rows, 1))
        rate = 2e-3 if numbers_wanted else 1e-3
        training["optimizer"] = {"kind": "adamw", "learning_rate": rate, "weight_decay": 1e-3}
        return {"kind": "table_ensemble", "members": 16, "units": [128, 128]}, training
    training["epochs"] = _between(3, 40, (30 if numbers_wanted else 14) * (15_000 / facts.rows) ** 0.5)
    rate = 3e-3 if numbers_wanted else 2e-3
    training["optimizer"] = {"kind": "adamw", "learning_rate": rate, "weight_decay": 3e-3}
    # Dropout shifts the scale of what a network puts out; numbers suffer from that, classes do not.
    dropout = 0.0 if numbers_wanted else 0.1
    return {"kind": "table_ensemble", "members": 8, "units": [256, 256], "dropout": dropout}, training


def table_bins(rows: int) -> int:
    """Quantile bins for the numbers of a table: fine ones where there are rows enough to fill them."""
    return 16 if rows < FEW_ROWS else 48


def _text(facts: Facts) -> tuple[dict[str, Any], dict[str, Any]]:
    """A linear model of n-grams beside averaged word vectors: what neither knows alone, they know together."""
    batch = _power_of_two(facts.rows / 200, 16, 128)
    return {"kind": "text_pool"}, {
        "batch_size": batch,
        "epochs": _between(3, 6, 200_000 / max(facts.rows, 1)),
        "optimizer": {"kind": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-3},
        "early_stopping": _stopping(facts, patience_epochs=3),
    }


def _image(facts: Facts) -> tuple[dict[str, Any], dict[str, Any]]:
    """A plain convolutional network; it needs no more for small pictures, and learns in minutes without a GPU."""
    pixels = facts.rows * facts.image_size_px**2
    model = {"kind": "cnn", "dropout": 0.3, "filters": [32, 64, 128], "convolutions": 2, "dense_units": 128}
    if pixels > MANY_PIXELS:  # one convolution a stage: seven times quicker, and minutes are what a first run has
        model |= {"filters": [32, 64], "convolutions": 1}
    return model, {
        "batch_size": _power_of_two(facts.rows / 100, 16, 128),
        "epochs": _between(5, 15, 600_000 / max(facts.rows, 1)),
        "early_stopping": _stopping(facts, patience_epochs=6),
    }


def _stopping(facts: Facts, *, patience_epochs: int) -> dict[str, Any]:
    if facts.rows < FEW_ROWS:
        return {"enabled": False, "restore_best": False}
    return {"enabled": True, "patience_epochs": patience_epochs, "restore_best": True}


def _between(least: int, most: int, wanted: float) -> int:
    return max(least, min(most, round(wanted)))


def _power_of_two(wanted: float, least: int, most: int) -> int:
    size = least
    while size < most and size * 2 <= wanted:
        size *= 2
    return size
