"""What the machine has and how busy it is."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from typing import Any

import psutil

from engine.store.home import home

_QUERY = "index,name,memory.used,memory.total,utilization.gpu"


def sample() -> dict[str, Any]:
    """Processor, memory, disk and GPUs now, as fields of an `EngineState`."""
    memory = psutil.virtual_memory()
    return {
        "cpu_percent": psutil.cpu_percent(),
        "memory_used_bytes": memory.total - memory.available,
        "memory_total_bytes": memory.total,
        "disk_free_bytes": shutil.disk_usage(home()).free,
        "gpus": tuple(gpus()),
        "backend": os.environ.get("KERAS_BACKEND") or "tensorflow",
    }


def is_quiet() -> bool:
    """True where not many more programs want the processors than there are: what is not urgent may start."""
    try:
        return os.getloadavg()[0] <= 1.5 * (os.cpu_count() or 1)
    except OSError:  # not every system counts it
        return True


def gpus() -> list[dict[str, Any]]:
    """Name, memory and use of each NVIDIA GPU; empty where there is none."""
    program = _nvidia_smi()
    if program is None:
        return []
    command = [program, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [_parse(line) for line in answer.strip().splitlines() if line.count(",") >= 4]


def _parse(line: str) -> dict[str, Any]:
    index, name, used, total, busy = (field.strip() for field in line.split(",")[:5])
    return {
        "index": int(index),
        "name": name,
        "memory_used_bytes": _number(used) * 2**20,
        "memory_total_bytes": _number(total) * 2**20,
        "percent": _number(busy),
    }


def _number(text: str) -> int:
    try:
        return int(float(text))
    except ValueError:  # "[N/A]"
        return 0


@functools.cache
def _nvidia_smi() -> str | None:
    return shutil.which("nvidia-smi")
