"""A fit on the JAX backend, in a process of its own: a backend is chosen once a process. Prints what came of it."""

import json
import sys
from pathlib import Path

import numpy as np


class StopsAfter:
    """Asks a context's job to stop after so many compiled calls."""

    def __init__(self, context: object, calls: int) -> None:
        self._context, self._calls = context, calls

    def __getattr__(self, name: str) -> object:
        return getattr(self._context, name)

    def stop_requested(self) -> bool:
        self._calls -= 1
        return self._calls < 0


def turn(spec: object, encoded: object) -> tuple[list[np.ndarray], int]:
    """One step by the document on the program that is there; the weights, and how often the step was traced."""
    from engine.training.compiling import compiled_steps
    from engine.training.steps import Chunk

    rows = encoded.train  # type: ignore[attr-defined]
    indices = np.arange(32)
    chunk = Chunk(rows.take(indices), rows.targets[indices], np.ones(32, np.float32), 32)
    with compiled_steps(spec, encoded) as stepper:  # type: ignore[arg-type]
        before = stepper.traces  # type: ignore[attr-defined]
        stepper.train(chunk, np.full(1, 0.01, np.float32), np.zeros(1, np.float32))
        return stepper.state()["model"], stepper.traces - before  # type: ignore[attr-defined]


def main(folder: Path) -> None:
    """Train twice, once with a stop in between, and compare."""
    import keras
    from conftest import make_encoded, make_spec

    from engine.training import checkpoints
    from engine.training.compiling import compiled_steps, forget_all
    from engine.training.context import LocalContext
    from engine.training.fit import Fit

    spec = make_spec(
        training__epochs=6,
        training__optimizer__learning_rate=0.01,
        training__weight_averaging=0.9,
        training__steps_per_execution=4,
    )
    encoded = make_encoded(spec)

    def train(context: object) -> list[np.ndarray]:
        with compiled_steps(spec, encoded) as stepper:
            resumed = checkpoints.newest(context.run_dir / "checkpoints")  # type: ignore[attr-defined]
            Fit(spec, encoded, stepper, context, resumed=resumed).run()  # type: ignore[arg-type]
            return stepper.state()["model"]

    whole = LocalContext(folder / "whole")
    expected = train(whole)
    parts = LocalContext(folder / "parts")
    train(StopsAfter(parts, 5))
    weights = train(parts)
    turned, traces = turn(spec.edit({"model.dropout": 0.5, "training.optimizer.weight_decay": 0.1}), encoded)
    forget_all()
    own, _ = turn(spec.edit({"model.dropout": 0.5, "training.optimizer.weight_decay": 0.1}), encoded)
    hard, _ = turn(spec.edit({"training.adversarial": {"kind": "pgd", "strength": 0.3, "steps": 2}}), encoded)
    print(
        json.dumps(
            {
                "hard": all(np.isfinite(a).all() for a in hard) and not np.array_equal(hard[0], own[0]),
                "backend": keras.backend.backend(),
                "tensorflow": "tensorflow" in sys.modules,
                "accuracy": whole.history("val/accuracy")[-1][1],
                "steps": whole.history("val/accuracy")[-1][0],
                "turned": all(np.array_equal(a, b) for a, b in zip(turned, own, strict=True)),
                "traces": traces,
                "same": all(np.array_equal(a, b) for a, b in zip(weights, expected, strict=True)),
            }
        )
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main(Path(sys.argv[1]))
