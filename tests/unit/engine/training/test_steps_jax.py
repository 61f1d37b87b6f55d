"""The same fit on JAX: learns, and resumes to the same weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jax", reason="JAX is not installed; training then runs on TensorFlow alone")

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.slow
def test_two_devices_learn_what_one_learns(tmp_path: Path) -> None:
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    environment |= {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    script = Path(__file__).with_name("jax_devices.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["devices"] == 2
    one, two = result["one"], result["two"]
    assert len(one) > 20
    assert two == pytest.approx(one, rel=1e-4)
    assert result["placed"] == [16, 16]  # rows of a batch of 32 on each device
    assert result["odd"] == [33, 33]  # one that cannot be divided evenly


@pytest.mark.slow
def test_training_runs_on_jax(tmp_path: Path) -> None:
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    script = Path(__file__).with_name("jax_run.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["backend"] == "jax"
    assert result["accuracy"] > 0.9
    assert result["same"]
    assert result["turned"]  # another dropout and decay: the result of a program of its own…
    assert result["traces"] == 0  # …on the program that is there
    assert result["hard"]  # examples are changed within the step on JAX too
