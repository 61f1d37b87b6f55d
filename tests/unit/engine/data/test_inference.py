"""Kinds, tasks and targets: what the real data sets are taken for, and that names of data sets play no part."""

from pathlib import Path

import pytest

from engine import api
from engine.data.dialect import find_dialect, has_header, parse
from engine.data.inference import ColumnFacts, infer, kind_of
from engine.errors import EngineError
from engine.specs import ColumnKind, Part, Task

EXPECTED = {
    "titanic": (Task.TABLE_CLASSIFICATION, "Survived", 891, {}),
    "california-housing": (Task.TABLE_REGRESSION, "median_house_value", 20640, {}),
    "german-credit": (Task.TABLE_CLASSIFICATION, "column_21", 1000, {}),
    "adult": (Task.TABLE_CLASSIFICATION, "column_15", 48842, {Part.TRAIN: 32561, Part.TEST: 16281}),
    "sst2": (Task.TEXT_CLASSIFICATION, "column_2", 9613, {Part.TRAIN: 6920, Part.VALIDATION: 872, Part.TEST: 1821}),
    "ag-news": (Task.TEXT_CLASSIFICATION, "column_1", 7600, {}),
    "chn-hotel-reviews": (Task.TEXT_CLASSIFICATION, "label", 7766, {}),
    "online-shopping-10-cats": (Task.TEXT_CLASSIFICATION, "label", 62774, {}),
    "wine-quality": (Task.TABLE_REGRESSION, "column_12", 6497, {}),
    "cifar10-subset": (Task.IMAGE_CLASSIFICATION, "label", 6000, {Part.TRAIN: 5000, Part.TEST: 1000}),
    "fashion-mnist": (Task.IMAGE_CLASSIFICATION, "label", 70000, {Part.TRAIN: 60000, Part.TEST: 10000}),
    "pneumonia-mnist": (
        Task.IMAGE_CLASSIFICATION,
        "label",
        3166,
        {Part.TRAIN: 2428, Part.VALIDATION: 270, Part.TEST: 468},
    ),
}


@pytest.mark.data
@pytest.mark.parametrize("name", EXPECTED)
def test_real_data_sets_come_in_right_without_options(name: str, shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "some data").symlink_to(shared_data / name)
    record = api.import_data([tmp_path / "some data"], name="no hint")
    assert (record.task, record.target, record.rows, record.parts) == EXPECTED[name]


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (ColumnFacts("a", "BIGINT", 500, 0, 3, True, 1, 3), ColumnKind.CATEGORY),
        (ColumnFacts("a", "BIGINT", 500, 0, 60, True, 18, 90), ColumnKind.NUMBER),
        (ColumnFacts("a", "BIGINT", 500, 0, 500, True, 1, 500), ColumnKind.IDENTIFIER),
        (ColumnFacts("a", "BIGINT", 500, 0, 499, True, 10, 90_000), ColumnKind.NUMBER),
        (ColumnFacts("user_id", "BIGINT", 500, 0, 499, True, 10, 90_000), ColumnKind.IDENTIFIER),
        (ColumnFacts("a", "DOUBLE", 500, 0, 500, False, 0, 1), ColumnKind.NUMBER),
        (ColumnFacts("a", "VARCHAR", 500, 0, 1), ColumnKind.CONSTANT),
        (ColumnFacts("a", "VARCHAR", 500, 0, 500, mean_chars=8, mean_words=1), ColumnKind.IDENTIFIER),
        (ColumnFacts("a", "VARCHAR", 500, 0, 480, mean_chars=90, mean_words=16), ColumnKind.TEXT),
        (ColumnFacts("a", "VARCHAR", 500, 0, 480, mean_chars=12, mean_words=1, chinese=11), ColumnKind.TEXT),
        (ColumnFacts("a", "VARCHAR", 500, 0, 7, mean_chars=6, mean_words=1), ColumnKind.CATEGORY),
        (ColumnFacts("a", "TIMESTAMP", 500, 0, 400), ColumnKind.DATE),
    ],
)
def test_kinds_of_columns(facts: ColumnFacts, kind: ColumnKind) -> None:
    assert kind_of(facts, 500) == kind


@pytest.mark.parametrize(
    ("text", "delimiter", "header"),
    [
        ("a,b\n1,2\n3,4\n", ",", True),
        ("1,2\n3,4\n5,6\n", ",", False),
        ("name;town\nAnn;Rome\nBob;Paris\nCid;Rome\nDan;Rome\nEve;Paris\nFay;Rome\nGil;Paris\n", ";", True),
        ("Ann|Rome\nBob|Paris\nCid|Rome\nDan|Paris\nEve|Rome\n", "|", False),
        ("a fine, fine film\t1\nno, not this one\t0\nyes, yes, yes\t1\n", "\t", False),
        ("text\tlabel\na fine, fine film\tgood\nno, not this one\tbad\n", "\t", True),
        ("0,1,2\n5.5,3.2,7.7\n1.5,2.2,3.7\n", ",", True),
    ],
)
def test_delimiters_and_headers(text: str, delimiter: str, header: bool) -> None:
    dialect = find_dialect(text)
    assert dialect is not None
    assert dialect.delimiter == delimiter
    assert has_header(parse(text, dialect.delimiter, dialect.quoted)) == header


def number(name: str) -> ColumnFacts:
    return ColumnFacts(name, "DOUBLE", 500, 0, 480, False, 0.5, 900.0)


CODES = ColumnFacts("income", "VARCHAR", 500, 0, 2, mean_chars=5, mean_words=1)
TOWN = ColumnFacts("town", "VARCHAR", 500, 0, 5, mean_chars=6, mean_words=1)


@pytest.mark.parametrize(
    ("facts", "target"),
    [
        ([number("age"), number("median_income"), number("median_house_value"), TOWN], "median_house_value"),
        ([number("income"), number("rooms"), number("unit price"), TOWN], "unit price"),
        ([number("price"), number("income"), number("size"), TOWN], "price"),
        ([number("annualIncome"), number("loanAmount"), TOWN], "loanAmount"),
        ([number("age"), number("total_cost"), number("household income")], "total_cost"),
        ([number("years"), number("salary"), number("age"), TOWN], "salary"),  # nothing else is asked for
        ([number("age"), number("hours"), number("capital value"), CODES], "income"),  # classes of it are
    ],
)
def test_what_something_costs_is_asked_for_before_what_someone_earns(facts: list[ColumnFacts], target: str) -> None:
    assert infer(facts, 500, named=True, wished={})[2] == target


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        (ColumnFacts("y", "VARCHAR", present=50, missing=0, distinct=1), "“y” has one class only"),
        (ColumnFacts("y", "VARCHAR", present=0, missing=50, distinct=0), "“y” is empty"),
        (ColumnFacts("y", "VARCHAR", present=50, missing=0, distinct=50), "No column was found"),
    ],
)
def test_where_nothing_can_be_predicted_the_reason_is_said(last: ColumnFacts, sentence: str) -> None:
    rows = ColumnFacts("x", "BIGINT", present=50, missing=0, distinct=50, whole=True, high=49.0)
    with pytest.raises(EngineError, match=sentence):
        infer([rows, last], 50, named=True, wished={})
    assert infer([rows, last], 50, named=True, wished={"target": "y"})[2] == "y"  # a person's word counts
