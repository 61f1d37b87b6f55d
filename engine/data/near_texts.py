"""Near duplicates among texts: MinHash with banding (Broder 1997; Leskovec et al., Mining of Massive Datasets, ch. 3).

Texts are folded (case, punctuation, spaces), cut into runs of five characters, and compared by the Jaccard similarity
of these runs. MinHash finds candidates without comparing all pairs; every candidate is then compared exactly.
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SIMILAR = 0.8  # Jaccard similarity from which two texts count as the same with small changes
_SHINGLE_CHARS = 5  # long enough to be rare in a text, short enough to survive a changed word
_BANDS, _BAND_ROWS = 8, 4  # finds a pair of similarity 0.8 with probability 1 - (1 - 0.8⁴)⁸ = 0.985
_LONGEST_CHARS = 2_000  # the rest of a longer text is not looked at
_CHARS_AT_ONCE = 2_000_000  # bounds the memory of the hashes
_NEIGHBOURS = 3  # candidates compared with so many before them in a bucket
_PRIME = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, spreads neighbouring values (Knuth)
_NOISE = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """A text without case, punctuation and superfluous spaces, in compatible Unicode form."""
    return _NOISE.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()[:_LONGEST_CHARS]


def shingles(folded: str) -> set[str]:
    """The runs of five characters of a folded text; a shorter text is one run."""
    return {folded[i : i + _SHINGLE_CHARS] for i in range(max(1, len(folded) - _SHINGLE_CHARS + 1))}


def jaccard(left: str, right: str) -> float:
    """Jaccard similarity of the shingles of two folded texts, 0 to 1."""
    a, b = shingles(left), shingles(right)
    return len(a & b) / len(a | b)


def near_text_groups(texts: Sequence[str], similar: float = SIMILAR) -> list[npt.NDArray[np.int64]]:
    """Groups of texts that are equal or nearly so.

    Args:
        texts: the texts; empty ones are in no group.
        similar: Jaccard similarity from which two texts belong together.

    Returns:
        Ascending positions, one array a group of two or more, by first position.
    """
    folded = [fold(text) for text in texts]
    first_of: dict[str, int] = {}
    parent = np.arange(len(folded))
    for position, text in enumerate(folded):
        if text:
            parent[position] = first_of.setdefault(text, position)
    distinct = np.array(list(first_of.values()), dtype=np.int64)
    if len(distinct) > 1:
        signatures = _signatures([folded[position] for position in distinct])
        for left, right in _candidates(signatures):
            _join_if_similar(parent, folded, int(distinct[left]), int(distinct[right]), similar)
    roots = np.array([_root(parent, position) for position in range(len(parent))], dtype=np.int64)
    order = np.argsort(roots, kind="stable")
    ends = np.flatnonzero(np.diff(roots[order])) + 1
    return [group for group in np.split(order, ends) if len(group) > 1]


def _root(parent: npt.NDArray[np.int64], position: int) -> int:
    while parent[position] != position:
        parent[position] = parent[parent[position]]
        position = int(parent[position])
    return position


def _join_if_similar(
    parent: npt.NDArray[np.int64], folded: Sequence[str], left: int, right: int, similar: float
) -> None:
    left_root, right_root = _root(parent, left), _root(parent, right)
    if left_root != right_root and jaccard(folded[left], folded[right]) >= similar:
        parent[max(left_root, right_root)] = min(left_root, right_root)


def _signatures(folded: Sequence[str]) -> npt.NDArray[np.uint64]:
    """`(texts, bands × rows)` MinHash signature of each text."""
    rng = np.random.default_rng(0)  # the hash functions are the same in every process
    count = _BANDS * _BAND_ROWS
    factors = rng.integers(1, 2**63, count, dtype=np.uint64) | np.uint64(1)
    shifts = rng.integers(0, 2**63, count, dtype=np.uint64)
    signatures = np.empty((len(folded), count), dtype=np.uint64)
    start = 0
    while start < len(folded):
        stop, chars = start, 0
        while stop < len(folded) and (chars == 0 or chars + len(folded[stop]) <= _CHARS_AT_ONCE):
            chars += max(len(folded[stop]), 1)
            stop += 1
        hashes, starts = _shingle_hashes(folded[start:stop])
        for column in range(count):
            mixed = (hashes * factors[column] + shifts[column]) >> np.uint64(16)
            signatures[start:stop, column] = np.minimum.reduceat(mixed, starts)
        start = stop
    return signatures


def _shingle_hashes(folded: Sequence[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """The hashes of all shingles one after the other, and where those of each text start."""
    padded = [text.ljust(_SHINGLE_CHARS, "\0") for text in folded]
    lengths = np.array([len(text) for text in padded], dtype=np.int64)
    codes = np.frombuffer("".join(padded).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    windows = len(codes) - _SHINGLE_CHARS + 1
    hashes = np.zeros(windows, dtype=np.uint64)
    for offset in range(_SHINGLE_CHARS):
        hashes = (hashes ^ codes[offset : offset + windows]) * _PRIME
        hashes ^= hashes >> np.uint64(29)
    ends = np.cumsum(lengths)
    inside = np.ones(len(codes), dtype=bool)  # windows that reach over the end of a text belong to none
    for offset in range(1, _SHINGLE_CHARS):
        inside[ends - offset] = False
    per_text = lengths - _SHINGLE_CHARS + 1
    return hashes[inside[:windows]], np.cumsum(per_text) - per_text


def _candidates(signatures: npt.NDArray[np.uint64]) -> set[tuple[int, int]]:
    """Pairs of texts that agree on a whole band."""
    pairs: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        rows = signatures[:, band * _BAND_ROWS : (band + 1) * _BAND_ROWS]
        key = np.zeros(len(rows), dtype=np.uint64)
        for column in range(_BAND_ROWS):
            key = (key ^ rows[:, column]) * _PRIME
        order = np.argsort(key, kind="stable")
        for distance in range(1, _NEIGHBOURS + 1):
            same = np.flatnonzero(key[order[distance:]] == key[order[:-distance]])
            pairs.update(zip(order[same].tolist(), order[same + distance].tolist(), strict=True))
    return pairs
