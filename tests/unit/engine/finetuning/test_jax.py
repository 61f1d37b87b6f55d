"""The methods on JAX: what rests rests, and a second run with the same seed is the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jax", reason="JAX is not installed; training then runs on TensorFlow alone")

ROOT = Path(__file__).resolve().parents[4]
METHODS = ("head", "gradual", "adalora", "prefix")  # each goes its own way through the step


@pytest.mark.slow
def test_methods_run_on_jax(tmp_path: Path) -> None:
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    script = Path(__file__).with_name("jax_methods.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), *METHODS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads(done.stdout.splitlines()[-1])
    assert results["backend"] == "jax"
    for name in METHODS:
        assert results[name]["same"], name
        assert results[name]["moved"] > 0.5, name
        # AdaLoRA keeps account of what matters in variables that do not learn.
        assert results[name]["rests"] or name == "adalora", name
    ranks = results["adalora"]["ranks"]
    assert sum(ranks) == 2 * len(ranks)
