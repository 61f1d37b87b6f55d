"""What the source has forgotten: its own task with its own head, on the body before and after."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, ErrorKind
from engine.finetuning.paired import measured
from engine.finetuning.representations import HEAD, Body, head_weights, sample
from engine.specs import Part
from engine.specs.finetuning_records import Forgetting
from engine.store.home import home
from engine.text import N_

MOST_ROWS = 2000
RUN = "run:"


def forgetting(source: str, tuned: Any, *, seed: int = 0) -> Forgetting | None:
    """The source run's metric on its own test part, before and after its body was tuned elsewhere.

    A head is linear in the features, so that the outputs after are those before plus the kernel times what the
    features have moved; whatever else a family adds to its outputs (the wide part of a text model) stays as it was.

    Args:
        source: address; None is returned for others than a run.
        tuned: the core with the tuned body.
        seed: of the choice of rows where there are many.

    Raises:
        EngineError: NOT_FOUND where the run or its data are no longer here, BAD_INPUT where its head does not fit.
    """
    if not source.startswith(RUN):
        return None
    from engine.store.runs import get_run
    from engine.training.warmth import encoded_data

    run = get_run(source.removeprefix(RUN))
    core, encoder = _model_of(run.id)
    prepared = encoded_data(run.spec.data).prepared
    part = Part.TEST if len(prepared.parts.get(Part.TEST, ())) else Part.VALIDATION
    positions = np.asarray(prepared.parts[part])
    places = sample(len(positions), MOST_ROWS, seed)
    inputs = encoder.encode(prepared, positions[places])
    kernel = head_weights(core)[0]
    before, features = _outputs_and_features(core, inputs)
    moved = Body(tuned).features(inputs)
    if moved.shape != features.shape:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The head of the source takes {before} features, the tuned body gives {after}."),
            hint=N_("Leave the summary of a text as the source has it."),
            before=features.shape[1],
            after=moved.shape[1],
        )
    after = before + (moved - features) @ kernel
    truth = np.asarray(prepared.target)[positions[places]]
    metric, first, second, difference = measured(
        truth, encoder.decode_target(before), encoder.decode_target(after), len(prepared.classes)
    )
    return Forgetting(
        source_run=run.id,
        source_name=run.name,
        part=part.value,
        metric=metric,
        before=first,
        after=second,
        difference=difference,
        rows=len(places),
        rows_there=len(positions),
    )


def _model_of(run_id: str) -> tuple[Any, Any]:
    import keras

    import engine.models.layers  # noqa: F401 - so that Keras knows our layers
    from engine.models.encoding import Encoder
    from engine.training.saving import CORE, ENCODER, MODEL

    folder = home() / "runs" / run_id / MODEL
    if not (folder / CORE).exists():
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("The run {run} has no trained model."),
            hint=N_("Wait until it is finished, or resume it."),
            run=run_id,
        )
    return keras.saving.load_model(folder / CORE, compile=False), Encoder.load(folder / ENCODER)


def _outputs_and_features(core: Any, inputs: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    import keras

    both = keras.Model(core.input, {"outputs": core.output, "features": core.get_layer(HEAD).input})
    dtypes = {name: tensor.dtype for name, tensor in core.input.items()}
    found: dict[str, list[NDArray[Any]]] = {"outputs": [], "features": []}
    rows = len(next(iter(inputs.values())))
    for first in range(0, rows, 256):
        batch = {name: inputs[name][first : first + 256].astype(dtype) for name, dtype in dtypes.items()}
        for name, value in both.predict_on_batch(batch).items():
            found[name].append(np.asarray(value, np.float32))
    return np.concatenate(found["outputs"]), np.concatenate(found["features"])
