"""The folders of the server that a person may pick data from: those in LATHE_DATA_DIRS, and nothing outside of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from engine.data.sniffing import is_hidden
from engine.errors import EngineError, ErrorKind
from engine.text import N_

_MAX_ENTRIES = 1000  # a page lists no more; a folder of a million pictures is picked as a whole


def allowed_folders() -> list[Path]:
    """The folders named in LATHE_DATA_DIRS (divided by colons) that are there."""
    named = [Path(text).expanduser() for text in os.environ.get("LATHE_DATA_DIRS", "").split(os.pathsep) if text]
    return [path.resolve() for path in named if path.is_dir()]


def check_allowed(path: Path) -> Path:
    """The path with all links followed, where it lies in an allowed folder.

    Raises:
        EngineError: NOT_FOUND where it does not; whether it exists elsewhere is not told.
    """
    real = Path(path).expanduser().resolve()
    if not real.exists() or not any(real.is_relative_to(folder) for folder in allowed_folders()):
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("{path} is not in a folder that Lathe may read."),
            hint=N_("Choose a folder from the list; LATHE_DATA_DIRS says which ones are offered."),
            path=str(path),
        )
    return real


def browse(folder: Path) -> list[dict[str, Any]]:
    """What is in an allowed folder, folders first: {"name", "path", "is_folder", "bytes"}; no links that lead out.

    Raises:
        EngineError: NOT_FOUND where the folder is not allowed.
    """
    real = check_allowed(folder)
    if not real.is_dir():
        real = real.parent
    entries: list[dict[str, Any]] = []
    for entry in sorted(real.iterdir(), key=lambda path: (not path.is_dir(), path.name.lower())):
        try:
            target = check_allowed(entry)
        except EngineError:
            continue
        if is_hidden(entry.name):
            continue
        size_bytes = 0 if target.is_dir() else target.stat().st_size
        entries.append({"name": entry.name, "path": str(entry), "is_folder": target.is_dir(), "bytes": size_bytes})
        if len(entries) >= _MAX_ENTRIES:
            break
    return entries
