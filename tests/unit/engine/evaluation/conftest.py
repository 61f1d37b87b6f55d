"""Small data of every kind, prepared as a run prepares them, without importing files."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from engine.data.load import Prepared, prepare
from engine.specs import ColumnKind, Task
from engine.specs.data import PREPROCESSING_OF, DataSpec
from engine.specs.split import StratifiedSplit

MakePrepared = Callable[..., Prepared]


def table_spec(task: Task, target: str, **preprocessing: object) -> DataSpec:
    return DataSpec(
        dataset="0" * 16,
        task=task,
        target=target,
        preprocessing=PREPROCESSING_OF[task.modality](**preprocessing),
        split=StratifiedSplit(validation_fraction=0.2, test_fraction=0.3),
    )


@pytest.fixture
def mixed_table() -> Prepared:
    """Numbers with gaps, a category with a rare and a missing value, a date; the class follows two of them."""
    random = np.random.default_rng(0)
    n = 600
    number, colour = random.normal(size=n), random.choice(["red", "green", "blue"], n)
    label = np.where(number + (colour == "red") > 0.3, "yes", "no")
    frame = pd.DataFrame(
        {
            "number": np.where(random.random(n) < 0.1, np.nan, number),
            "colour": np.where(random.random(n) < 0.05, None, colour),
            "when": pd.date_range("2020-01-01", periods=n),
            "label": label,
        }
    )
    kinds = {
        "number": ColumnKind.NUMBER,
        "colour": ColumnKind.CATEGORY,
        "when": ColumnKind.DATE,
        "label": ColumnKind.CATEGORY,
    }
    return prepare(table_spec(Task.TABLE_CLASSIFICATION, "label"), frame, kinds)


@pytest.fixture
def numbers_table() -> Prepared:
    """A number that is a curved function of two others, with noise."""
    random = np.random.default_rng(1)
    first, second = random.normal(size=500), random.normal(size=500)
    frame = pd.DataFrame({"a": first, "b": second, "y": first**2 + second + random.normal(0, 0.1, 500)})
    return prepare(table_spec(Task.TABLE_REGRESSION, "y"), frame, dict.fromkeys("aby", ColumnKind.NUMBER))


def texts_prepared(good: list[str], bad: list[str], tokens: str) -> Prepared:
    random = np.random.default_rng(2)
    frame = pd.DataFrame({"text": good + bad, "label": ["good"] * len(good) + ["bad"] * len(bad)})
    frame = frame.iloc[random.permutation(len(frame))].reset_index(drop=True)
    kinds = {"text": ColumnKind.TEXT, "label": ColumnKind.CATEGORY}
    return prepare(table_spec(Task.TEXT_CLASSIFICATION, "label", tokens=tokens), frame, kinds)


@pytest.fixture(params=["words", "characters"])
def texts(request: pytest.FixtureRequest) -> Prepared:
    """Short reviews in English and in Chinese."""
    if request.param == "characters":
        good = [f"房间很好，第{i}次来，服务不错" for i in range(60)]
        return texts_prepared(good, [f"太差了，房间又脏又吵，{i}元不值" for i in range(60)], request.param)
    good = [f"a great stay number {i} and kind people" for i in range(60)]
    return texts_prepared(good, [f"dirty and loud room {i} never again" for i in range(60)], request.param)
