"""The same fit on one and on two devices, in a process that JAX believes to have two. Prints both courses."""

import json
import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Train twice on the same batches and report the loss of every step."""
    import jax
    import numpy as np
    from conftest import make_encoded, make_spec

    from engine.training import steps_jax
    from engine.training.compiling import compiled_steps, forget_all
    from engine.training.context import LocalContext
    from engine.training.fit import Fit
    from engine.training.sharding_jax import Devices

    spec = make_spec(training__epochs=4, training__optimizer__learning_rate=0.01, training__weight_averaging=0.9)
    encoded = make_encoded(spec)

    def train(name: str, devices: Devices) -> list[float]:
        forget_all()
        steps_jax.Devices = lambda: devices
        losses = []
        with compiled_steps(spec, encoded) as stepper:
            plain = stepper.train

            def watched(*arguments):
                sums = plain(*arguments)
                losses.append(float(sums[0] / sums[1]))
                return sums

            stepper.train = watched
            Fit(spec.edit({"training.steps_per_execution": 1}), encoded, stepper, LocalContext(folder / name)).run()
        return losses

    both = Devices()
    shapes = [[len(part.data) for part in both.rows(np.zeros((n, 3))).addressable_shards] for n in (32, 33)]
    one, two = train("one", Devices(jax.local_devices()[:1])), train("two", both)
    print(json.dumps({"devices": both.count, "one": one, "two": two, "placed": shapes[0], "odd": shapes[1]}))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main(Path(sys.argv[1]))
