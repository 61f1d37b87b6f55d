"""Several devices learn what one learns, also where a batch cannot be divided evenly."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def courses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    script, folder = Path(__file__).with_name("tensorflow_replicas.py"), tmp_path_factory.mktemp("replicas")
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, str(script), str(folder)], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop"])  # an update of one operation, and Keras' own
def test_two_devices_learn_what_one_learns(courses: dict[str, Any], optimizer: str) -> None:
    assert courses["devices"] == 2
    one, two = (np.array(courses[f"{optimizer}-{label}"]["sums"]) for label in ("one", "two"))
    assert len(one) > 5
    np.testing.assert_allclose(two, one, rtol=2e-3)  # losses, weights, correct ones, rows and norms of every call
    one, two = (np.array(courses[f"{optimizer}-{label}"]["weights"]) for label in ("one", "two"))
    np.testing.assert_allclose(two, one, atol=2e-3)


@pytest.mark.slow
def test_devices_hold_the_same_also_where_statistics_move(courses: dict[str, Any]) -> None:
    together = courses["together"]
    assert together["same"]
    assert together["finite"]
    assert together["score"] > 0.85 or together["score"] < 0.35  # accuracy, or a loss: it has learned
