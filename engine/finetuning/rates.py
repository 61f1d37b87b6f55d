"""How quickly each variable learns, as a share of the learning rate: less in lower blocks, nothing before they thaw.

The shares are an argument of the compiled step: thawing needs no new trace.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from keras import Model

from engine.finetuning.blocks import block_of, blocks_of
from engine.specs import RunSpec
from engine.specs.finetuning import Full, Gradual
from engine.specs.models.pretrained import PretrainedSpec


@dataclass(frozen=True)
class Rates:
    """Shares of the learning rate.

    Attributes:
        depths: for each trainable variable, how many blocks it lies below the head `(variables,)`; 0 is the head.
        decay: each block learns at this share of the rate of the one above it (Howard & Ruder 2018).
        thaw_fraction: share of the run after which the lowest block learns; 0: all learn from the beginning.
    """

    depths: np.ndarray
    decay: float
    thaw_fraction: float = 0.0

    def at(self, share: float) -> np.ndarray:
        """The shares `(variables,)` when `share` of the run is done.

        The head learns from the beginning. The blocks thaw one after another from the top, at equal distances, the
        lowest one at `thaw_fraction`.
        """
        rates = np.power(self.decay, self.depths, dtype=np.float64)
        if self.thaw_fraction:
            lowest = max(int(self.depths.max(initial=1)), 1)
            rates = np.where(share >= self.thaw_fraction * self.depths / lowest, rates, 0.0)
        return rates.astype(np.float32)


def rates_of(spec: RunSpec, core: Model) -> Rates | None:
    """The rates of a document's model; None where all variables learn alike."""
    method = spec.model.method if isinstance(spec.model, PretrainedSpec) else None
    if not isinstance(method, Full | Gradual):
        return None
    thaw_fraction = method.thaw_fraction if isinstance(method, Gradual) else 0.0
    if method.layer_decay == 1.0 and not thaw_fraction:
        return None
    blocks = blocks_of(core)
    numbers = block_of(blocks)
    of_variable = {
        id(variable): len(blocks) - numbers[layer.name]
        for layer in core.layers
        if layer.name in numbers
        for variable in layer.variables
    }
    depths = [of_variable.get(id(variable), 0) for variable in core.trainable_variables]
    return Rates(np.array(depths, np.int64), method.layer_decay, thaw_fraction)
