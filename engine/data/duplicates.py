"""Which examples are the same: exactly, by a hash of their content; nearly, by what a person would see or read.

Duplicates on both sides of a split make a model look better than it is; within train they only weigh double.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.near_images import ImageSketches, near_image_groups, sketch_images
from engine.data.near_texts import near_text_groups
from engine.specs.task import ColumnKind

Keys = npt.NDArray[np.uint64]
_IMAGES_AT_ONCE = 1024  # decoded at a time


def example_keys(frame: pd.DataFrame, columns: Sequence[str], kinds: dict[str, ColumnKind], dataset: str = "") -> Keys:
    """`(rows,)` 64-bit key of each row over some columns; equal rows have equal keys, missing equals missing.

    A column of images counts by its pixels, not by the name of its files.
    """
    parts: dict[str, Any] = {}
    for name in columns:
        if kinds.get(name) is ColumnKind.IMAGE and dataset:
            parts[name] = image_keys(dataset, frame[name].tolist())
        else:
            parts[name] = frame[name].to_numpy()
    if not parts:
        return np.arange(len(frame), dtype=np.uint64)
    return pd.util.hash_pandas_object(pd.DataFrame(parts), index=False).to_numpy().astype(np.uint64)


def image_keys(dataset: str, keys: Sequence[Any]) -> Keys:
    """`(images,)` 64-bit hash of each picture's pixels and shape."""
    hashes = [
        hashlib.blake2b(np.ascontiguousarray(pixels).tobytes(), digest_size=8, salt=_shape_salt(pixels)).digest()
        for batch in _image_batches(dataset, keys)
        for pixels in batch
    ]
    return np.frombuffer(b"".join(hashes), dtype=np.uint64)


def _shape_salt(pixels: npt.NDArray[Any]) -> bytes:
    return np.array(pixels.shape[:2], dtype=np.uint32).tobytes()


def _image_batches(dataset: str, keys: Sequence[Any]) -> Iterator[list[npt.NDArray[np.uint8]]]:
    from engine.store.datasets import read_images

    for start in range(0, len(keys), _IMAGES_AT_ONCE):
        yield read_images(dataset, keys[start : start + _IMAGES_AT_ONCE])


def sketches_of(dataset: str, keys: Sequence[Any]) -> ImageSketches:
    """Small sketches of pictures, from which near duplicates are found."""
    return sketch_images(_image_batches(dataset, keys))


def exact_groups(keys: Keys) -> list[npt.NDArray[np.int64]]:
    """Ascending positions of the rows that share a key, one array a group of two or more, by first position."""
    order = np.argsort(keys, kind="stable")
    ends = np.flatnonzero(np.diff(keys[order])) + 1
    groups = [group for group in np.split(order, ends) if len(group) > 1]
    return sorted(groups, key=lambda group: int(group[0]))


def across(groups: Iterable[npt.NDArray[np.int64]], part_of: npt.NDArray[Any]) -> list[npt.NDArray[np.int64]]:
    """The groups whose members lie in more than one part; rows in no part (None) do not count."""
    found = []
    for group in groups:
        members = group[[part_of[position] is not None for position in group]]
        if len({part_of[position] for position in members}) > 1:
            found.append(members)
    return found


__all__ = [
    "across",
    "exact_groups",
    "example_keys",
    "image_keys",
    "near_image_groups",
    "near_text_groups",
    "sketches_of",
]
