"""Baselines depend on the data and the split alone: fitted once, then read again by every run on the same document."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.evaluation.baselines import Baseline, fit_baselines
from engine.specs import Part
from engine.store.home import cache_dir

if TYPE_CHECKING:
    from engine.data.load import Prepared

VERSION = 1  # raise it when a baseline changes
MAX_CACHED = 200  # files; the oldest go first


def cached_baselines(prepared: Prepared, parts: Sequence[Part], *, seed: int = 0) -> list[Baseline]:
    """`fit_baselines`, or what it gave for the same data part of the document before."""
    path = cache_dir() / "baselines" / f"{_key(prepared, parts, seed)}.npz"
    found = _read(path)
    if found is None:
        found = fit_baselines(prepared, parts=parts, seed=seed)
        _write(path, found)
    return found


def _key(prepared: Prepared, parts: Sequence[Part], seed: int) -> str:
    sizes = {part.value: len(rows) for part, rows in prepared.parts.items()}
    document: list[Any] = [VERSION, prepared.spec.model_dump(mode="json", exclude={"name"}), sizes, sorted(parts), seed]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]


def _read(path: Path) -> list[Baseline] | None:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            heads = json.loads(str(file["heads"]))
            return [
                Baseline(
                    name=head["name"],
                    kind=head["kind"],
                    seconds=head["seconds"],
                    notices=tuple(head["notices"]),
                    predictions={Part(part): file[f"{number}_{part}"] for part in head["parts"]},
                )
                for number, head in enumerate(heads)
            ]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):  # not there, or half of it: fit anew
        return None


def _write(path: Path, baselines: Sequence[Baseline]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    heads = [
        {"name": b.name, "kind": b.kind, "seconds": b.seconds, "notices": b.notices, "parts": list(b.predictions)}
        for b in baselines
    ]
    arrays: dict[str, Any] = {
        f"{number}_{part.value}": values
        for number, baseline in enumerate(baselines)
        for part, values in baseline.predictions.items()
    }
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.part")
    with temporary.open("wb") as file:
        np.savez(file, heads=json.dumps(heads), **arrays)
    temporary.replace(path)
    for old in sorted(path.parent.glob("*.npz"), key=lambda file: file.stat().st_mtime)[:-MAX_CACHED]:
        old.unlink(missing_ok=True)
