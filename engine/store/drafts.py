"""Drafts: documents that are being edited, kept by the fingerprint of what they say.

A draft is never changed: an edit writes a new one, and a page carries its id in the address. So a reload, a second
tab and the browser's back button all show what was there, and nothing needs a lock.
"""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.store.home import home
from engine.text import N_

KEEP = 1000  # drafts; about 4 MB


def save_draft(spec: RunSpec) -> str:
    """Keep a document and return its id: 16 hex digits of the SHA-256 of its text."""
    text = spec.to_json()
    draft_id = hashlib.sha256(text.encode()).hexdigest()[:16]
    file = _folder() / f"{draft_id}.json"
    if file.exists():
        os.utime(file)  # in use: not the next to be forgotten
    else:
        _write(file, text)
        _forget_oldest()
    return draft_id


def read_draft(draft_id: str) -> RunSpec:
    """The document of a draft.

    Raises:
        EngineError: NOT_FOUND where it was forgotten or never there.
    """
    file = _folder() / f"{draft_id}.json"
    if not re.fullmatch(r"[0-9a-f]{16}", draft_id) or not file.is_file():
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("The draft {draft_id} is not there any more."),
            hint=N_("Choose a data set or fork a run to begin a new one."),
            draft_id=draft_id,
        )
    return RunSpec.parse(file.read_text("utf-8"))


def _folder() -> Path:
    folder = home() / "drafts"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(file: Path, text: str) -> None:
    try:
        with tempfile.NamedTemporaryFile("w", dir=file.parent, suffix=".part", encoding="utf-8", delete=False) as part:
            part.write(text)
        Path(part.name).replace(file)
    except OSError as error:
        raise EngineError(
            ErrorKind.OUT_OF_DISK,
            N_("The draft could not be kept: {problem}."),
            hint=N_("Make room on the disk and try again."),
            problem=error.strerror or str(error),
        ) from error


def _forget_oldest() -> None:
    files = sorted(_folder().glob("*.json"), key=lambda file: file.stat().st_mtime)
    for file in files[:-KEEP]:
        file.unlink(missing_ok=True)
