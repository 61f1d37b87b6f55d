"""The same fits on one and on two devices, where TensorFlow takes the processor for two. Prints their courses."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path


def main(folder: Path) -> None:
    """Train twice on the same batches, with a fast update and with Keras' own, and report the loss of every step."""
    import tensorflow as tf

    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)

    import numpy as np
    from conftest import make_encoded, make_spec

    from engine.training import replicas_tensorflow
    from engine.training.compiling import compiled_steps, forget_all
    from engine.training.context import LocalContext
    from engine.training.fit import Fit

    names = [device.name for device in tf.config.list_logical_devices("CPU")]
    result: dict[str, object] = {"devices": len(names)}
    for optimizer in ("adamw", "rmsprop"):
        spec = make_spec(
            training__epochs=4,
            training__weight_averaging=0.9,
            training__clip_norm=1.0,
            model__l2=0.001,
            model__dropout=0.0,
        )
        spec = spec.edit({"training.optimizer.kind": optimizer, "training.steps_per_execution": 3})
        encoded = make_encoded(spec)
        for label in ("one", "two"):
            forget_all()
            made = replicas_tensorflow.mirrored(tuple(names)).scope if label == "two" else nullcontext
            replicas_tensorflow.building = made
            sums: list[list[float]] = []
            with compiled_steps(spec, encoded) as stepper:
                plain = stepper.train

                def watched(*arguments, plain=plain, sums=sums):
                    sums.append([float(value) for value in plain(*arguments)])
                    return np.asarray(sums[-1])

                stepper.train = watched
                Fit(spec, encoded, stepper, LocalContext(folder / f"{optimizer}-{label}")).run()
                state = stepper.state()
            weights = np.concatenate([array.ravel() for array in state["model"] if array.dtype.kind == "f"])
            result[f"{optimizer}-{label}"] = {"sums": sums, "weights": weights.tolist()}
    result["together"] = together(folder, names)
    print(json.dumps(result))


def together(folder: Path, names: list[str]) -> dict[str, object]:
    """A fit with batch normalisation and dropout: whether the devices hold the same in the end, and the last loss."""
    import numpy as np
    from conftest import make_encoded, make_spec

    from engine.training import replicas_tensorflow
    from engine.training.compiling import compiled_steps, forget_all
    from engine.training.context import LocalContext
    from engine.training.fit import Fit

    forget_all()
    strategy = replicas_tensorflow.mirrored(tuple(names))
    replicas_tensorflow.building = strategy.scope
    spec = make_spec(training__epochs=6, model__normalization="batch", model__dropout=0.2)
    encoded = make_encoded(spec)
    with compiled_steps(spec, encoded) as stepper:
        done = Fit(spec, encoded, stepper, LocalContext(folder / "together")).run()
        held = [strategy.experimental_local_results(variable.value) for variable in stepper.settings.model.variables]
        first = stepper.predict(encoded.validation.take(np.arange(40)))
    return {
        "same": all(np.array_equal(first.numpy(), second.numpy()) for first, second in held),
        "finite": bool(np.isfinite(first).all()),
        "score": done.state.best.score,
    }


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main(Path(sys.argv[1]))
