"""A trained model that predicts rows batch by batch, in the target's own terms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import EngineError, ErrorKind
from engine.text import N_

if TYPE_CHECKING:
    from engine.data.load import Prepared
    from engine.models.encoding import Encoder

# Rows encoded together: some megabytes of tokens.
AT_ONCE = 4096

Forward = Callable[[dict[str, np.ndarray]], np.ndarray]


class Predictor:
    """Encoder and model of one run.

    Args:
        encoder: turns rows into arrays, and outputs into probabilities or numbers.
        forward: outputs of one batch of encoded rows.
        batch_size: rows a batch.
    """

    def __init__(self, encoder: Encoder, forward: Forward, *, batch_size: int = 256) -> None:
        self.encoder = encoder
        self._forward = forward
        self._batch_size = batch_size

    @classmethod
    def load(cls, run_dir: Path) -> Predictor:
        """The model of a finished run.

        Raises:
            EngineError: NOT_FOUND where the run has no model.
        """
        core, encoder = load_core(run_dir)
        dtypes = {name: tensor.dtype for name, tensor in core.input.items()}

        def forward(inputs: dict[str, np.ndarray]) -> np.ndarray:
            cast = {name: inputs[name].astype(dtype) for name, dtype in dtypes.items()}
            return np.asarray(core.predict_on_batch(cast))

        return cls(encoder, forward)

    def predict(self, prepared: Prepared, positions: np.ndarray | None = None) -> np.ndarray:
        """Predict rows of a prepared data set.

        Args:
            prepared: from `load` or `apply`.
            positions: which rows; all without it.

        Returns:
            Probabilities `(rows, classes)`, or numbers `(rows,)` in the target's unit.
        """
        positions = np.arange(len(prepared.frame)) if positions is None else np.asarray(positions)
        starts = range(0, len(positions), AT_ONCE)
        outputs = [out for first in starts for out in self._outputs(prepared, positions[first : first + AT_ONCE])]
        if not outputs:
            return np.zeros((0, len(self.encoder.classes)) if self.encoder.classes else 0)
        return self.encoder.decode_target(np.concatenate(outputs))

    def _outputs(self, prepared: Prepared, positions: np.ndarray) -> list[np.ndarray]:
        """Outputs of some thousand rows; texts of like length are predicted together, which saves their padding."""
        name = self.encoder.trimmed_input
        if not name:
            starts = range(0, len(positions), self._batch_size)
            batches = (positions[first : first + self._batch_size] for first in starts)
            return [self._forward(self.encoder.encode(prepared, batch)) for batch in batches]
        encoded = self.encoder.encode(prepared, positions)
        order = np.argsort(np.count_nonzero(encoded[name], axis=1), kind="stable")
        parts = (order[first : first + self._batch_size] for first in range(0, len(order), self._batch_size))
        outputs = [self._forward({key: value[part] for key, value in encoded.items()}) for part in parts]
        return [np.concatenate(outputs)[np.argsort(order)]]


def load_core(run_dir: Path) -> tuple[Any, Encoder]:
    """The trained model of a finished run (encoded rows → logits or a scaled number), and its encoder.

    Raises:
        EngineError: NOT_FOUND where the run has no model.
    """
    import keras

    import engine.models.layers  # noqa: F401 - a process that built no model yet knows no layer of ours
    from engine.models.encoding import Encoder
    from engine.training.saving import CORE, ENCODER, MODEL

    folder = run_dir / MODEL
    if not (folder / CORE).exists():
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("The run {run} has no trained model."),
            hint=N_("Wait until it is finished, or resume it."),
            run=run_dir.name,
        )
    return keras.saving.load_model(folder / CORE, compile=False), Encoder.load(folder / ENCODER)
