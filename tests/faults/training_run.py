"""A training run in a process of its own, to be killed: `python training_run.py RUN_DIR`; prints the final state."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd


def main(run_dir: Path) -> None:
    """Train a small table model for long enough to be killed in the middle of an epoch."""
    from sklearn.datasets import load_breast_cancer

    from engine.data.load import prepare
    from engine.models.encoding import Encoder
    from engine.specs import ColumnKind, RunSpec
    from engine.training import checkpoints
    from engine.training.compiling import compiled_steps
    from engine.training.context import LocalContext
    from engine.training.fit import Fit
    from engine.training.pipeline import encode

    loaded = load_breast_cancer(as_frame=True)
    # Many times the same rows: an epoch takes long enough to be hit in its middle.
    frame = pd.concat([loaded.data.assign(label=loaded.target.astype(str))] * 16, ignore_index=True)
    spec = RunSpec.parse(
        {
            "data": {
                "dataset": "0" * 16,
                "task": "table_classification",
                "preprocessing": {"kind": "table", "number_encoding": "standard"},
            },
            "model": {"kind": "mlp", "units": [32, 32], "dropout": 0.3},
            "training": {
                "epochs": 3,
                "batch_size": 4,
                "checkpoint_every_s": 0.05,
                "weight_averaging": 0.99,
                "early_stopping": {"enabled": False},
            },
        }
    )
    kinds = dict.fromkeys(frame.columns, ColumnKind.NUMBER) | {"label": ColumnKind.CATEGORY}
    prepared = prepare(spec.data, frame, kinds)
    encoded = encode(prepared, Encoder.fit(prepared)).keep()
    context = LocalContext(run_dir)
    with compiled_steps(spec, encoded) as stepper:
        resumed = checkpoints.newest(run_dir / "checkpoints")
        result = Fit(spec, encoded, stepper, context, resumed=resumed).run()
        weights = stepper.state()["model"]
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in weights)).hexdigest()
    print(json.dumps({"steps": result.state.step, "epochs": result.state.epoch, "weights": digest}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
