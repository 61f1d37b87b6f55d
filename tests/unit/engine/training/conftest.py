"""Small real data, encoded, and documents to train on them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.specs import ColumnKind, RunSpec


def cancer_frame() -> pd.DataFrame:
    """Breast cancer (569 rows, 30 numbers, 2 classes)."""
    from sklearn.datasets import load_breast_cancer

    loaded = load_breast_cancer(as_frame=True)
    frame = loaded.data.copy()
    frame["label"] = np.where(loaded.target == 1, "benign", "malignant")
    return frame


def diabetes_frame() -> pd.DataFrame:
    """Diabetes (442 rows, 10 numbers, a number to predict)."""
    from sklearn.datasets import load_diabetes

    loaded = load_diabetes(as_frame=True)
    return loaded.data.assign(label=loaded.target)


def make_spec(task: str = "table_classification", **changes: Any) -> RunSpec:
    """A small document for a table."""
    loss = "cross_entropy" if task.endswith("classification") else "mse"
    spec = RunSpec.parse(
        {
            "data": {
                "dataset": "0" * 16,
                "task": task,
                "preprocessing": {"kind": "table", "number_encoding": "standard"},
                "split": {"kind": "random", "validation_fraction": 0.2, "test_fraction": 0.2},
            },
            "model": {"kind": "mlp", "units": [16], "dropout": 0.2},
            "training": {"loss": {"kind": loss}, "epochs": 3, "batch_size": 32},
        }
    )
    return spec.edit({name.replace("__", "."): value for name, value in changes.items()})


def make_encoded(spec: RunSpec) -> Any:
    """The rows of a table document, encoded."""
    from engine.data.load import prepare
    from engine.models.encoding import Encoder
    from engine.training.pipeline import encode

    frame = cancer_frame() if spec.data.task.is_classification else diabetes_frame()
    label = ColumnKind.CATEGORY if spec.data.task.is_classification else ColumnKind.NUMBER
    kinds = dict.fromkeys(frame.columns, ColumnKind.NUMBER) | {"label": label}
    prepared = prepare(spec.data, frame, kinds)
    return encode(prepared, Encoder.fit(prepared)).keep()


@pytest.fixture
def table_spec() -> Callable[..., RunSpec]:
    return make_spec


@pytest.fixture(scope="session")
def encoded_for() -> Callable[[RunSpec], Any]:
    """Encoded rows of a document, made once a data part."""
    made: dict[str, Any] = {}

    def get(spec: RunSpec) -> Any:
        key = spec.data.model_dump_json()
        if key not in made:
            made[key] = make_encoded(spec)
        return made[key]

    return get
