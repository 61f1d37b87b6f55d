"""Submit to first training metric readable, on a warm engine, against a fresh script of the same model.

Both train the default CNN for the digits (306,090 parameters). The engine's time ends when another process can read the
first training metric from the store; the script's when it prints the loss of its first epoch. Every run of the engine
has a seed of its own: it is what a person has who changes a setting and submits again. The first submit after the start
of the engine, which still has to compile the model, is printed beside it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
REPEATS, SCRIPT_REPEATS = 5, 3
GOAL_S, GOAL_RATIO = 1.0, 10.0
PARAMETERS = 306_090

# What a person would write by hand: the default document's model in plain Keras.
SCRIPT = f"""
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

digits = load_digits()
order = np.random.default_rng(0).permutation(len(digits.target))[:1257]
images, labels = (digits.images[order, ..., None] * 16).astype("float32"), digits.target[order]
x = inputs = keras.Input((8, 8, 1))
x = layers.Rescaling(1 / 255)(x)
for filters in (32, 64, 128):
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D(2, padding="same")(x)
x = layers.Dropout(0.1)(layers.Flatten()(x))
x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(128, use_bias=False)(x)))
model = keras.Model(inputs, layers.Dense(10)(layers.Dropout(0.1)(x)))
assert abs(model.count_params() - {PARAMETERS}) < 1000, model.count_params()
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.AdamW(), loss, metrics=["accuracy"])
history = model.fit(images, labels, batch_size=BATCH, epochs=1, verbose=0)
print("train/loss", history.history["loss"][0], flush=True)
"""


def main() -> int:
    """Print both medians and their ratio; 0 where the goals are met."""
    with tempfile.TemporaryDirectory(prefix="lathe-bench-") as folder:
        os.environ["LATHE_HOME"] = folder
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        from engine import api
        from engine.jobs import client

        spec = api.default_spec(api.import_sample("digits").id).edit({"training.epochs": 2})
        api.ensure_engine()
        try:
            wait_until_idle(spec)
            cold = first_metric(spec.edit({"seed": 1000}))
            warm = [first_metric(spec.edit({"seed": seed})) for seed in range(1, REPEATS + 1)]
        finally:
            client.stop_engine()
    script = [fresh_script(spec.training.batch_size) for _ in range(SCRIPT_REPEATS)]
    ours, theirs = statistics.median(warm), statistics.median(script)
    print(f"engine, model seen before:   {ours:6.2f} s   (median of {REPEATS}: {listed(warm)})")
    print(f"engine, model new to it:     {cold:6.2f} s")
    print(f"fresh script:                {theirs:6.2f} s   (median of {SCRIPT_REPEATS}: {listed(script)})")
    print(f"ratio script / engine:       {theirs / ours:6.1f}   (goal: at least {GOAL_RATIO:.0f}, under {GOAL_S} s)")
    return 0 if ours < GOAL_S and theirs / ours >= GOAL_RATIO else 1


def wait_until_idle(spec: Any) -> None:
    """Until the engine has a warm worker, its desk and its prober are up and nothing runs."""
    from engine import api
    from engine.specs.probe import ProbeBudget

    deadline = time.monotonic() + 180
    probe = api.probe(spec, ProbeBudget(steps=1))  # the prober is started at once where somebody asks for a probe
    log = api.home() / "logs" / "engine.log"
    while time.monotonic() < deadline:
        ready = api.engine_state().state == "ready" and log.exists() and "the desk is ready" in log.read_text()
        if ready and api.probe_record(probe.id).status.is_over:
            return
        time.sleep(0.2)
    raise SystemExit("the engine did not become ready within three minutes")


def first_metric(spec: Any) -> float:
    """Seconds from submit until `train/loss` can be read; waits for the end of the run afterwards."""
    from engine import api

    started = time.perf_counter()
    run_id = api.submit(spec)
    while not api.history(run_id, keys=["train/loss"]):
        if api.run(run_id).error:
            raise SystemExit(f"the run failed: {api.run(run_id).error}")
        time.sleep(0.005)
    seconds = time.perf_counter() - started
    while not api.run(run_id).status.is_over:
        time.sleep(0.05)
    return seconds


def fresh_script(batch_size: int) -> float:
    """Seconds from the start of a Python process until it prints its first metric."""
    command = [sys.executable, "-c", SCRIPT.replace("BATCH", str(batch_size))]
    started = time.perf_counter()
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if "train/loss" not in answer.stdout:
        raise SystemExit(answer.stderr[-2000:])
    return time.perf_counter() - started


def listed(seconds: list[float]) -> str:
    """As "0.52 0.61 0.55"."""
    return " ".join(f"{value:.2f}" for value in seconds)


if __name__ == "__main__":
    sys.exit(main())
