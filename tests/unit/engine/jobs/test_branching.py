"""Entering a branch: what is refused, what is waited for, and that one form makes one branch."""

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from engine import api
from engine.cli.main import main
from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus
from engine.store import branches, queue
from engine.store.home import run_dir
from engine.store.queue import Claim
from engine.training import checkpoints
from engine.training.branch_points import BRANCHES

pytestmark = pytest.mark.usefixtures("import_in_process")


@pytest.fixture
def spec() -> RunSpec:
    return api.default_spec(api.import_sample("diabetes").id).model_copy(update={"name": "first"})


@pytest.fixture
def running(spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> Claim:
    monkeypatch.setenv("LATHE_ENGINE", "external")
    api.submit(spec)
    claim = queue.claim_next()
    assert claim is not None
    return claim


def write_checkpoint(run_id: str, step: int, *, folder: str = "checkpoints", epoch: int = 1) -> Path:
    state = {"epoch": epoch, "first_epoch": 0, "step": step}
    groups = {"model": [np.arange(3.0)]}
    return checkpoints.write(run_dir(run_id) / folder, step, groups, state, keep_all=folder == BRANCHES)


def answer_requests(claim: Claim, step: int) -> threading.Thread:
    """A worker that keeps a checkpoint as soon as it is asked."""

    def work() -> None:
        deadline = time.monotonic() + 60
        while not (number := queue.signals(claim).checkpoint) and time.monotonic() < deadline:
            time.sleep(0.01)
        write_checkpoint(claim.run_id, step, folder=BRANCHES)
        branches.write_answer(claim, number, step)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_run_at_work_is_asked_and_goes_on_beside_its_branch(running: Claim, spec: RunSpec) -> None:
    worker = answer_requests(running, 140)
    branch = api.branch(running.run_id, {"training.optimizer.learning_rate": 0.02}, token="form")
    worker.join()
    record = api.run(branch)
    assert (record.spec.parent_run, record.spec.branch_step) == (running.run_id, 140)
    assert record.spec.training.optimizer.learning_rate == 0.02
    assert record.name == "first / learning_rate=0.02"
    assert record.status is RunStatus.SCHEDULED
    assert api.run(running.run_id).status is RunStatus.RUNNING
    assert [child.id for child in api.branches(running.run_id)] == [branch]
    # A second click of the same form neither asks the run again nor makes another.
    assert api.branch(running.run_id, {"training.optimizer.learning_rate": 0.02}, token="form") == branch
    assert queue.signals(running).checkpoint == 0


def test_a_run_that_does_not_answer_is_not_waited_for_long(running: Claim) -> None:
    with pytest.raises(EngineError) as caught:
        api.branch(running.run_id, {"training.batch_size": 16}, timeout_s=0.1)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    assert "first did not come to a checkpoint within 0.1 s." in str(caught.value)
    assert queue.signals(running).checkpoint == 0  # nobody waits for it any longer
    assert api.count_runs() == 1


def test_a_run_that_ends_meanwhile_gives_its_last_checkpoint(running: Claim, spec: RunSpec) -> None:
    write_checkpoint(running.run_id, 300, epoch=spec.training.epochs)

    def end() -> None:
        deadline = time.monotonic() + 60
        while not queue.signals(running).checkpoint and time.monotonic() < deadline:
            time.sleep(0.01)
        queue.finish(running, RunStatus.FINISHED)

    worker = threading.Thread(target=end)
    worker.start()
    more = spec.training.epochs + 5
    branch = api.branch(running.run_id, {"training.epochs": more, "training.optimizer.learning_rate": 1e-4})
    worker.join()
    assert api.run(branch).spec.branch_step == 300
    kept = run_dir(running.run_id) / BRANCHES / f"{300:012d}"
    assert json.loads((kept / "state.json").read_text())["step"] == 300
    # Out of reach of pruning: the run goes on elsewhere and drops its old checkpoints.
    for step in (400, 500, 600):
        write_checkpoint(running.run_id, step)
    assert checkpoints.is_whole(kept)


def test_a_finished_run_without_epochs_left_says_how_many_it_needs(running: Claim, spec: RunSpec) -> None:
    write_checkpoint(running.run_id, 300, epoch=spec.training.epochs)
    queue.finish(running, RunStatus.FINISHED)
    with pytest.raises(EngineError) as caught:
        api.branch(running.run_id, {"training.optimizer.learning_rate": 1e-4})
    assert caught.value.kind is ErrorKind.CONFLICT
    assert f"set the epochs to {spec.training.epochs + 1} or higher" in str(caught.value)


def test_what_cannot_be_branched_is_refused_before_the_run_is_asked(running: Claim, spec: RunSpec) -> None:
    with pytest.raises(EngineError) as caught:
        api.branch(running.run_id, {"data.split.seed": 9})
    assert "data.split.seed cannot be changed" in str(caught.value)
    with pytest.raises(EngineError) as caught:
        api.branch(running.run_id, {"training.no_such": 1})
    assert caught.value.kind is ErrorKind.BAD_INPUT
    assert queue.signals(running).checkpoint == 0
    waiting = api.submit(spec)
    with pytest.raises(EngineError) as caught:
        api.branch(waiting, {"training.batch_size": 16})
    assert caught.value.kind is ErrorKind.CONFLICT
    assert "no checkpoint yet" in str(caught.value)


def test_continuing_a_branch_for_more_epochs_starts_at_its_end(running: Claim, spec: RunSpec) -> None:
    worker = answer_requests(running, 140)
    branch = api.branch(running.run_id, {"training.batch_size": 16})
    worker.join()
    claim = queue.claim_next()
    assert claim is not None
    queue.finish(claim, RunStatus.FINISHED)
    more = api.run(api.continue_training(branch, 3)).spec
    assert (more.parent_run, more.branch_step, more.training.epochs) == (branch, 0, 3)


def test_the_command_line_enters_a_branch(running: Claim, capsys: pytest.CaptureFixture[str]) -> None:
    worker = answer_requests(running, 140)
    code = main(
        ["branch", running.run_id[:8], "--set", "training.optimizer.learning_rate=0.0003", "--no-wait", "--json"]
    )
    worker.join()
    assert code == 0
    printed = capsys.readouterr()
    entered = api.run(json.loads(printed.out)["run_id"])
    assert entered.spec.training.optimizer.learning_rate == 0.0003
    assert f"Branched off at step 140 as {entered.id}." in printed.err
    assert main(["branch", running.run_id, "--set", "data.split.seed=9"]) == 2
