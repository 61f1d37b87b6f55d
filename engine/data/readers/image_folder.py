"""Pictures in class folders, with or without train, validation and test."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from engine.data import limits
from engine.data.class_folders import Labelled, label_by_folders
from engine.data.image_sets import ImageRows, draft_of
from engine.data.pictures import UnreadablePictureError, decode, inspect
from engine.data.readers.base import Context, Draft, FileKind, SourceFile, set_reader
from engine.errors import EngineError, ErrorKind
from engine.specs import Part
from engine.store.datasets import FILES, PIXELS, ROWS
from engine.text import N_

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")
R = TypeVar("R")
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
_MASK_FOLDERS = {
    "image",
    "images",
    "mask",
    "masks",
    "annotation",
    "annotations",
    "label",
    "labels",
    "gt",
    "ground_truth",
}
_THREADS = 2  # decoding lets go of the interpreter; two keep two cores busy
_WINDOW = 256  # pictures decoded ahead: bounds the memory


@dataclass(frozen=True)
class _Look:
    """What a first look at a picture showed."""

    entry: Labelled
    size: tuple[int, int]  # height, width
    mode: str
    grey: bool


@set_reader(order=10)
def read(files: list[SourceFile], context: Context) -> Draft | None:
    """Take all pictures with the names of their folders as labels; unreadable ones are left out and counted."""
    pictures = [file for file in files if _is_picture(file)]
    if not any(file.kind == FileKind.IMAGE for file in pictures):
        return None
    labelled, outside = label_by_folders(pictures)
    _check(pictures, labelled)
    if outside:
        context.warn(N_("{count} pictures that lie in no class folder were left out."), count=outside)
    looks = _look_at(labelled, context)
    _check_classes([look.entry for look in looks], labelled)
    sizes = {look.size for look in looks}
    height, width = next(iter(sizes))
    channels = 1 if all(look.grey for look in looks) else 3
    stacked = len(sizes) == 1 and max(height, width) <= limits.MAX_STACKED_SIDE_PX
    if stacked and len(looks) * height * width * channels <= limits.MAX_STACKED_BYTES:
        rows = _stack(looks, channels, context)
    else:
        rows = _keep_files(looks, context)
    rows.write(context.draft_dir / ROWS)
    counts = Counter(look.entry.part for look in looks)
    return draft_of(rows, channels, [(part, counts[part]) for part in Part])


def _is_picture(file: SourceFile) -> bool:
    """A picture by its content, or one that only claims to be one: that is counted as unreadable."""
    return file.kind == FileKind.IMAGE or PurePosixPath(file.name.lower()).suffix in IMAGE_SUFFIXES


def _check(pictures: Sequence[SourceFile], labelled: Sequence[Labelled]) -> None:
    if len(pictures) == 1:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("{file} is a single picture; a model learns from many, each with its class."),
            hint=N_("Put the pictures into one folder a class, and give the folder or a zip of it."),
            file=pictures[0].name,
        )
    folders = {entry.label.lower() for entry in labelled}
    if len(folders & _MASK_FOLDERS) > 1:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The folders {folders} look like pictures with masks or boxes, not like classes."),
            hint=N_("Lathe classifies whole pictures so far: put them into one folder a class."),
            folders=", ".join(sorted(folders)[:4]),
        )


def _check_classes(readable: Sequence[Labelled], labelled: Sequence[Labelled]) -> None:
    classes = {entry.label for entry in readable}
    values: dict[str, Any]
    if len(classes) > 1:
        return
    if labelled and not readable:
        message, values = N_("None of the {count} pictures can be read."), {"count": len(labelled)}
    elif classes:
        message, values = N_("All pictures lie in one class folder, {label}."), {"label": classes.pop()}
    else:
        message, values = N_("The pictures lie in no class folders."), {}
    raise EngineError(
        ErrorKind.BAD_DATA,
        message,
        hint=N_("Expected at least two folders, named after the classes, with readable pictures in each."),
        **values,
    )


def _look_at(labelled: Sequence[Labelled], context: Context) -> list[_Look]:
    """Decode every picture once (JPEG in an eighth of its size): broken ones are found here, not in the training."""
    looks: list[_Look] = []
    unreadable: list[str] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, found in enumerate(_ahead(pool, _inspect, labelled)):
            if isinstance(found, str):
                unreadable.append(found)
            else:
                looks.append(found)
            if number % 100 == 0:
                context.progress(0.1 + 0.4 * number / len(labelled), N_("Looking at the pictures"))
    if unreadable:
        context.warn(
            N_("{count} pictures could not be read and were left out: {files}."),
            count=len(unreadable),
            files=", ".join(unreadable[: limits.MAX_FILE_WARNINGS]),
        )
    return looks


def _inspect(entry: Labelled) -> _Look | str:
    try:
        size, mode, grey = inspect(entry.file.path)
    except UnreadablePictureError as error:
        return f"{entry.file.name} ({error})"
    return _Look(entry, size, mode, grey)


def _stack(looks: Sequence[_Look], channels: int, context: Context) -> ImageRows:
    import numpy as np

    height, width = looks[0].size
    shape = (len(looks), height, width, channels)
    pixels = np.lib.format.open_memmap(context.draft_dir / PIXELS, mode="w+", dtype=np.uint8, shape=shape)
    rows = ImageRows()
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, image in enumerate(_ahead(pool, _decode, looks)):
            pixels[number] = image if image.shape[-1] == channels else image[..., :1]  # grey is the same three times
            look = looks[number]
            rows.add(str(number), look.entry.label, look.size, look.mode, look.entry.part)
            if number % 100 == 0:
                context.progress(0.5 + 0.3 * number / len(looks), N_("Writing the images"))
    pixels.flush()
    return rows


def _decode(look: _Look) -> np.ndarray:
    return decode(look.entry.file.path)[0]


def _keep_files(looks: Sequence[_Look], context: Context) -> ImageRows:
    """Keep the files as they came: those that were unpacked here are moved, those of a person are copied."""
    rows = ImageRows()
    for number, look in enumerate(looks):
        source, target = look.entry.file.path, context.draft_dir / FILES / look.entry.file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        _move_or_copy(source, target, own=source.is_relative_to(context.work_dir))
        rows.add(look.entry.file.name, look.entry.label, look.size, look.mode, look.entry.part)
        if number % 100 == 0:
            context.progress(0.5 + 0.3 * number / len(looks), N_("Writing the images"))
    return rows


def _move_or_copy(source: Path, target: Path, *, own: bool) -> None:
    if own:
        os.replace(source, target)
    else:
        shutil.copyfile(source, target)


def _ahead(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Results in order, with no more than `_WINDOW` of them waiting."""
    for start in range(0, len(items), _WINDOW):
        yield from pool.map(work, items[start : start + _WINDOW])
