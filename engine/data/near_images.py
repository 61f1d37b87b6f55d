"""Near duplicates among pictures: difference hash (Krawetz 2013) for candidates, small sketches to make sure.

The difference hash says for each of 8 × 8 places whether the picture grows brighter to the right; it survives another
size, another compression and a change of brightness. On small, plain pictures different things share a hash, so a
candidate counts only where the sketches themselves agree.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_SIDE = 16  # of a sketch, px
_BANDS = 8  # of 8 bits: two hashes that differ in up to 7 bits agree on at least one
_NEIGHBOURS = 8  # candidates compared with so many before them in a bucket
_MOST_BITS_APART = 6
_LARGEST_DIFFERENCE = 4.0  # mean absolute difference of two sketches, of 255; recompression stays below about 2
_SMALLEST_SPREAD = 4.0  # pictures with less contrast than this are compared by equality only


@dataclass(frozen=True)
class ImageSketches:
    """What is kept of pictures to compare them.

    Args:
        grey: `(pictures, 16, 16)` float32, 0 to 255.
        hashes: `(pictures,)` 64-bit difference hashes.
    """

    grey: npt.NDArray[np.float32]
    hashes: npt.NDArray[np.uint64]


def sketch_images(batches: Iterable[list[npt.NDArray[np.uint8]]]) -> ImageSketches:
    """Sketches of pictures, `(height, width, channels)` each."""
    sketches = [_sketch_batch(batch) for batch in batches if batch]
    if not sketches:
        return ImageSketches(np.zeros((0, _SIDE, _SIDE), np.float32), np.zeros(0, np.uint64))
    return ImageSketches(np.concatenate([grey for grey, _ in sketches]), np.concatenate([bits for _, bits in sketches]))


def _sketch_batch(batch: list[npt.NDArray[np.uint8]]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint64]]:
    shapes = {pixels.shape for pixels in batch}
    if len(shapes) == 1:
        return _sketch_stack(np.stack(batch))
    pairs = [_sketch_stack(pixels[None]) for pixels in batch]
    return np.concatenate([grey for grey, _ in pairs]), np.concatenate([bits for _, bits in pairs])


def _sketch_stack(pixels: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint64]]:
    grey = pixels.mean(axis=-1, dtype=np.float32)  # (pictures, height, width)
    small = _resize(grey, _SIDE, _SIDE)
    steps = np.diff(_resize(grey, 8, 9), axis=2) > 0  # (pictures, 8, 8)
    bits = np.packbits(steps.reshape(len(grey), 64), axis=1)
    return small, np.ascontiguousarray(bits).view(np.uint64).reshape(-1)


def _resize(grey: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.float32]:
    """Area averages, as two matrix products."""
    rows, columns = _weights(grey.shape[1], height), _weights(grey.shape[2], width)
    return np.matmul(np.matmul(rows, grey), columns.T)


def _weights(source: int, target: int) -> npt.NDArray[np.float32]:
    """`(target, source)` share of each source pixel in each target pixel."""
    edges = np.linspace(0, source, target + 1)
    pixels = np.arange(source)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    overlap = np.clip(overlap, 0, None)
    return (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)


def near_image_groups(sketches: ImageSketches) -> list[npt.NDArray[np.int64]]:
    """Groups of pictures that are equal or nearly so: ascending positions, one array a group of two or more."""
    count = len(sketches.hashes)
    if count < 2:
        return []
    parent = np.arange(count)
    flat = sketches.grey.reshape(count, -1)
    plain = flat.std(axis=1) < _SMALLEST_SPREAD
    for left, right in _candidate_pairs(sketches.hashes):
        apart = np.bitwise_count(sketches.hashes[left] ^ sketches.hashes[right])
        keep = (apart <= _MOST_BITS_APART) & ~plain[left] & ~plain[right]
        left, right = left[keep], right[keep]
        close = np.abs(flat[left] - flat[right]).mean(axis=1) <= _LARGEST_DIFFERENCE
        for a, b in zip(left[close].tolist(), right[close].tolist(), strict=True):
            _join(parent, a, b)
    roots = np.array([_root(parent, position) for position in range(count)], dtype=np.int64)
    order = np.argsort(roots, kind="stable")
    ends = np.flatnonzero(np.diff(roots[order])) + 1
    return [group for group in np.split(order, ends) if len(group) > 1]


def _candidate_pairs(hashes: npt.NDArray[np.uint64]) -> Iterable[tuple[Any, Any]]:
    """Pairs that share 8 of 64 bits in the same place and are neighbours in the order of the others."""
    for band in range(_BANDS):
        turned = np.bitwise_or(hashes << np.uint64(8 * band), hashes >> np.uint64((64 - 8 * band) % 64))
        order = np.argsort(turned, kind="stable")
        for distance in range(1, _NEIGHBOURS + 1):
            yield order[:-distance], order[distance:]


def _join(parent: npt.NDArray[np.int64], left: int, right: int) -> None:
    left_root, right_root = _root(parent, left), _root(parent, right)
    parent[max(left_root, right_root)] = min(left_root, right_root)


def _root(parent: npt.NDArray[np.int64], position: int) -> int:
    while parent[position] != position:
        parent[position] = parent[parent[position]]
        position = int(parent[position])
    return position
