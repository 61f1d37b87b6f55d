"""Energy counters with wraps, assumed power, and the largest memory."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.specs.prediction import EnergySource
from engine.training.metering import CostMeter, _Counters


def package(folder: Path, name: str, microjoules: int, *, most: int = 10_000_000) -> Path:
    zone = folder / name
    zone.mkdir(parents=True, exist_ok=True)
    (zone / "energy_uj").write_text(f"{microjoules}\n")
    (zone / "max_energy_range_uj").write_text(f"{most}\n")
    return zone


def test_packages_are_added_up_over_their_wraps(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 9_000_000)
    package(tmp_path, "intel-rapl:1", 1_000_000)
    package(tmp_path, "intel-rapl:0:0", 5)  # the cores of package 0: in it already
    counters = _Counters(tmp_path)
    package(tmp_path, "intel-rapl:0", 500_000)  # went round
    package(tmp_path, "intel-rapl:1", 3_000_000)
    package(tmp_path, "intel-rapl:0:0", 9_000_000)
    counters.read()
    assert counters.joules == pytest.approx(1.5 + 2.0)


def test_measured_energy_is_named_as_such(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 0, most=10**12)
    with CostMeter(powercap=tmp_path) as meter:
        package(tmp_path, "intel-rapl:0", 7_200_000, most=10**12)
        cost = meter.cost()
    assert cost.energy_wh == pytest.approx(7.2 / 3600)
    assert cost.energy_sources == (EnergySource.RAPL,)
    assert cost.watts_per_core == 0.0


def test_without_counters_busy_time_counts_at_an_assumed_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_WATTS_PER_CORE", "36")
    with CostMeter(powercap=tmp_path) as meter:
        used = time.process_time() + 0.2
        while time.process_time() < used:
            sum(range(1000))
        cost = meter.cost()
    assert cost.energy_sources == (EnergySource.ASSUMED,)
    assert cost.watts_per_core == 36.0
    assert 0.15 / 100 <= cost.energy_wh <= 0.6 / 100  # 36 W for 0.2 s of one core: 0.002 Wh; clocks tick in 10 ms
    assert cost.seconds > 0.0


def test_counters_that_may_not_be_read_are_as_none(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl:0").mkdir()
    assert not _Counters(tmp_path).found


def test_the_largest_memory_is_kept_after_it_was_given_back(tmp_path: Path) -> None:
    with CostMeter(powercap=tmp_path) as meter:
        before = meter.memory_before_bytes
        block = bytearray(200 * 2**20)
        block[::4096] = b"x" * len(block[::4096])
        meter.cost()
        del block
        cost = meter.cost()
    assert cost.memory_bytes >= before + 150 * 2**20
