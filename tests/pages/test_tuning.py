"""Tuning: before the start, while a search runs, when it is over; judging, filters, failed trials."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.search import FloatRange, Objective, Options, SearchBudget, SearchSpec
from engine.specs.search_records import SearchStatus, TrialStatus
from engine.store import searches, trials
from engine.store.database import writing
from engine.store.schema import searches as rows_of_searches

RATE, ACTIVATION, KIND = "training.optimizer.learning_rate", "model.activation", "training.optimizer.kind"
Enter = Callable[..., str]


@pytest.fixture
def spec(import_in_process: None) -> RunSpec:
    record = api.import_sample("digits")
    space = SearchSpec(
        dimensions=(
            FloatRange(path=RATE, low=1e-4, high=1e-1, scale="log"),
            Options(path=ACTIVATION, values=("relu", "gelu")),
        ),
        budget=SearchBudget(trials=6),
    )
    return api.default_spec(record.id).model_copy(update={"name": "wide", "search": space})


@pytest.fixture
def enter(spec: RunSpec) -> Enter:
    """Enters a search with trials as the engine would have left them; returns its id."""

    def made(scores: list[float | None], status: SearchStatus = SearchStatus.FINISHED, **space: Any) -> str:
        document = spec.model_copy(update={"search": spec.search.model_copy(update=space)})  # type: ignore[union-attr]
        search_id = searches.add_search(document, dataset_name="Handwritten digits")
        with writing() as connection:
            for number, score in enumerate(scores):
                values = {RATE: 10.0 ** -(1 + number % 3), ACTIVATION: ("relu", "gelu")[number % 2]}
                failed = EngineError(ErrorKind.DIVERGED, "The loss became NaN.", hint="Lower the learning rate.")
                row = trials.TrialRow(
                    number=number,
                    status=TrialStatus.FAILED if score is None else TrialStatus.COMPLETED,
                    values=values,
                    plan={"epochs": 3},
                    score=score,
                    result={} if score is None else {"curve": [score / 2, score], "scores": [score]},
                    error=failed if score is None else None,
                    created_at=time.time(),
                    ended_at=time.time() + number,
                )
                trials.put(connection, search_id, row)
            row_of_it = rows_of_searches.c.id == search_id
            connection.execute(rows_of_searches.update().where(row_of_it).values(status=status.value))
        return search_id

    return made


def table(test: Any) -> Any:
    return test.dataframe[0].value


def test_without_anything_it_sends_to_design(screen) -> None:  # type: ignore[no-untyped-def]
    assert screen("tuning").button(key="tuning_empty").label == "Go to Design"


def test_without_a_design_it_begins_with_the_data_in_the_address(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", dataset=spec.data.dataset)
    assert not test.exception
    assert api.draft(test.session_state["draft"]).data.dataset == spec.data.dataset


# ---- before the start -----------------------------------------------------------------------------------------------
def test_a_draft_gets_a_ready_made_space_with_its_size(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", draft=api.save_draft(spec.model_copy(update={"search": None})))
    assert [metric.label for metric in test.metric] == ["Combinations", "Trials", "Time"]
    assert test.button(key="tuning_start").disabled is False
    assert len([field for field in test.text_input if field.label == "From"]) >= 1


@pytest.mark.parametrize(
    ("low", "high", "problem"),
    [
        ("0.5", "0.01", "range is empty"),
        ("0", "0.1", "log range cannot reach 0"),
        ("0.001", "20", "This field takes"),
        ("abc", "0.1", "Expected a number"),
    ],
)
def test_a_range_that_cannot_be_searched_is_said_beside_it(screen, spec, low, high, problem) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", draft=api.save_draft(spec))
    low_field, high_field = (next(field for field in test.text_input if field.label == name) for name in ("From", "To"))
    low_field.set_value(low)
    high_field.set_value(high).run()
    assert any(problem in caption.value for caption in test.caption)
    assert test.button(key="tuning_start").disabled is True


def test_a_valid_change_of_a_range_is_kept_in_the_draft(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", draft=api.save_draft(spec))
    next(field for field in test.text_input if field.label == "From").set_value("0.002").run()
    kept = api.draft(test.session_state["draft"])
    assert kept.search.dimensions[0].low == 0.002


def test_a_grid_without_end_is_refused_and_the_button_stays_shut(screen, spec) -> None:  # type: ignore[no-untyped-def]
    wide = tuple(
        Options(path=path, values=tuple(range(1, 200)))
        for path in ("seed", "training.epochs", "training.batch_size", "data.split.seed")
    )
    search = SearchSpec.model_validate(
        spec.search.model_dump() | {"dimensions": wide, "algorithm": {"kind": "grid"}, "budget": {"trials": 0}}
    )
    test = screen("tuning", draft=api.save_draft(spec.model_copy(update={"search": search})))
    assert test.button(key="tuning_start").disabled is True
    assert any("combinations" in text.value for text in (*test.caption, *test.warning))


def test_a_field_is_added_and_removed(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", draft=api.save_draft(spec))
    add = next(box for box in test.selectbox if box.label == "Add a field")
    add.set_value("model.dropout").run()
    paths = [dimension.path for dimension in api.draft(test.session_state["draft"]).search.dimensions]
    assert paths == [RATE, ACTIVATION, "model.dropout"]
    test.button(key="tuning_space.model.dropout.remove").click().run()
    paths = [dimension.path for dimension in api.draft(test.session_state["draft"]).search.dimensions]
    assert paths == [RATE, ACTIVATION]


def test_a_field_of_another_kind_depends_on_it(screen, spec) -> None:  # type: ignore[no-untyped-def]
    kinds = (*spec.search.dimensions, Options(path=KIND, values=("adamw", "sgd")))
    search = spec.search.model_copy(update={"dimensions": kinds})
    test = screen("tuning", draft=api.save_draft(spec.model_copy(update={"search": search})))
    next(box for box in test.selectbox if box.label == "Add a field").set_value("training.optimizer.momentum").run()
    added = api.draft(test.session_state["draft"]).search.dimensions[-1]
    assert added.when == {KIND: ("sgd",)}


def test_starting_makes_one_search_and_shows_it(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", draft=api.save_draft(spec))
    test.button(key="tuning_start").click().run()
    (started,) = api.searches()
    assert test.session_state["search"] == started.id
    assert started.spec.search == spec.search


# ---- a search -------------------------------------------------------------------------------------------------------
def test_the_leaderboard_begins_with_the_best(screen, enter) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", search=enter([0.7, 0.9, None, 0.8]))
    frame = table(test)
    assert list(frame["trial"]) == [1, 3, 0, 2]
    assert list(frame["rank"])[:3] == [1, 2, 3]
    assert "Failed" in frame["state"].iloc[3]
    assert test.metric[0].value == "0.9"


def test_an_error_is_best_where_it_is_lowest(screen, enter) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", search=enter([0.7, 0.9, 0.2], objectives=(Objective(metric="val/loss"),)))
    assert list(table(test)["trial"]) == [2, 0, 1]


def test_the_filter_of_the_address_is_seen_by_the_table_and_can_be_taken_away(screen, enter) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", search=enter([0.7, 0.9, 0.8, 0.6]), keep=f"{ACTIVATION}:gelu")
    assert list(table(test)["trial"]) == [1, 3]
    assert list(table(test)["rank"]) == [1, 4]
    test.button(key=f"tuning_filter_{ACTIVATION}").click().run()
    assert len(table(test)) == 4


def test_a_filter_that_nothing_passes_says_so(screen, enter) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", search=enter([0.7, 0.9]), keep="score:5~6")
    assert "No trial fits" in test.info[0].value


def test_a_failed_trial_tells_its_cause(screen, enter) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", search=enter([0.7, None]), trial="1")
    assert "The loss became NaN" in test.error[0].value
    assert "Lower the learning rate" in test.error[0].value


def test_a_trial_is_forked_into_design_with_its_values(screen, enter) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", search=enter([0.7, 0.9]), trial="1")
    test.button(key="tuning_trial_fork").click().run()
    forked = api.draft(test.session_state["draft"])
    assert forked.search is None
    assert forked.training.optimizer.learning_rate == 0.01
    assert forked.model.activation == "gelu"


def test_a_trial_becomes_a_full_run(screen, enter) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", search=enter([0.7, 0.9]), trial="1")
    test.button(key="tuning_trial_promote").click().run()
    run = api.run(test.session_state["run"])
    assert run.spec.model.activation == "gelu"
    assert run.spec.search is None


def test_a_search_is_paused_and_goes_on(screen, enter) -> None:  # type: ignore[no-untyped-def]
    search_id = enter([0.7], status=SearchStatus.RUNNING)
    test = screen("tuning", search=search_id)
    test.button(key="tuning_pause").click().run()
    assert api.search(search_id).status is SearchStatus.PAUSED
    test.button(key="tuning_resume").click().run()
    assert api.search(search_id).status is SearchStatus.RUNNING
    test.button(key="tuning_stop").click().run()
    assert api.search(search_id).status is SearchStatus.STOPPED


def test_the_budget_of_a_running_search_is_raised(screen, enter) -> None:  # type: ignore[no-untyped-def]
    search_id = enter([0.7], status=SearchStatus.RUNNING)
    test = screen("tuning", search=search_id)
    next(field for field in test.number_input if field.label == "Trials").set_value(40).run()
    test.button(key="tuning_budget_set").click().run()
    assert api.search(search_id).spec.search.budget.trials == 40


def test_a_trial_by_hand_is_queued(screen, enter) -> None:  # type: ignore[no-untyped-def]
    search_id = enter([0.7], status=SearchStatus.RUNNING)
    test = screen("tuning", search=search_id)
    rate = next(field for field in test.text_input if "Learning rate" in field.label)
    rate.set_value("7").run()
    assert test.button(key="tuning_hand_add").disabled is True
    rate = next(field for field in test.text_input if "Learning rate" in field.label)
    rate.set_value("0.05").run()
    test.button(key="tuning_hand_add").click().run()
    added = api.trials(search_id)[-1]
    assert added.origin == "hand"
    assert added.values[RATE] == 0.05


def test_a_trial_is_judged(screen, enter) -> None:  # type: ignore[no-untyped-def]
    search_id = enter([0.5, 0.4], status=SearchStatus.RUNNING, objectives=(Objective(metric="judgement"),))
    with writing() as connection:
        waiting = trials.TrialRow(number=2, status=TrialStatus.JUDGING, values={RATE: 0.01, ACTIVATION: "relu"})
        trials.put(connection, search_id, waiting)
    test = screen("tuning", search=search_id, trial="2")
    assert list(table(test)["trial"]) == [2, 0, 1]
    test.number_input(key="tuning_trial_judge_score").set_value(0.9)
    next(button for button in test.button if button.label == "Save the judgement").click().run()
    assert api.search(search_id).best_trial == 2
    assert list(table(test)["trial"]) == [2, 0, 1]


def test_a_deleted_search_comes_back(screen, enter) -> None:  # type: ignore[no-untyped-def]
    search_id = enter([0.7])
    test = screen("tuning", search=search_id)
    test.button(key="tuning_delete").click().run()
    assert api.searches() == []
    test.button(key="tuning_undo").click().run()
    assert [search.id for search in api.searches()] == [search_id]


def test_a_search_that_is_gone_is_forgotten(screen) -> None:  # type: ignore[no-untyped-def]
    test = screen("tuning", search="ffffffffffffffff")
    assert test.button(key="tuning_empty")


def test_names_that_a_person_gave_are_shown_as_they_are(screen, enter, spec) -> None:  # type: ignore[no-untyped-def]
    search_id = enter([0.7])
    api.rename_search(search_id, "<b>**x**</b> [a](b)")
    test = screen("tuning", search=search_id)
    assert any(r"\*\*x\*\*" in text.value for text in test.markdown)
