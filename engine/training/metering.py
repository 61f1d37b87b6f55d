"""What a run takes of the machine while it is at work: its largest memory and its energy.

Energy is measured where the machine tells it (the processor's RAPL counters below `/sys/class/powercap`, the power of
NVIDIA cards as their driver reports it) and else worked out from the processor time that this process used and an
assumed power of a busy core. Measured figures hold all programs of the machine, the assumed one this process alone.
Neither holds what memory, disks, fans and the power supply take.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType

import psutil

from engine.models.costs import watts_per_core
from engine.specs.prediction import Cost, EnergySource

EVERY_S = 0.5  # memory; RAPL's counters wrap round after a minute at the earliest
GPU_EVERY_S = 2.0  # asking the driver starts a process
POWERCAP = Path("/sys/class/powercap")


class CostMeter:
    """Measures from entering to leaving it, in a thread of its own.

    Args:
        gpus: NVIDIA cards that this process trains on; 0 leaves their power out.
        powercap: where the kernel shows energy counters.
    """

    def __init__(self, *, gpus: int = 0, powercap: Path = POWERCAP) -> None:
        self._process = psutil.Process()
        self._counters = _Counters(powercap)
        self._gpu_tool = shutil.which("nvidia-smi") if gpus else None
        self._gpu_joules = self._gpu_bytes = 0.0
        self._gpu_asked = 0.0
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="lathe-meter", daemon=True)

    def __enter__(self) -> CostMeter:
        self.memory_before_bytes = self._peak = float(self._process.memory_info().rss)
        self._cpu_before_s = self._cpu_s()
        self._started = self._gpu_asked = time.monotonic()
        self._counters.read()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def cost(self) -> Cost:
        """What was taken so far."""
        self._sample()
        sources, joules, assumed = [], self._gpu_joules, 0.0
        if self._gpu_joules:
            sources.append(EnergySource.NVML)
        if self._counters.found:
            sources.append(EnergySource.RAPL)
            joules += self._counters.joules
        else:
            sources.append(EnergySource.ASSUMED)
            assumed = watts_per_core()
            joules += assumed * (self._cpu_s() - self._cpu_before_s)
        return Cost(
            seconds=time.monotonic() - self._started,
            memory_bytes=self._peak,
            gpu_memory_bytes=self._gpu_bytes,
            energy_wh=joules / 3600.0,
            energy_sources=tuple(sources),
            watts_per_core=assumed,
        )

    def _watch(self) -> None:
        while not self._ended.wait(EVERY_S):
            self._sample()

    def _sample(self) -> None:
        with self._lock:
            self._peak = max(self._peak, float(self._process.memory_info().rss))
            self._counters.read()
            now = time.monotonic()
            if self._gpu_tool is not None and now - self._gpu_asked >= GPU_EVERY_S:
                watts, used = _gpu_now(self._gpu_tool)
                self._gpu_joules += watts * (now - self._gpu_asked)
                self._gpu_bytes = max(self._gpu_bytes, used)
                self._gpu_asked = now

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


class _Counters:
    """The energy counters of the processor's packages, added up over their wraps."""

    def __init__(self, folder: Path) -> None:
        self.joules = 0.0
        self._last: dict[Path, int] = {}
        packages = [zone for zone in sorted(folder.glob("intel-rapl:*")) if zone.name.count(":") == 1]
        for zone in packages:  # newer kernels let only the administrator read them
            value = _number(zone / "energy_uj")
            if value is not None:
                self._last[zone] = value
        self.found = bool(self._last)

    def read(self) -> None:
        """Add what was used since the last reading."""
        for zone, before in self._last.items():
            value = _number(zone / "energy_uj")
            if value is None:
                continue
            wrapped = (_number(zone / "max_energy_range_uj") or 0) if value < before else 0
            self.joules += max(value - before + wrapped, 0) / 1e6
            self._last[zone] = value


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _gpu_now(tool: str) -> tuple[float, float]:
    """Watts and bytes in use of all cards; zeros where the driver does not say."""
    query = [tool, "--query-gpu=power.draw,memory.used", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=2.0, check=True).stdout
        rows = [[float(field) for field in line.split(",")] for line in answer.strip().splitlines()]
    except (OSError, subprocess.SubprocessError, ValueError):  # a card that does not tell its power says [N/A]
        return 0.0, 0.0
    return sum(row[0] for row in rows), sum(row[1] for row in rows) * 2**20
