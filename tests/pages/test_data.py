"""Data: a data set is looked at, asked about, cleaned and divided; hostile names stay text."""

import io

import pytest
from streamlit.testing.v1 import AppTest

from engine import api
from engine.specs.records import DatasetRecord

HOSTILE = "<b>x</b> **y** $z$ :red[w] [l](http://e.com)"


@pytest.fixture
def table() -> DatasetRecord:
    rows = "".join(f"{n},{'red' if n % 3 else 'blue'},{n * 3 + n % 7}\n" for n in range(80))
    return api.import_uploads([("prices.csv", io.BytesIO(("size,colour,price\n" + rows).encode()))])


@pytest.fixture
def hostile() -> DatasetRecord:
    rows = "".join(f'{n},"{HOSTILE if n % 2 else "calm"}"\n' for n in range(60))
    text = f'"{HOSTILE} {"n"}","class <i>"\n' + rows
    return api.import_uploads([(f"{HOSTILE.replace('/', '')}.csv", io.BytesIO(text.encode()))])


def test_without_data_every_way_in_is_there(screen) -> None:  # type: ignore[no-untyped-def]
    test = screen("data")
    assert [tab.label for tab in test.tabs] == ["Samples", "Upload", "Paste"]


def test_a_data_set_is_profiled_and_has_a_draft(screen, table) -> None:  # type: ignore[no-untyped-def]
    test = screen("data", dataset=table.id)
    assert test.title[0].value == "prices"
    assert api.draft(test.query_params["draft"]).data.dataset == table.id
    assert "colour" in set(test.dataframe[0].value["name"].str.removeprefix("◎ "))


def test_another_target_begins_a_new_document(screen, table) -> None:  # type: ignore[no-untyped-def]
    test = screen("data", dataset=table.id)
    target = next(box for box in test.selectbox if box.label == "Target")
    target.select("size").run()
    assert not test.exception
    assert api.draft(test.query_params["draft"]).data.target == "size"


def test_a_cleaning_step_is_part_of_the_document(screen, table) -> None:  # type: ignore[no-untyped-def]
    test = screen("data", dataset=table.id, view="cleaning")
    kind = next(box for box in test.selectbox if box.label == "Step")
    kind.select("drop_missing").run()
    test.button(key="data_cleaning_add").click().run()
    assert not test.exception
    steps = api.draft(test.query_params["draft"]).data.cleaning
    assert [step.kind for step in steps] == ["drop_missing"]


def test_the_split_is_shown_with_its_counts(screen, table) -> None:  # type: ignore[no-untyped-def]
    test = screen("data", dataset=table.id, view="split")
    counts = [int(metric.value.replace(",", "")) for metric in test.metric[:3]]
    assert sum(counts) == table.rows


def test_deleting_can_be_undone(screen, table) -> None:  # type: ignore[no-untyped-def]
    test = screen("data", dataset=table.id)
    test.button(key="data_delete").click().run()
    assert api.datasets() == []
    api.restore_dataset(table.id)
    assert [record.id for record in api.datasets()] == [table.id]


@pytest.mark.parametrize("view", ["overview", "examples", "cleaning", "split"])
def test_hostile_names_are_never_markup(screen, hostile, view: str) -> None:  # type: ignore[no-untyped-def]
    test = screen("data", dataset=hostile.id, view=view)
    drawn = [*test.title, *test.subheader, *test.markdown, *test.caption, *test.error, *test.warning]
    texts = [element.value for element in drawn] + [button.label for button in test.button]
    for text in texts:
        bare = text.replace("\\<", "").replace("\\*", "").replace("\\[", "")
        assert "<b>" not in bare
        assert "**y**" not in bare
        assert "[l](" not in bare
        assert ":red[" not in bare


def test_a_data_set_that_is_gone_leads_to_the_ways_in(screen) -> None:  # type: ignore[no-untyped-def]
    assert screen("data", dataset="f" * 16).title[0].value == "Data"


def test_rows_are_shown_cleaned_and_as_the_numbers_that_they_become() -> None:
    def script() -> None:
        from pages.widgets.batch_view import draw_batch

        draw_batch(
            {
                "labels": ["yes", "no"],
                "row_numbers": [7, 3],
                "rows": [{"age": [1.0, 0.5], "sex": 2}, {"age": [0.2, 0.0], "sex": 1}],
                "raw": [{"age": 31.0, "sex": "male"}, {"age": None, "sex": "female"}],
            }
        )

    test = AppTest.from_function(script, default_timeout=60).run()
    assert not test.exception
    cleaned, encoded = (frame.value for frame in test.dataframe)
    assert list(cleaned.index) == list(encoded.index) == [7, 3]
    assert list(cleaned.iloc[0]) == ["yes", 31.0, "male"]
    assert list(encoded.iloc[1]["age"]) == [0.2, 0.0]


def test_the_column_that_goes_most_with_the_target_is_shown_first() -> None:
    from pages.widgets.profile_view import first_shown

    entries = [
        {"is_target": True, "association": None},
        {"is_target": False, "association": 0.2},
        {"is_target": False, "association": 0.7},
    ]
    assert first_shown(entries) == 2
    assert first_shown([]) == 0
