"""From a document's data part to rows that can be learned from: cleaned, labelled, divided."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.cleaning import FittedCleaner, Rows, clean_row_wise, learn, start_rows
from engine.data.inputs import choose_inputs
from engine.data.split import Parts, SplitInput, share_of_train, split_rows
from engine.data.target import class_codes, drop_unlabelled, read_target
from engine.specs.data import DataSpec
from engine.specs.records import CheckRecord
from engine.specs.split import SplitSpec
from engine.specs.task import ColumnKind, Part
from engine.store.datasets import PART_COLUMN


@dataclass(frozen=True)
class Prepared:
    """Rows ready to be encoded.

    Args:
        spec: the document's data part.
        frame: the cleaned input columns; its index is the row number in the data set. Numbers are float64 (NaN where
            missing), categories and texts are text. Text tasks have exactly one column, image tasks `image`;
            tables have numbers, categories and texts.
        target: `(rows,)` int32 class codes, or float64 numbers. In rows from `apply`, -1 or NaN where the answer is
            not known.
        classes: the names behind the codes, in natural order; empty for regression.
        parts: ascending positions in `frame` of each part; empty for rows from `apply`.
        columns: the kind of each input.
        cleaner: replays the cleaning on new rows.
        dropped_rows: rows left out because they have no target.
        warnings: what a person should know about the data before training.
    """

    spec: DataSpec
    frame: pd.DataFrame
    target: npt.NDArray[Any]
    classes: tuple[str, ...]
    parts: Parts
    columns: dict[str, ColumnKind]
    cleaner: FittedCleaner
    dropped_rows: int = 0
    warnings: tuple[CheckRecord, ...] = field(default=())

    def images(self, positions: npt.ArrayLike) -> list[npt.NDArray[np.uint8]]:
        """The pictures of some rows, each `(height, width, channels)`; views into a memory map where they can."""
        from engine.store.datasets import PIXELS, read_images
        from engine.store.home import dataset_dir

        keys = self.frame["image"].iloc[np.asarray(positions, dtype=np.int64)].tolist()
        stacked = dataset_dir(self.spec.dataset) / PIXELS
        if not stacked.is_file():
            return read_images(self.spec.dataset, keys)
        pixels = np.load(stacked, mmap_mode="r", allow_pickle=False)
        return [pixels[int(key)] for key in keys]

    def texts(self, positions: npt.ArrayLike) -> list[str]:
        """The texts of some rows of a text task."""
        column = self.frame.iloc[:, 0].iloc[np.asarray(positions, dtype=np.int64)]
        return [str(text) for text in column.fillna("")]


def load(data: DataSpec) -> Prepared:
    """Read, clean, label and divide the rows of a document.

    Raises:
        EngineError: BAD_DATA where nothing can be learned from the rows, BAD_INPUT where the document names something
            that is not there, NOT_FOUND where the data set is gone.
    """
    from engine.store.datasets import get_dataset, read_table

    kinds = {column.name: column.kind for column in get_dataset(data.dataset).columns}
    return prepare(data, read_table(data.dataset), kinds)


def prepare(data: DataSpec, frame: pd.DataFrame, kinds: dict[str, ColumnKind]) -> Prepared:
    """`load` for rows that are at hand.

    Args:
        data: the document's data part.
        frame: the raw rows; the index is the row number.
        kinds: the kind of each column as the import saw it.
    """
    split: SplitSpec = data.split
    rows = clean_row_wise(start_rows(frame, kinds, data.target, data.dataset), data.cleaning)
    labelled, dropped = drop_unlabelled(rows, data.task)
    target, classes, notes = read_target(labelled, data.task)
    given = labelled.frame.get(PART_COLUMN)
    parts = split_rows(split, SplitInput(target, labelled.frame, given))
    parts = share_of_train(parts, target, data.train_fraction, split.seed)
    inputs, joined = choose_inputs(labelled, data)
    learned = learn(labelled, data.cleaning, parts[Part.TRAIN])
    cleaner = FittedCleaner(tuple(data.cleaning), learned, dict(kinds), data.target, inputs, joined)
    cleaned = cleaner.select(cleaner.replay(labelled))
    return Prepared(data, cleaned, target, classes, parts, inputs, cleaner, dropped, tuple(notes))


def apply(
    spec: DataSpec, cleaner: FittedCleaner, frame: pd.DataFrame, classes: tuple[str, ...], *, dataset: str = ""
) -> Prepared:
    """New rows through the same cleaning; every row is kept, in its order.

    Args:
        spec: the data part that the model was trained with.
        cleaner: as learned then.
        frame: raw rows with the same columns; the target may be absent.
        classes: as learned then.
        dataset: the data set that the rows come from, where their images are looked up; default: the spec's own.

    Raises:
        EngineError: BAD_INPUT where a column that the model needs is not there.
    """
    data = spec.model_copy(update={"dataset": dataset}) if dataset else spec
    rows = cleaner.clean(frame, data.dataset)
    return Prepared(
        data, cleaner.select(rows), _known_answers(rows, data, classes), classes, {}, cleaner.inputs, cleaner
    )


def _known_answers(rows: Rows, data: DataSpec, classes: tuple[str, ...]) -> npt.NDArray[Any]:
    from engine.data.values import to_number

    absent = data.target not in rows.frame.columns
    if data.task.is_classification:
        return np.full(len(rows.frame), -1, np.int32) if absent else class_codes(rows.frame[data.target], classes)
    return np.full(len(rows.frame), np.nan) if absent else to_number(rows.frame[data.target]).to_numpy()
