"""Memory and load of this process and its GPU, for the live figures."""

from __future__ import annotations

import subprocess
import threading
import time

import keras
import psutil

from engine.training.precision import gpu_count

NVIDIA_SMI_EVERY_S = 2.0


class Resources:
    """Asked a few times a second by the reporter's thread."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        psutil.cpu_percent()  # the first call only sets the mark to measure from
        self._has_gpu = gpu_count() > 0
        self._gpu: dict[str, float] = {}
        self._asked = 0.0
        self._lock = threading.Lock()

    def read(self) -> dict[str, float]:
        """`memory_bytes` of this process, `cpu_percent` of the machine; on a GPU `gpu_percent`, `gpu_memory_bytes`."""
        values = {"memory_bytes": float(self._process.memory_info().rss), "cpu_percent": float(psutil.cpu_percent())}
        return {**values, **self._read_gpu()} if self._has_gpu else values

    def _read_gpu(self) -> dict[str, float]:
        with self._lock:
            if time.monotonic() - self._asked >= NVIDIA_SMI_EVERY_S:
                self._asked = time.monotonic()
                self._gpu = _nvidia_smi()
        return self._gpu


def _nvidia_smi() -> dict[str, float]:
    query = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "--id=0"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=2.0, check=True).stdout
        percent, mebibytes = (float(value) for value in answer.strip().split(","))
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    return {"gpu_percent": percent, "gpu_memory_bytes": mebibytes * 1024**2}


def backend_device() -> str:
    """ "CPU" or "GPU", as the log names it."""
    return f"{'GPU' if gpu_count() else 'CPU'} ({keras.backend.backend()})"
