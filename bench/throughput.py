"""Samples a second of an engine run ÷ those of a hand-written `model.fit` of the same model, data and batch.

The engine run has live figures, store, validation, examples and checkpoints on, as every run has. The two alternate;
the median ratio of the rounds counts. Both sides are warm: the data are encoded, the first epoch, in which programs
are compiled, is left out on both sides.

    python bench/throughput.py [--data DIR] [--rounds 5] [--epochs 3] [--only fashion-mnist adult sst2] [--rows 20000]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

SOURCES = {
    "fashion-mnist": ["fashion-mnist"],
    "adult": ["adult/adult-train.csv", "adult/adult-test.csv"],
    "sst2": ["sst2/train.tsv", "sst2/dev.tsv", "sst2/test.tsv"],
}
MODELS: dict[str, dict[str, Any]] = {
    "fashion-mnist": {
        "model": {"kind": "cnn", "filters": [32, 64], "convolutions": 1, "normalization": "none", "dense_units": 128},
        "batch_size": 64,
    },
    "adult": {"model": {"kind": "mlp", "units": [256, 256]}, "batch_size": 128},
    "sst2": {"model": {"kind": "text_cnn"}, "batch_size": 32},
}
NAMES = {"fashion-mnist": "CNN on Fashion-MNIST", "adult": "MLP on adult", "sst2": "text CNN on SST-2"}


def document(name: str, folder: Path, *, epochs: int, rows: int) -> Any:
    """The run's document: a fixed model, so that the figure does not move with the defaults."""
    from engine import api

    paths = [folder / source for source in SOURCES[name]]
    record = api.import_data(sorted(paths[0].glob("*.gz")) if paths[0].is_dir() else paths, name=name)
    settings = MODELS[name]
    spec = api.default_spec(record.id).edit(
        {
            "model": settings["model"],
            "training.batch_size": settings["batch_size"],
            "training.epochs": epochs,
            "training.max_train_time_s": 0.0,
            "training.weight_averaging": 0.0,
            "training.early_stopping.enabled": False,
            "training.augmentation": {},
        }
    )
    return spec if not rows or rows >= record.rows else spec.edit({"data.train_fraction": rows / record.rows})


class StoredRun:
    """A run in the store, as the engine's worker has it."""

    def __init__(self, spec: Any) -> None:
        from engine import api
        from engine.jobs.context import StoreContext
        from engine.store import queue

        self.run_id = api.submit(spec)
        claim = queue.claim_next()
        if claim is None or claim.run_id != self.run_id:
            raise RuntimeError("another engine took the benchmark's run; use a LATHE_HOME of its own")
        self.context = StoreContext(claim, spec)


def engine_seconds(spec: Any, encoded: Any, context: Any) -> float:
    """Seconds of all epochs but the first, from one validation to the next as the run's own history has them."""
    from engine.training.compiling import compiled_steps
    from engine.training.fit import Fit

    ends: list[float] = []

    class Timed(Fit):
        def _end_epoch(self) -> None:
            super()._end_epoch()
            ends.append(time.perf_counter())

    with compiled_steps(spec, encoded) as stepper:
        Timed(spec, encoded, stepper, context).run()
    return ends[-1] - ends[0]


def plain_seconds(spec: Any, encoded: Any, *, steps_per_execution: int) -> float:
    """The same by `keras.Model.fit` with its own validation, accuracy and clipping, written as its guide shows it."""
    import keras
    import numpy as np

    from engine.models.build import build_core

    keras.backend.clear_session()
    model = build_core(spec, encoded.encoder)
    training = spec.training
    model.compile(
        keras.optimizers.AdamW(
            training.optimizer.learning_rate,
            weight_decay=training.optimizer.weight_decay,
            global_clipnorm=training.clip_norm or None,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))
    train, validation = encoded.train, encoded.validation
    model.fit(
        train.take(np.arange(len(train))),
        train.targets,
        batch_size=training.batch_size,
        epochs=training.epochs,
        validation_data=(validation.take(np.arange(len(validation))), validation.targets),
        callbacks=[clock],
        verbose=0,
    )
    return ends[-1] - ends[0]


def compare(name: str, options: argparse.Namespace) -> float:
    """Alternate both sides; print and return the median ratio."""
    from engine.training.warmth import encoded_data

    spec = document(name, options.data, epochs=options.epochs, rows=options.rows)
    encoded = encoded_data(spec.data).keep()
    samples = len(encoded.train) * (options.epochs - 1)
    ours, plain, ratios = [], [], []
    for _ in range(options.rounds):
        with StoredRun(spec).context as context:
            ours.append(samples / engine_seconds(spec, encoded, context))
        plain.append(samples / plain_seconds(spec, encoded, steps_per_execution=options.steps_per_execution))
        ratios.append(ours[-1] / plain[-1])
    ratio = statistics.median(ratios)
    print(
        f"{NAMES[name]}: {ratio:.2f} × model.fit "
        f"(engine {statistics.median(ours):,.0f}, model.fit {statistics.median(plain):,.0f} samples/s; "
        f"rounds {', '.join(f'{value:.2f}' for value in ratios)}; wanted ≥ 1.0)",
        flush=True,
    )
    return ratio


def main() -> None:
    """Parse the options and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("LATHE_TEST_DATA", default)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3, help="the first is left out of the measurement")
    parser.add_argument("--rows", type=int, default=20_000, help="train on about so many rows; 0: all")
    parser.add_argument("--steps-per-execution", type=int, default=1, help="of model.fit; 1 is Keras' default")
    parser.add_argument("--only", nargs="*", choices=list(SOURCES), default=list(SOURCES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["LATHE_HOME"] = home
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        for name in options.only:
            compare(name, options)


if __name__ == "__main__":
    main()
