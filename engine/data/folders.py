"""Server folders that a person may pick data from: those that whoever started Lathe has named, and nothing above them.

`LATHE_DATA_FOLDERS` holds them, separated as in `PATH`. None is open by default: a page may be reached by people who
may not read the machine's disk.
"""

import os
from pathlib import Path

from engine.errors import EngineError, ErrorKind
from engine.text import N_

MOST_ENTRIES = 500  # a folder with more is not for picking by hand


def data_folders() -> list[Path]:
    """The open folders that are there."""
    named = os.environ.get("LATHE_DATA_FOLDERS", "").split(os.pathsep)
    return [folder for folder in (Path(part).expanduser().resolve() for part in named if part) if folder.is_dir()]


def list_folder(folder: Path) -> list[Path]:
    """What lies in an open folder, folders first, hidden things left out.

    Raises:
        EngineError: NOT_FOUND where the folder is not there or not open.
    """
    real = check_open(folder)
    found = [entry for entry in real.iterdir() if not entry.name.startswith(".")]
    return sorted(found, key=lambda entry: (entry.is_file(), entry.name.lower()))[:MOST_ENTRIES]


def check_open(path: Path) -> Path:
    """The real path, where it lies in an open folder (links are followed first).

    Raises:
        EngineError: NOT_FOUND otherwise; the same for what is not there and what may not be read.
    """
    real = path.expanduser().resolve()
    if not real.exists() or not any(real.is_relative_to(folder) for folder in data_folders()):
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("{path} is not in a folder that is open for data."),
            hint=N_("Whoever started Lathe opens folders with LATHE_DATA_FOLDERS."),
            path=str(path),
        )
    return real
