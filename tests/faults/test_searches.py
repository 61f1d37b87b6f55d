"""What a search survives: killed workers, oracles, engines, Ctrl-C. Real processes; trials sleep instead of training.

One worker and one seed: after every kill the search has to propose what it would have proposed without it, lose no
trial and run none twice to its end.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from processes import ours, wait_for

from engine import api
from engine.specs import RunSpec, RunStatus
from engine.specs.search_records import SearchStatus, TrialStatus
from engine.store import lease, searches
from engine.store.runs import list_runs

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[2]
PATH = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])  # the engine, and the trials that sleep
TRIALS = 7
SERVE = """
import os
from engine.jobs.serve import serve
serve(parent_pid=os.getppid(), job="sleeping_trials:execute", verbs={"nothing": "builtins:dict"})
"""


class Engine:
    """An engine whose workers only pretend to train; one serves the module, whoever ends it begins another one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        if self.process is not None and self.process.poll() is None:
            return
        environment = dict(os.environ, LATHE_HOME=str(self.folder), LATHE_WORKERS="1", PYTHONPATH=PATH)
        with (self.folder / "engine.log").open("ab") as log:
            command = [sys.executable, "-c", SERVE]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send a signal and wait until nothing of it is left."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(60)
        wait_for("the end of all its processes", lambda: not ours(self.folder), 60)

    def close(self) -> None:
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
        for left in ours(self.folder):
            with contextlib.suppress(psutil.Error):
                left.kill()
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def actor(name: str) -> psutil.Process:
    """The process of an actor; Ray names its processes after the actor's class."""
    pid = lease.engine_pid()
    assert pid is not None
    children = psutil.Process(pid).children(recursive=True)
    found = [process for process in children if "".join(process.cmdline()).startswith(f"ray::{name}")]
    assert len(found) == 1, [process.cmdline() for process in children]
    return found[0]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace") / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Engine]:
    engine = Engine(home)
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def engine(home: Path, served: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("LATHE_HOME", str(home))
    served.up()
    return served


def document(kind: str) -> RunSpec:
    rate = {"kind": "float", "path": "training.optimizer.learning_rate", "low": 1e-4, "high": 1e-1, "scale": "log"}
    dropout = {"kind": "float", "path": "model.dropout", "low": 0.0, "high": 0.5}
    algorithm: dict[str, Any] = {"kind": kind} | ({"initial_trials": 3} if kind == "bayesian" else {})
    return RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "task": "image_classification", "preprocessing": {"kind": "image"}},
            "model": {"kind": "cnn"},
            "training": {"epochs": 4, "max_train_time_s": 0.8},
            "search": {"dimensions": [rate, dropout], "algorithm": algorithm, "budget": {"trials": TRIALS}},
        }
    )


@pytest.fixture(scope="module")
def undisturbed(home: Path, served: Engine) -> dict[str, list[dict[str, Any]]]:
    """What a search proposes where nothing is killed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATHE_HOME", str(home))
        served.up()
        ids = {kind: searches.add_search(document(kind), dataset_name="none") for kind in ("random", "bayesian")}
        for search_id in ids.values():
            wait_for("the end", lambda search_id=search_id: searches.get_search(search_id).status.is_over)
        return {kind: [trial.values for trial in searches.list_trials(i)] for kind, i in ids.items()}


def completed(search_id: str) -> int:
    return searches.get_search(search_id).completed


def in_the_middle(search_id: str) -> None:
    """Waits until a trial is done and another one is under way."""
    wait_for("a trial", lambda: completed(search_id) >= 2 and searches.get_search(search_id).running)


def assert_whole(search_id: str, expected: list[dict[str, Any]]) -> None:
    record = searches.get_search(search_id)
    found = searches.list_trials(search_id)
    assert record.status is SearchStatus.FINISHED, record.error
    assert [trial.values for trial in found] == expected
    assert [trial.status for trial in found] == [TrialStatus.COMPLETED] * TRIALS
    runs = [run for run in list_runs(purpose="trial", limit=500) if run.search_id == search_id]
    assert len(runs) == TRIALS  # one run a trial: none was entered twice
    assert {run.status for run in runs} == {RunStatus.FINISHED}


@pytest.mark.parametrize("kind", ["random", "bayesian"])
@pytest.mark.parametrize("name", ["Worker", "Tuner"])
def test_a_killed_process_is_replaced_and_the_search_goes_on(
    name: str, kind: str, undisturbed: dict[str, list[dict[str, Any]]]
) -> None:
    search_id = searches.add_search(document(kind), dataset_name="none")
    in_the_middle(search_id)
    actor(name).kill()
    wait_for("the end", lambda: searches.get_search(search_id).status.is_over)
    assert_whole(search_id, undisturbed[kind])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_an_engine_that_ends_in_the_middle_is_no_loss(
    number: int, engine: Engine, undisturbed: dict[str, list[dict[str, Any]]]
) -> None:
    search_id = searches.add_search(document("bayesian"), dataset_name="none")
    in_the_middle(search_id)
    engine.end(number)
    assert searches.get_search(search_id).status is SearchStatus.RUNNING
    engine.up()
    wait_for("the end", lambda: searches.get_search(search_id).status.is_over)
    assert_whole(search_id, undisturbed["bayesian"])


def test_a_stop_while_no_engine_runs_holds(engine: Engine) -> None:
    search_id = searches.add_search(document("random"), dataset_name="none")
    in_the_middle(search_id)
    engine.end(signal.SIGKILL)
    api.stop_search(search_id)
    before = searches.get_search(search_id)
    assert before.status is SearchStatus.STOPPED
    assert not before.waiting
    engine.up()
    wait_for("the end of its trials", lambda: all(t.status.is_over for t in searches.list_trials(search_id)))
    assert searches.get_search(search_id).trials <= before.trials
