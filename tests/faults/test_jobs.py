"""What goes wrong in real life, done to the real engine: killed workers, killed engines, double clicks, stops.

One engine serves the whole module; tests that end it leave a new one behind for those after them.
"""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from processes import ours, wait_for

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.jobs import client
from engine.specs import RunSpec, RunStatus
from engine.specs.records import RunRecord
from engine.store import lease
from engine.store.home import run_dir

pytestmark = [pytest.mark.engine, pytest.mark.tensorflow, pytest.mark.slow, pytest.mark.timeout(900)]
EPOCHS = 12


@pytest.fixture(scope="module")
def module_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATHE_HOME", str(folder))
        patch.setenv("LATHE_WORKERS", "1")
        patch.setenv("LATHE_MAX_ATTEMPTS", "2")
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
    monkeypatch.setenv("LATHE_MAX_ATTEMPTS", "2")
    return module_home


@pytest.fixture(scope="module")
def spec(module_home: Path) -> RunSpec:
    """A small network on the digits, with a checkpoint every half a second and no early end."""
    dataset = api.import_sample("digits")
    return api.default_spec(dataset.id).edit(
        {
            "training.epochs": EPOCHS,
            "training.early_stopping.enabled": False,
            "training.checkpoint_every_s": 0.5,
            "model.dropout": 0.3,  # randomness that has to go on where it was
        }
    )


@pytest.fixture(autouse=True)
def engine(workspace: Path, spec: RunSpec) -> None:
    def up() -> bool:
        client.ensure_engine()
        return api.engine_state().state == "ready"

    wait_for("the engine's start", up)


@pytest.fixture(scope="module")
def undisturbed(module_home: Path, spec: RunSpec) -> RunRecord:
    """The run that all others have to equal."""
    client.ensure_engine()
    return finished(api.submit(spec, token="undisturbed"))


def finished(run_id: str, status: RunStatus = RunStatus.FINISHED) -> RunRecord:
    wait_for(f"the end of run {run_id}", lambda: api.run(run_id).status.is_over, 400)
    record = api.run(run_id)
    assert record.status is status, (record.error, api.log(run_id, last=30))
    return record


def weights(run_id: str) -> dict[str, np.ndarray]:
    """All arrays of the saved model, by their path in the file."""
    import io
    import zipfile

    import h5py

    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(run_dir(run_id) / "model" / "core.keras") as archive:
        file = h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r")

    def collect(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = np.asarray(item)

    file.visititems(collect)
    return arrays


def assert_same_run(run_id: str, reference: RunRecord) -> None:
    record = api.run(run_id)
    assert record.step == reference.step
    mine, theirs = weights(run_id), weights(reference.id)
    assert mine.keys() == theirs.keys()
    assert len(mine) > 0
    for name, array in theirs.items():
        np.testing.assert_array_equal(mine[name], array, err_msg=name)
    assert record.metrics["test/accuracy"] == reference.metrics["test/accuracy"]


def in_the_middle(run_id: str) -> None:
    """Waits until a run has a checkpoint and is in the middle of an epoch."""
    folder = run_dir(run_id) / "checkpoints"

    def there() -> bool:
        record = api.run(run_id)
        assert not record.status.is_over, "the run ended before it could be disturbed: give it more epochs"
        whole = [path for path in folder.glob("[!.]*") if (path / "manifest.json").is_file()]
        return record.epoch >= 1 and len(whole) > 0

    wait_for("a checkpoint", there)


def worker_process() -> psutil.Process:
    """The process that does a run; Ray names its processes after the actor's class."""
    engine_pid = lease.engine_pid()
    assert engine_pid is not None
    actors = [
        process
        for process in psutil.Process(engine_pid).children(recursive=True)
        if "".join(process.cmdline()).startswith("ray::Worker")
    ]
    assert len(actors) == 1, [p.cmdline() for p in actors]
    return actors[0]


def test_a_killed_worker_is_replaced_and_the_run_ends_as_if_nothing_had_happened(
    spec: RunSpec, undisturbed: RunRecord
) -> None:
    run_id = api.submit(spec)
    in_the_middle(run_id)
    worker_process().kill()
    record = finished(run_id)
    assert record.attempt == 2
    assert any("Goes on from the checkpoint" in line for line in api.log(run_id))
    assert_same_run(run_id, undisturbed)
    steps = [point.step for point in api.history(run_id)["train/loss"]]
    assert steps == sorted(set(steps))


def test_a_branch_waits_for_the_worker_loses_it_and_still_ends_like_the_run_it_left(
    spec: RunSpec, undisturbed: RunRecord
) -> None:
    run_id = api.submit(spec)
    in_the_middle(run_id)
    branch_id = api.branch(run_id, {}, token="one press", timeout_s=120.0)
    assert api.branch(run_id, {}, token="one press") == branch_id
    fork = api.run(branch_id).spec.branch_step
    assert 0 < fork < undisturbed.step
    assert api.run(branch_id).status is RunStatus.SCHEDULED  # one worker, and the run it left goes on
    finished(run_id)
    assert_same_run(run_id, undisturbed)
    wait_for("the branch's start", lambda: api.run(branch_id).status is not RunStatus.SCHEDULED)
    in_the_middle(branch_id)
    worker_process().kill()
    record = finished(branch_id)
    assert record.attempt == 2
    assert_same_run(branch_id, undisturbed)
    steps = [point.step for point in api.history(branch_id)["train/loss"]]
    assert steps == sorted(set(steps))
    assert steps[0] > fork  # the curve forks at that step


def test_a_stopped_run_goes_on_where_it_was(spec: RunSpec, undisturbed: RunRecord) -> None:
    running, waiting = api.submit(spec), api.submit(spec)
    in_the_middle(running)
    api.stop(waiting)
    assert api.run(waiting).status is RunStatus.KILLED  # at once: it had not begun
    api.stop(running)
    stopped = finished(running, RunStatus.KILLED)
    assert 0 < stopped.step < undisturbed.step
    with pytest.raises(EngineError) as error:
        api.resume(undisturbed.id)
    assert error.value.kind is ErrorKind.CONFLICT
    api.resume(running)
    finished(running)
    assert_same_run(running, undisturbed)


def test_twenty_submits_of_one_form_make_one_run(spec: RunSpec) -> None:
    before = api.count_runs()
    tiny = spec.edit({"training.epochs": 1})
    with ThreadPoolExecutor(20) as pool:
        ids = set(pool.map(lambda _: api.submit(tiny, token="one form"), range(20)))
    assert len(ids) == 1
    finished(ids.pop())
    assert api.count_runs() == before + 1


def test_a_run_that_kills_every_worker_fails_with_a_cause(spec: RunSpec) -> None:
    run_id = api.submit(spec.edit({"training.epochs": 500}))
    killed: set[int] = set()
    for attempt in (1, 2):

        def under_way(attempt: int = attempt) -> bool:
            record = api.run(run_id)
            return record.attempt == attempt and record.status is RunStatus.RUNNING and record.phase == "training"

        wait_for(f"attempt {attempt}", under_way)
        worker = worker_process()
        assert worker.pid not in killed
        killed.add(worker.pid)
        worker.kill()
    record = finished(run_id, RunStatus.FAILED)
    assert record.error is not None
    assert record.error["kind"] == ErrorKind.LOST_WORKER
    assert record.attempt == 2


def test_an_engine_killed_and_started_again_finishes_what_was_running(
    spec: RunSpec, undisturbed: RunRecord, workspace: Path
) -> None:
    run_id = api.submit(spec)
    in_the_middle(run_id)
    pid = lease.engine_pid()
    assert pid is not None
    process = client.started_engine()
    assert process is not None
    assert process.pid == pid
    process.kill()
    process.wait()
    wait_for("the end of all its processes", lambda: not ours(workspace), 20)
    wait_for("a new engine", lambda: client.ensure_engine() or lease.engine_pid() not in (None, pid), 60)
    record = finished(run_id)
    assert record.attempt == 1  # the run was not to blame
    assert_same_run(run_id, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_nothing_of_ours_is_left_ten_seconds_after_the_end(number: int, spec: RunSpec, workspace: Path) -> None:
    run_id = api.submit(spec.edit({"training.epochs": 500}))
    in_the_middle(run_id)
    process = client.started_engine()
    assert process is not None
    children = ours(workspace)
    assert len(children) > 3  # the engine, Ray's own, a worker
    if number == signal.SIGINT:  # a terminal sends it to the whole group; ours is the test's own, so to each of them
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.send_signal(signal.SIGINT)
    else:
        process.send_signal(number)
    wait_for("the end of all processes", lambda: process.poll() is not None and not ours(workspace), 10)
    record = api.run(run_id)
    assert record.status is RunStatus.SCHEDULED  # given back: the next engine goes on with it
    assert record.attempt == 0
    assert record.step > 0
    api.stop(run_id)


PARENT = """
import sys, time
from engine import api
api.ensure_engine()
print("started", flush=True)
time.sleep(600)
"""


def test_an_engine_ends_when_the_app_that_started_it_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "another"
    monkeypatch.setenv("LATHE_HOME", str(folder))
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as app:
        wait_for("an engine", lambda: lease.engine_pid() is not None, 60)
        app.kill()
    wait_for("its end", lambda: not ours(folder), 20)  # it may be in the middle of starting Ray
    assert lease.engine_pid() is None
