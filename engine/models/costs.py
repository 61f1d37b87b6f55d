"""What finished runs took on this machine: time a step, memory, power. Estimates of runs to come stand on it.

Kept in the cache folder by machine and backend, beside the rates of `engine.models.speed`.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from engine.specs import RunSpec
from engine.store.home import cache_dir

KEEP = 300  # newest runs
# A busy core of a desktop or server processor draws 6 to 10 W at full load (its rated power ÷ its cores).
WATTS_PER_CORE = 8.0
# What decides a step's time and memory; the rest (rate, seed, epochs…) does not.
_OF_DESIGN = ("batch_size", "precision", "augmentation", "steps_per_execution", "weight_averaging")


@dataclass(frozen=True)
class CostEntry:
    """One finished run.

    Attributes:
        design: `design_of` its document.
        family: kind of its model.
        flops: forward operations for one example.
        model_bytes: memory of a step as `engine.models.memory` works it out.
        batch_size: examples a step.
        steps: optimizer steps.
        train_s: seconds of the fit, validation included.
        total_s: seconds from loading the data to the last evaluation.
        memory_bytes: largest of the process.
        memory_before_bytes: of the process before the run.
        joules: energy over `total_s`.
    """

    design: str
    family: str
    flops: int
    model_bytes: int
    batch_size: int
    steps: int
    train_s: float
    total_s: float
    memory_bytes: float
    memory_before_bytes: float
    joules: float


def design_of(spec: RunSpec) -> str:
    """16 hex digits of what decides how long a step takes and how much memory it needs."""
    tree = spec.model_dump(mode="json")
    data = {name: tree["data"][name] for name in ("dataset", "inputs", "cleaning", "preprocessing")}
    training = {name: tree["training"][name] for name in _OF_DESIGN}
    document = [data, tree["model"], training, tree["training"]["optimizer"]["kind"]]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


def watts_per_core() -> float:
    """Assumed power of a busy processor core: `LATHE_WATTS_PER_CORE`, else 8 W."""
    try:
        value = float(os.environ.get("LATHE_WATTS_PER_CORE", ""))
    except ValueError:
        return WATTS_PER_CORE
    return value if 0.0 < value < 1000.0 else WATTS_PER_CORE


def entries() -> list[CostEntry]:
    """What is known of this machine, oldest first."""
    try:
        known = json.loads(_path().read_text(encoding="utf-8"))
        names = {field.name for field in fields(CostEntry)}
        return [CostEntry(**entry) for entry in known if set(entry) == names]
    except (OSError, ValueError, TypeError):  # nothing yet, or cut off: it can be measured again
        return []


def record(entry: CostEntry) -> None:
    """Remember a run; two workers that write at the same moment may lose one of theirs, which does no harm."""
    path = _path()
    known = [asdict(one) for one in [*entries(), entry][-KEEP:]]
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(json.dumps(known), encoding="utf-8")
    unfinished.replace(path)


def _path() -> Path:
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    machine = f"{platform.node()}-{os.cpu_count()}-{backend}"
    safe = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in machine)
    return cache_dir() / f"costs-{safe}.json"
