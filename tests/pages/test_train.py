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
