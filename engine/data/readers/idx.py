"""IDX, the format of MNIST (yann.lecun.com/exdb/mnist): images and labels in files of their own, often gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from engine.data.image_sets import write_arrays
from engine.data.limits import MAX_ARRAY_BYTES
from engine.data.names import part_of
from engine.data.readers.base import Context, Draft, FileKind, SourceFile, bad_file, set_reader
from engine.specs import Part
from engine.text import N_

if TYPE_CHECKING:
    import numpy as np

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@set_reader(order=20)
def read(files: list[SourceFile], context: Context) -> Draft | None:
    """Pair files of images (3 or 4 dimensions) with files of labels (1 dimension) by their names."""
    sources = [file for file in files if file.kind == FileKind.IDX]
    if not sources:
        return None
    arrays = {file.name: read_array(file) for file in sources}
    images = {name: array for name, array in arrays.items() if array.ndim >= 3}
    labels = {name: array for name, array in arrays.items() if array.ndim == 1}
    if not images or not labels:
        found = N_("it holds images without labels") if images else N_("it holds labels without images")
        raise bad_file(sources[0].name, found, N_("Give the file of images and the file of labels together."))
    pairs: dict[Part | None, tuple[np.ndarray, list[str]]] = {}
    for name, array in images.items():
        part = part_of(name)
        partner = _partner(name, list(labels), only=len(images) == 1)
        if partner is None or part in pairs:
            raise bad_file(
                name, N_("no file of labels fits it"), N_("Name both alike, such as train-images and train-labels.")
            )
        pairs[part] = (array, [str(int(value)) for value in labels[partner]])
    if None in pairs and len(pairs) > 1:
        pairs[Part.TRAIN] = pairs.pop(None)
    if len(pairs) == 1:
        pairs = {None: next(iter(pairs.values()))}
    return write_arrays(context, pairs, name=", ".join(images))


def read_array(file: SourceFile) -> np.ndarray:
    """Read one IDX file, gzipped or not.

    Raises:
        EngineError: BAD_INPUT where it is truncated, corrupt or larger than `MAX_ARRAY_BYTES`.
    """
    import numpy as np

    with open(file.path, "rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(file.path) if zipped else open(file.path, "rb") as stream:
            head = stream.read(4)
            dtype, dimensions = np.dtype(_TYPES[head[2]]), head[3]
            shape = tuple(int(n) for n in np.frombuffer(stream.read(4 * dimensions), ">u4"))
            size_bytes = math.prod(shape) * dtype.itemsize
            if len(shape) != dimensions or size_bytes > MAX_ARRAY_BYTES:
                raise bad_file(file.name, N_("its header asks for more than there can be"))
            content = stream.read(size_bytes)
    except (OSError, EOFError, zlib.error, KeyError, IndexError) as error:
        raise bad_file(file.name, N_("it is truncated or corrupt")) from error
    if len(content) < size_bytes:
        raise bad_file(file.name, f"it ends after {len(content)} of {size_bytes} bytes")
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _partner(name: str, labels: list[str], *, only: bool) -> str | None:
    if only and len(labels) == 1:
        return labels[0]
    stem = _stem(name)
    return next((label for label in labels if _stem(label) == stem), None)


def _stem(name: str) -> str:
    """What an image file and its label file have in common: "train-images-idx3-ubyte.gz" → "train"."""
    plain = PurePosixPath(name).name.lower().split(".")[0]
    for word in ("images", "image", "labels", "label", "idx1", "idx3", "idx4", "ubyte"):
        plain = plain.replace(word, "")
    return plain.strip("-_ ")
