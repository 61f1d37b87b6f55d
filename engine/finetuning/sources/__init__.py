"""Where pretrained bodies come from: addresses, and what lies behind them. Light: a page asks, no Keras is imported.

To add a kind: a module here with a `KIND`, and its name in `_MODULES`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path

from engine.errors import EngineError
from engine.finetuning.sources.base import Found, Kind, Progress, no_such_source
from engine.specs.source_records import SourceRecord
from engine.specs.task import Modality

_MODULES = ("run", "package", "folder", "preset")

__all__ = ["Found", "address_of", "fetch", "find", "listed", "usable"]


@cache
def _kinds() -> dict[str, Kind]:
    kinds = [import_module(f"engine.finetuning.sources.{name}").KIND for name in _MODULES]
    return {kind.prefix: kind for kind in kinds}


def listed(modality: Modality | None = None) -> list[SourceRecord]:
    """All sources that are known here, those that are ready first."""
    records = [record for kind in _kinds().values() for record in kind.listed(modality)]
    return sorted(records, key=lambda record: not record.ready)


def find(address: str) -> Found:
    """What lies behind an address, whether ready or not.

    Raises:
        EngineError: NOT_FOUND where there is nothing; BAD_INPUT where it is broken, saying how.
    """
    prefix, _, name = address.partition(":")
    kind = _kinds().get(prefix)
    if kind is None or not name:
        raise no_such_source(address)
    return kind.find(name)


def address_of(text: str) -> str:
    """The address that a person means: itself, or a run's id, a package's or preset's name, or the path of a folder.

    Raises:
        EngineError: NOT_FOUND where it is none of these.
    """
    if not text or text.partition(":")[0] in _kinds():
        return find(text).record.address
    known = {record.address.partition(":")[2]: record.address for record in listed()}
    if text in known:
        return known[text]
    path = Path(text).expanduser()
    if path.is_dir():
        return f"folder:{path.resolve()}"
    if re.fullmatch(r"[0-9a-f]{4,16}", text):
        return find(f"run:{text}").record.address
    raise no_such_source(text)


def usable(address: str) -> Found:
    """As `find`, for one that is to be used now.

    Raises:
        EngineError: also where it is not ready.
    """
    found = find(address)
    if not found.record.ready and found.record.problem is not None:
        raise EngineError.from_record(found.record.problem)
    return found


def fetch(address: str, progress: Progress) -> Found:
    """Bring a source here that is to be downloaded first; others are as they are.

    Raises:
        EngineError: UNAVAILABLE without a network, and what `find` says.
    """
    prefix, _, name = address.partition(":")
    kind = _kinds().get(prefix)
    if kind is None or not name:
        raise no_such_source(address)
    return kind.fetch(name, progress) if kind.fetch is not None else kind.find(name)
