"""The reporter keeps order, never makes the fit wait, and hands errors on."""

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.training.callbacks.reporter import MOST_WAITING, Reporter
from engine.training.context import LocalContext


class Slow(LocalContext):
    """A context that does not answer until it is let go."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir)
        self.go = threading.Event()

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        self.go.wait(10)
        super().metrics(step, values)


class Broken(LocalContext):
    """A context whose store is gone."""

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        raise ConnectionError("the store is gone")


def test_what_is_said_arrives_in_order(tmp_path: Path) -> None:
    context = LocalContext(tmp_path)
    reporter = Reporter(context)
    for step in range(20):
        reporter.metrics(step, lambda step=step: {"train/loss": float(step)})  # type: ignore[misc]
    reporter.close()
    assert context.history("train/loss") == [(step, float(step)) for step in range(20)]


def test_a_slow_store_loses_live_figures_but_no_epoch(tmp_path: Path) -> None:
    context = Slow(tmp_path)
    reporter = Reporter(context)
    for step in range(3 * MOST_WAITING):
        reporter.metrics(step, lambda: {"train/loss": 1.0}, live=True)
    reporter.metrics(9999, lambda: {"val/loss": 2.0})
    context.go.set()
    reporter.close()
    assert len(context.history("train/loss")) <= MOST_WAITING + 2
    assert context.history("val/loss") == [(9999, 2.0)]


def test_an_error_of_the_store_reaches_the_fit(tmp_path: Path) -> None:
    reporter = Reporter(Broken(tmp_path))
    reporter.metrics(1, lambda: {"train/loss": 1.0})
    with pytest.raises(ConnectionError):
        reporter.close()
    with pytest.raises(ConnectionError):
        reporter.log("too late")
