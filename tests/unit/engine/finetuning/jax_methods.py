"""Methods on the JAX backend, in a process of its own. Prints what came of each."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

METHODS: dict[str, dict[str, Any]] = {
    "head": {"kind": "head"},
    "gradual": {"kind": "gradual"},
    "full": {"kind": "full", "layer_decay": 0.8},
    "lora": {"kind": "lora", "rank": 4, "adapter_dropout": 0.1},
    "adalora": {"kind": "adalora", "initial_rank": 4, "rank": 2, "interval_steps": 2, "targets": "attention"},
    "adapters": {"kind": "adapters"},
    "prompt": {"kind": "prompt", "length": 3},
    "prefix": {"kind": "prefix", "length": 3},
    "ia3": {"kind": "ia3"},
}


def main(folder: Path, names: list[str]) -> None:
    """Train each method twice."""
    import keras
    from tuning_cases import encoded_sentences, tuning_spec, write_tiny_bert

    from engine.training.compiling import compiled_steps
    from engine.training.context import LocalContext
    from engine.training.job import train

    os.environ["LATHE_DATA_DIRS"] = str(folder)
    source = write_tiny_bert(folder / "bert")
    encoded = encoded_sentences(tuning_spec(source))
    results: dict[str, Any] = {"backend": keras.backend.backend()}
    for name in names:
        spec = tuning_spec(source, METHODS[name], training__epochs=2, model__l2_sp=0.01)
        ends = []
        for attempt in range(2):
            context = LocalContext(folder / f"{name}{attempt}")
            with compiled_steps(spec, encoded) as stepper:
                core = stepper.settings.core
                resting = [np.array(v.value) for v in core.non_trainable_weights if v.dtype == "float32"]
                learning = [np.array(v.value) for v in core.trainable_variables]
                train(spec, encoded, stepper, context)
                stepper.state()  # writes the state back into the variables
                rested = [np.array(v.value) for v in core.non_trainable_weights if v.dtype == "float32"]
                learned = [np.array(v.value) for v in core.trainable_variables]
                ranks = [c.rank_left() for c in stepper.settings.allocator.changes] if name == "adalora" else []
            ends.append(learned)
        results[name] = {
            "same": all(np.array_equal(a, b) for a, b in zip(*ends, strict=True)),
            "rests": all(np.array_equal(a, b) for a, b in zip(resting, rested, strict=True)),
            "moved": sum(not np.array_equal(a, b) for a, b in zip(learning, learned, strict=True)) / len(learned),
            "losses": [value for _, value in context.history("val/loss")],
            "ranks": ranks,
        }
    print(json.dumps(results))


if __name__ == "__main__":
    here = Path(__file__).parent
    sys.path[:0] = [str(here / "methods"), str(here.parent / "models")]
    main(Path(sys.argv[1]), sys.argv[2:] or list(METHODS))
