"""A prober that is killed in the middle of a probe is replaced, and the probe is trained to the same curves."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from processes import ours, wait_for

from engine import api
from engine.jobs import client
from engine.specs import RunSpec
from engine.specs.probe import ProbeBudget, ProbeRecord, ProbeStatus

pytestmark = [pytest.mark.engine, pytest.mark.tensorflow, pytest.mark.slow, pytest.mark.timeout(900)]
LONG = ProbeBudget(steps=50_000, seconds=0)


@pytest.fixture(scope="module")
def module_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATHE_HOME", str(folder))
        patch.setenv("LATHE_WORKERS", "1")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield folder
        client.stop_engine()
        for process in ours(folder):
            with contextlib.suppress(psutil.Error):
                process.kill()


@pytest.fixture(autouse=True)
def workspace(module_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATHE_HOME", str(module_home))
    monkeypatch.setenv("LATHE_WORKERS", "1")
    return module_home


@pytest.fixture(scope="module")
def spec(module_home: Path) -> RunSpec:
    """A small network on the digits."""
    dataset = api.import_sample("digits")
    return api.default_spec(dataset.id).edit(
        {"model.kind": "mlp", "model.units": [32], "model.dropout": 0.3, "training.epochs": 10_000}
    )


def prober(folder: Path) -> psutil.Process | None:
    """The process that trains probes, once it does."""
    for process in ours(folder):
        with contextlib.suppress(psutil.Error):
            if "Prober.serve" in " ".join(process.cmdline()):
                return process
    return None


def is_under_way(record: ProbeRecord) -> bool:
    now = api.probe_record(record.id)
    assert not now.status.is_over, f"the probe ended before it could be disturbed: {now.status} {now.error}"
    return now.status is ProbeStatus.RUNNING and now.step > 1


def finished(record: ProbeRecord) -> ProbeRecord:
    client.ensure_engine()
    wait_for("the end of the probe", lambda: api.probe_record(record.id).status.is_over)
    now = api.probe_record(record.id)
    assert now.status is ProbeStatus.FINISHED, now.error
    return now


def test_a_killed_prober_is_replaced_and_its_probe_taken_up_again(workspace: Path, spec: RunSpec) -> None:
    client.ensure_engine()
    budget = ProbeBudget(steps=6000, seconds=0)
    record = api.probe(spec, budget, session="a")
    wait_for("the middle of the probe", lambda: is_under_way(record))
    process = prober(workspace)
    assert process is not None
    process.send_signal(signal.SIGKILL)
    again = finished(record)
    assert again.attempt == 2
    assert again.step == 6000
    # The same document in the same budget of steps, undisturbed: the same curves bit for bit.
    undisturbed = finished(api.probe(spec, ProbeBudget(steps=6000, seconds=3600), session="b"))
    assert undisturbed.attempt == 1
    assert undisturbed.curves == again.curves


def test_a_running_probe_makes_way_for_the_next(spec: RunSpec) -> None:
    client.ensure_engine()
    old = api.probe(spec.edit({"seed": 5}), LONG, session="hand")
    wait_for("the middle of the old probe", lambda: is_under_way(old))
    new = api.probe(spec.edit({"seed": 6}), ProbeBudget(steps=5), session="hand")
    assert api.probe_record(old.id).status is ProbeStatus.CANCELLED
    assert finished(new).step == 5
    assert api.probe_record(old.id).status is ProbeStatus.CANCELLED


def test_a_probe_survives_the_end_of_the_engine(workspace: Path, spec: RunSpec) -> None:
    client.ensure_engine()
    record = api.probe(spec.edit({"seed": 7}), ProbeBudget(steps=6000, seconds=0), session="c")
    wait_for("the middle of the probe", lambda: is_under_way(record))
    client.stop_engine()
    wait_for("the end of all processes", lambda: not ours(workspace), 60)
    waiting = api.probe_record(record.id)
    assert waiting.status is ProbeStatus.WAITING
    again = finished(record)
    assert (again.attempt, again.step) == (1, 6000)  # an end in good order does not count
