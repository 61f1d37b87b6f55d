"""Train: before the start, the queue, a finished run, a failed one."""

import pytest

from engine import api
from engine.specs import RunSpec, RunStatus


@pytest.fixture
def spec() -> RunSpec:
    record = api.import_sample("diabetes")
    return api.default_spec(record.id).model_copy(update={"name": "first"})


def queue_names(test) -> list[str]:  # type: ignore[no-untyped-def]
    return [
        text.value.split("**")[1]
        for text in test.markdown
        if "**" in text.value and text.value.partition(".")[0].isdigit()
    ]


def test_without_anything_it_sends_to_design(screen) -> None:  # type: ignore[no-untyped-def]
    assert screen("train").button(key="train_empty").label == "Go to Design"


def test_a_draft_waits_with_its_finder_and_its_start(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("train", draft=api.save_draft(spec))
    assert test.button(key="train_start").label == "Start training"
    assert test.button(key="finder_start").label == "Find a learning rate"


def test_waiting_runs_change_places_and_leave_the_queue(screen, spec) -> None:  # type: ignore[no-untyped-def]
    first = api.submit(spec)
    second = api.submit(spec.model_copy(update={"name": "second"}))
    test = screen("train", run=first)
    assert queue_names(test) == ["first", "second"]
    test.button(key=f"queue_up_{second}").click().run()
    assert queue_names(screen("train", run=first)) == ["second", "first"]
    test.button(key=f"queue_out_{first}").click().run()
    assert queue_names(screen("train", run=second)) == ["second"]
    assert api.run(first).status is RunStatus.KILLED


def test_a_stopped_run_can_be_resumed(screen, spec) -> None:  # type: ignore[no-untyped-def]
    run = api.submit(spec)
    api.stop(run)
    screen("train", run=run).button(key="train_resume").click().run()
    assert api.run(run).status is RunStatus.SCHEDULED


def test_forking_opens_the_document_as_a_draft(screen, spec) -> None:  # type: ignore[no-untyped-def]
    run = api.submit(spec)
    test = screen("train", run=run)
    test.button(key="train_fork").click().run()
    assert api.draft(test.session_state["draft"]).training == spec.training


def trained(spec: RunSpec, *, status: RunStatus = RunStatus.FINISHED) -> str:
    """A run that has a checkpoint and a curve, as its worker leaves it."""
    import numpy as np

    from engine.jobs.context import StoreContext
    from engine.store import queue
    from engine.store.home import run_dir
    from engine.training import checkpoints

    run = api.submit(spec)
    claim = queue.claim_next()
    assert claim is not None
    with StoreContext(claim, spec) as context:
        for epoch in (1, 2):
            context.metrics(10 * epoch, {"val/loss": 1.0 / epoch, "train/loss": 2.0 / epoch})
        context.progress(epoch=2, step=20, total_steps=20, seconds_left=0.0)
    state = {"epoch": 2, "first_epoch": 0, "step": 20}
    checkpoints.write(run_dir(run) / "checkpoints", 20, {"model": [np.zeros(2)]}, state)
    if status is not RunStatus.RUNNING:
        queue.finish(claim, status)
    return run


def test_a_knob_turned_makes_a_branch_that_is_drawn_over_its_run(screen, spec) -> None:  # type: ignore[no-untyped-def]
    run = trained(spec.edit({"training.epochs": 2}))
    test = screen("train", run=run)
    test.session_state["branch_open"] = True
    test.run()
    # All its epochs are trained, so that the panel begins with some more.
    assert any("Epochs 2 → 7" in text.value for text in test.markdown)
    rate = next(field for field in test.text_input if field.label == "Learning rate")
    rate.set_value("0.0003").run()
    assert any("Learning rate" in text.value and r"→ 0\.0003" in text.value for text in test.markdown)
    test.button(key="branch_start").click().run()
    (branch,) = api.branches(run)
    assert (branch.spec.branch_step, branch.spec.training.optimizer.learning_rate) == (20, 0.0003)
    assert branch.status is RunStatus.SCHEDULED
    shown = screen("train", run=branch.id)
    assert any(f"Branched off from **{api.run(run).name}** at step 20" in text.value for text in shown.markdown)
    assert shown.button(key="train_parent").label == "first"
    assert screen("train", run=run).button(key=f"train_child_{branch.id}").label.startswith("first / ")


def test_a_run_at_work_that_does_not_answer_is_said_beside_the_button(screen, spec, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("pages.widgets.branch.WAIT_S", 0.1)
    run = trained(spec, status=RunStatus.RUNNING)
    test = screen("train", run=run)
    test.session_state["branch_open"] = True
    test.run()
    next(field for field in test.text_input if field.label == "Learning rate").set_value("0.0003").run()
    test.button(key="branch_start").click().run()
    assert any("did not come to a checkpoint within" in error.value for error in test.error)
    assert api.branches(run) == []


def test_a_waiting_branch_says_that_it_waits_for_a_worker(screen, spec) -> None:  # type: ignore[no-untyped-def]
    run = trained(spec, status=RunStatus.RUNNING)
    branch = api.submit(spec.edit({"parent_run": run, "branch_step": 10, "training.batch_size": 8}))
    shown = screen("train", run=branch)
    assert any("waits for a free worker" in note.value for note in shown.info)
    assert "branch_open" not in shown.session_state  # nothing to branch off from yet
