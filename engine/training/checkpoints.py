"""Checkpoints that survive a kill at any moment.

Each is a new folder: `arrays.npz` (weights, optimizer, averages, random seeds), `state.json` (epoch, batch, what early
stopping remembers), the best weights so far, and `manifest.json` with size and SHA-256 of each file. It is written
beside its place, synced and renamed there; the two newest are kept; one that does not match its manifest counts as not
written. Keras' `BackupAndRestore` was not enough: killed between weights and metadata it repeats an epoch, killed
mid-write it cannot resume.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import EngineError, ErrorKind
from engine.text import N_

KEPT = 2
ARRAYS, STATE, BEST, MANIFEST = "arrays.npz", "state.json", "best.npz", "manifest.json"

Groups = dict[str, list[np.ndarray]]  # "model", "optimizer", "average" -> their variables in order


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint as read from disk."""

    path: Path
    groups: Groups
    state: dict[str, Any]

    @property
    def best(self) -> Path | None:
        """The best weights so far, where there were any."""
        file = self.path / BEST
        return file if file.exists() else None


def write(
    folder: Path,
    number: int,
    groups: Groups,
    state: dict[str, Any],
    *,
    best: Path | None = None,
    keep_all: bool = False,
) -> Path:
    """Write checkpoint `number` below `folder` and drop all but the newest two.

    Args:
        folder: `<run>/checkpoints`, made where it is missing.
        number: optimizer steps done; a later one must be higher, or equal to replace it.
        groups: the variables.
        state: plain JSON.
        best: the best weights so far; linked, not copied, where the disk can.
        keep_all: drop none.

    Raises:
        EngineError: OUT_OF_DISK where there is no room; what was there before stays whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{number:012d}-{os.getpid()}.partial"
    final = place(folder, number)
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        write_arrays(partial / ARRAYS, groups)
        (partial / STATE).write_text(json.dumps(state), encoding="utf-8")
        if best is not None and best.exists():
            link(best, partial / BEST)
        names = sorted(file.name for file in partial.iterdir())
        manifest = {
            name: {"bytes": (partial / name).stat().st_size, "sha256": _sha256(partial / name)} for name in names
        }
        (partial / MANIFEST).write_text(json.dumps({"version": 1, "files": manifest}), encoding="utf-8")
        for name in [STATE, MANIFEST]:
            sync(partial / name)
        sync(partial)
        if final.exists():  # the same step again, after a resume: the old one must not be half-removed under its name
            final.rename(folder / f".{number:012d}-old.partial")
        partial.rename(final)
        sync(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise disk_error(error, folder) from error
    if not keep_all:
        prune(folder)
    return final


def place(folder: Path, number: int) -> Path:
    """Where checkpoint `number` lies below `folder`."""
    return folder / f"{number:012d}"


def newest(folder: Path) -> Checkpoint | None:
    """The newest whole checkpoint below `folder`; corrupt and half-written ones are passed over."""
    for path in reversed(_finished(folder)):
        checkpoint = read(path)
        if checkpoint is not None:
            return checkpoint
    return None


def newest_path(folder: Path) -> Path | None:
    """Where the newest whole checkpoint below `folder` lies."""
    return next((path for path in reversed(_finished(folder)) if is_whole(path)), None)


def read(path: Path) -> Checkpoint | None:
    """A checkpoint, or None where a file is missing or does not match the manifest."""
    try:
        return Checkpoint(path, read_arrays(path / ARRAYS), read_state(path)) if is_whole(path) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
        return None


def is_whole(path: Path) -> bool:
    """Whether all files of a checkpoint are there and match its manifest; the arrays are not read into memory."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return all(
            (path / name).stat().st_size == expected["bytes"] and _sha256(path / name) == expected["sha256"]
            for name, expected in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def read_state(path: Path) -> dict[str, Any]:
    """The plain part of a checkpoint."""
    return dict(json.loads((path / STATE).read_text(encoding="utf-8")))


def prune(folder: Path) -> None:
    """Keep the two newest; drop what an earlier process left half-written."""
    for path in _finished(folder)[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(".*.partial"):
        shutil.rmtree(path, ignore_errors=True)


def write_arrays(file: Path, groups: Groups) -> None:
    """Write arrays whole or not at all: to a new file, synced, then renamed into place."""
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("wb") as out:
        named = {f"{group}/{i:05d}": array for group, arrays in groups.items() for i, array in enumerate(arrays)}
        np.savez(out, **named)  # type: ignore[arg-type]
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)


def read_arrays(file: Path) -> Groups:
    """Read what `write_arrays` wrote; nothing in it is unpickled."""
    groups: Groups = {}
    with np.load(file, allow_pickle=False) as arrays:
        for key in sorted(arrays.files):
            groups.setdefault(key.split("/")[0], []).append(arrays[key])
    return groups


def disk_error(error: OSError, folder: Path) -> EngineError:
    """What to tell a person when a file could not be written."""
    free = shutil.disk_usage(folder if folder.exists() else folder.parent).free // 1024**2
    return EngineError(
        ErrorKind.OUT_OF_DISK,
        N_("The run could not be saved: {problem} ({free} MB free)."),
        hint=N_("Make room on the disk, then resume the run; it goes on from its newest checkpoint."),
        problem=error.strerror or str(error),
        free=free,
    )


def _finished(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name.isdigit())


def link(source: Path, target: Path) -> None:
    """The same file in another place; a synced copy where the disk knows no links."""
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)
        sync(target)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Have the disk hold what was written."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
