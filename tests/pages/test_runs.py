"""Runs: find, compare, label, delete and restore."""

import pytest

from engine import api
from engine.specs import RunSpec
from engine.store.runs import add_run  # entered as an engine would find them; the data are not needed here


def spec(name: str, **changes: object) -> RunSpec:
    base = RunSpec.parse(
        {
            "name": name,
            "data": {"dataset": "0" * 16, "name": "houses", "task": "table_regression",
                     "preprocessing": {"kind": "table"}},
            "model": {"kind": "mlp"},
            "training": {"loss": {"kind": "mse"}},
        }
    )  # fmt: skip
    return base.edit(changes)


@pytest.fixture
def two_runs() -> list[str]:
    return [add_run(spec("low rate")), add_run(spec("high rate", **{"training.optimizer.learning_rate": 0.1}))]


def names(test) -> list[str]:  # type: ignore[no-untyped-def]
    return list(test.dataframe[0].value["name"])


def test_empty_store_says_where_to_begin(screen) -> None:  # type: ignore[no-untyped-def]
    test = screen("runs")
    assert test.button(key="runs_empty").label == "Choose data"


def test_lists_newest_first_and_searches(screen, two_runs) -> None:  # type: ignore[no-untyped-def]
    test = screen("runs")
    assert names(test) == ["high rate", "low rate"]
    test.text_input(key="runs_search").set_value("low").run()
    assert names(test) == ["low rate"]
    test.text_input(key="runs_search").set_value("nothing like it").run()
    assert any("No run fits" in box.value for box in test.info)


def test_comparison_shows_what_differs_and_nothing_else(screen, two_runs) -> None:  # type: ignore[no-untyped-def]
    test = screen("runs", compare=",".join(two_runs))
    table = test.dataframe[0].value
    assert list(table[""]) == ["Training › Optimizer › Learning rate"]
    assert list(table.iloc[0])[1:] == ["0.001", "0.1"]


def test_a_run_that_is_gone_is_said(screen, two_runs) -> None:  # type: ignore[no-untyped-def]
    test = screen("runs", compare=f"{two_runs[0]},ffffffffffffffff")
    assert any("ffffffffffffffff" in box.value for box in test.error)


def test_deleted_runs_wait_in_the_bin(screen, two_runs) -> None:  # type: ignore[no-untyped-def]
    api.stop(two_runs[0])
    api.delete_runs(two_runs[:1])
    test = screen("runs")
    assert names(test) == ["high rate"]
    test.toggle(key="runs_deleted").set_value(True).run()
    assert names(test) == ["low rate"]


HOSTILE = "<img src=x onerror=alert(1)> **b** $x$ [l](http://e.com) :smile:"


def test_hostile_names_are_drawn_as_they_are(screen) -> None:  # type: ignore[no-untyped-def]
    ids = [add_run(spec(HOSTILE)), add_run(spec("other"))]
    assert HOSTILE in names(screen("runs"))
    test = screen("runs", compare=",".join(ids))
    for element in [*test.markdown, *test.caption]:
        assert "<img" not in element.value.replace("\\<", "")
    assert all("**b**" not in button.label for button in test.button)
