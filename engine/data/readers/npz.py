"""NPZ archives of NumPy arrays, in parts or whole; never unpickled."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

from engine.data import limits
from engine.data.image_sets import write_arrays
from engine.data.names import part_of
from engine.data.readers.base import Context, Draft, FileKind, SourceFile, Table, bad_file, set_reader, table_reader
from engine.errors import EngineError, ErrorKind
from engine.specs import Part
from engine.text import N_

if TYPE_CHECKING:
    import numpy as np

_INPUT_WORDS = {"x", "images", "image", "data", "features", "inputs", "imgs", "pixels"}
_LABEL_WORDS = {"y", "labels", "label", "target", "targets", "classes"}
_NAME_WORDS = {"names", "classnames"}
Pair = tuple["np.ndarray", "np.ndarray"]


@set_reader(order=30)
def read(files: list[SourceFile], context: Context) -> Draft | None:
    """Take arrays of pictures: x_train and y_train, train_images and train_labels, images and labels…"""
    sources = [file for file in files if file.kind == FileKind.NPZ]
    if len(sources) != 1 or any(file.kind in (FileKind.DELIMITED, FileKind.PARQUET) for file in files):
        return None
    pairs = _pairs(load(sources[0]), sources[0].name)
    if any(inputs.ndim < 3 for inputs, _ in pairs.values()):
        return None  # tables: read below
    labelled = {part: (inputs, _labels(labels)) for part, (inputs, labels) in pairs.items()}
    return write_arrays(context, labelled, name=sources[0].name)


@table_reader(FileKind.NPZ)
def read_table(file: SourceFile, context: Context) -> Table:
    """Read two-dimensional arrays as a table: features first, the label last."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as parquet

    pairs = _pairs(load(file), file.name)
    inputs = np.concatenate([np.atleast_2d(x.T).T for x, _ in pairs.values()])
    labels = np.concatenate(
        [np.asarray(_labels(y)) if y.dtype.kind in "USb" else np.ravel(y) for _, y in pairs.values()]
    )
    if inputs.ndim != 2 or len(inputs) != len(labels):
        raise bad_file(file.name, f"it has {len(inputs)} rows, but {len(labels)} labels")
    if inputs.shape[1] > limits.MAX_COLUMNS:
        from engine.data.readers.delimited import too_many_columns

        raise too_many_columns(file.name, inputs.shape[1])
    columns: dict[str, Any] = {f"feature_{i + 1}": pa.array(_plain(inputs[:, i])) for i in range(inputs.shape[1])}
    columns["label"] = pa.array(labels.tolist())
    if len(pairs) > 1:
        from engine.store.datasets import PART_COLUMN

        columns[PART_COLUMN] = pa.array([str(part) for part, (x, _) in pairs.items() for _ in range(len(x))])
    target = context.scratch(".parquet")
    parquet.write_table(pa.table(columns), target, row_group_size=61_440)
    return Table(target, list(columns), True, file.name, typed=True, rows=len(inputs))


def load(file: SourceFile) -> dict[str, np.ndarray]:
    """The arrays of an archive by name.

    Raises:
        EngineError: BAD_INPUT where an array holds Python objects, is corrupt, or all together are too large.
    """
    import numpy as np

    try:
        with zipfile.ZipFile(file.path) as archive:
            size_bytes = sum(entry.file_size for entry in archive.infolist())
        if size_bytes > limits.MAX_ARRAY_BYTES:
            raise bad_file(
                file.name, f"its arrays take {size_bytes >> 20} MiB, more than {limits.MAX_ARRAY_BYTES >> 20}"
            )
        with np.load(file.path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except EngineError:
        raise
    except ValueError as error:
        if "pickle" in str(error).lower():
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("{file} holds Python objects, which can run programs when they are read, and was refused."),
                hint=N_("Save plain arrays of numbers or of text with a fixed length instead."),
                file=file.name,
            ) from error
        raise bad_file(file.name, N_("it is truncated or corrupt")) from error
    except (zipfile.BadZipFile, OSError, EOFError, KeyError, RuntimeError) as error:
        raise bad_file(file.name, N_("it is truncated or corrupt")) from error


def _pairs(arrays: dict[str, np.ndarray], name: str) -> dict[Part | None, Pair]:
    """Inputs and labels of each part."""
    inputs = {part_of(key): value for key, value in arrays.items() if _is(key, _INPUT_WORDS)}
    labels = {part_of(key): value for key, value in arrays.items() if _is(key, _LABEL_WORDS)}
    parts = [part for part in inputs if part in labels]
    if not parts:
        raise bad_file(
            name,
            N_("no arrays of inputs and labels were found in it"),
            N_("Expected names such as x_train and y_train, train_images and train_labels, or images and labels."),
        )
    if len(parts) == 1:
        return {None: (inputs[parts[0]], labels[parts[0]])}
    return {part or Part.TRAIN: (inputs[part], labels[part]) for part in parts}


def _is(key: str, words: set[str]) -> bool:
    pieces = set(key.lower().replace("-", "_").split("_"))
    return bool(pieces & words) and not pieces & _NAME_WORDS


def _labels(values: np.ndarray) -> list[str]:
    """Labels as text: one number or word each, or the place of the 1 in one-hot rows."""
    import numpy as np

    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and np.all(values.sum(axis=1) == 1) and np.all((values == 0) | (values == 1)):
        values = values.argmax(axis=1)
    values = values.ravel()
    if values.dtype.kind == "f" and np.array_equal(values, np.floor(values)):
        values = values.astype(np.int64)
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values.tolist()]


def _plain(values: np.ndarray) -> np.ndarray:
    return values.astype("f8") if values.dtype.kind == "f" else values
