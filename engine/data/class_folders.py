"""Class folders: which folder names a part, which a class, in any of the usual nestings.

`cat/1.jpg`, `train/cat/1.jpg`, `cifar10/train/cat/1.jpg`, `pets/cat/2020/1.jpg`: the first level of folders whose names
are all parts gives the part; of the others, the first level with more than one name gives the class.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from engine.data.image_sets import natural_key
from engine.data.names import part_of
from engine.data.readers.base import SourceFile
from engine.specs import Part

UNLABELLED = {"unsup", "unlabeled", "unlabelled", "unknown_labels"}
_PART_ORDER = {None: 0, Part.TRAIN: 1, Part.VALIDATION: 2, Part.TEST: 3}


@dataclass(frozen=True)
class Labelled:
    """A file with what its folders say."""

    file: SourceFile
    label: str
    part: Part | None


def label_by_folders(files: Sequence[SourceFile]) -> tuple[list[Labelled], int]:
    """The files that lie in class folders, by part, class and name; and how many lie in none."""
    folders = {file.name: PurePosixPath(file.name).parts[:-1] for file in files}
    part_level = _part_level([path for path in folders.values() if path])
    found: list[tuple[SourceFile, tuple[str, ...], Part | None]] = []
    for file in files:
        path = folders[file.name]
        part = part_of(path[part_level]) if part_level is not None and len(path) > part_level else None
        rest = tuple(name for level, name in enumerate(path) if level != part_level)
        found.append((file, rest, part))
    level = _class_level([rest for _, rest, _ in found])
    labelled = [
        Labelled(file, unicodedata.normalize("NFC", rest[level]), part)
        for file, rest, part in found
        if len(rest) > level and (part is not None or part_level is None) and rest[level].lower() not in UNLABELLED
    ]
    labelled.sort(key=lambda e: (_PART_ORDER[e.part], natural_key(e.label), natural_key(e.file.name)))
    return labelled, len(files) - len(labelled)


def _part_level(paths: Sequence[tuple[str, ...]]) -> int | None:
    """The first level at which every folder's name is that of a part, and more than one part is there."""
    for level in range(max(map(len, paths), default=0)):
        names = {path[level] for path in paths if len(path) > level}
        parts = {part_of(name) for name in names}
        if None not in parts and (len(parts) > 1 or parts == {Part.TRAIN}):
            return level
    return None


def _class_level(rests: Sequence[tuple[str, ...]]) -> int:
    """The first level with more than one name; else the last one there is."""
    deepest = max(map(len, rests), default=0)
    for level in range(deepest):
        if len({rest[level] for rest in rests if len(rest) > level}) > 1:
            return level
    return max(deepest - 1, 0)
