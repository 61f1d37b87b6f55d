"""AdaLoRA (Zhang et al. 2023): a budget of ranks that goes to the matrices that matter most.

Numbers are shared out inside the compiled step (`engine.finetuning.allocation`).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from engine.errors import EngineError, ErrorKind
from engine.finetuning.changes import Change
from engine.finetuning.methods import method, rest
from engine.finetuning.rewrite import rewrite
from engine.finetuning.targets import check_rank, chosen, matrices, replaced
from engine.models.live import LiveNumber, zeros_are_kept
from engine.specs.finetuning import AdaLora
from engine.text import N_

DEVIATION = 0.02  # of the first singular vectors (the authors' code)
TINY = 1e-5  # beside the rank in the scale (the authors' code)


@keras.saving.register_keras_serializable("lathe")
class Orthogonality(keras.regularizers.Regularizer):
    """`weight · share · ‖Pᵀ P - 1‖` (Frobenius) for singular vectors P `(…, rank)`, or Q `(rank, …)`.

    Args:
        weight: a live number.
        share: 1 / count of all such matrices: the penalty is their mean.
        rows: True for Q, whose vectors are its rows.
    """

    def __init__(self, weight: LiveNumber, share: float, rows: bool) -> None:
        self._weight, self._share, self._rows = weight, share, rows

    def __call__(self, x: Any) -> Any:
        """See the class."""
        products = ops.matmul(x, ops.transpose(x)) if self._rows else ops.matmul(ops.transpose(x), x)
        apart = products - ops.eye(products.shape[0], dtype=products.dtype)
        return self._weight.get() * self._share * ops.sqrt(ops.sum(ops.square(apart)))

    def get_config(self) -> dict[str, Any]:
        """For saving; a saved model is not trained on."""
        return {"weight": self._weight.value, "share": self._share, "rows": self._rows}


class Singular(Change):
    """`x W + b + s · ((x P) ⊙ λ) Q`: P `(inputs, rank)`, λ `(rank,)`, Q `(rank, outputs)`; λ begins at 0.

    Parameters: rank · (inputs + outputs + 1) a matrix. What does not learn: smoothed importance of each number and its
    uncertainty, and which λ are kept.

    Args:
        rank: at first.
        alpha: s is alpha / rank.
        penalty: makes the orthogonality penalty of P (False) and Q (True); none outside of training.
    """

    kind = "adalora"

    def __init__(self, rank: int, alpha: float, penalty: Any = None) -> None:
        self.rank, self.alpha = rank, alpha
        self.scale = alpha / (rank + TINY)
        self._penalty = penalty or (lambda rows: None)

    def config(self) -> dict[str, Any]:
        """See `Change`."""
        return {"rank": self.rank, "alpha": self.alpha}

    def build(self, layer: Any, inputs: int, outputs: int) -> None:
        """See `Change`."""

        def vectors(name: str, shape: tuple[int, int], rows: bool) -> Any:
            start = keras.initializers.RandomNormal(stddev=DEVIATION)
            return layer.add_weight(name=name, shape=shape, initializer=start, regularizer=self._penalty(rows))

        self.p = vectors("adalora_p", (inputs, self.rank), rows=False)
        self.q = vectors("adalora_q", (self.rank, outputs), rows=True)
        self.values = layer.add_weight(name="adalora_values", shape=(self.rank,), initializer="zeros")
        self.statistics = []
        for variable in (self.p, self.values, self.q):
            for name in ("importance", "uncertainty"):
                self.statistics.append(
                    layer.add_weight(
                        name=f"{variable.name}_{name}", shape=variable.shape, initializer="zeros", trainable=False
                    )
                )
        self.kept = layer.add_weight(name="adalora_kept", shape=(self.rank,), initializer="ones", trainable=False)

    def rank_left(self) -> int:
        """How many λ were kept when ranks were last shared out."""
        return int(np.asarray(ops.convert_to_numpy(self.kept)).sum())

    def after(self, layer: Any, x: Any, y: Any, training: bool) -> Any:
        """See `Change`."""
        z = layer.reduced(x, self.p) * ops.cast(self.values * self.scale, x.dtype)  # (…, rank)
        return layer.with_bias(y) + layer.expanded(z, self.q)

    def flops(self, inputs: int, outputs: int) -> int:
        """See `Change`."""
        return 2 * self.rank * (inputs + outputs) + self.rank + outputs

    def merged(self, kernel: Any, bias: Any) -> tuple[Any, Any]:
        """See `Change`."""
        p, values, q = (np.asarray(ops.convert_to_numpy(v)) for v in (self.p, self.values, self.q))
        return kernel + self.scale * (p * values) @ q, bias


@method(AdaLora)
def adalora(spec: AdaLora, body: Any) -> Any:
    """Put a product in the form of a singular value decomposition beside each chosen matrix.

    Raises:
        EngineError: BAD_INPUT where no layer is of the chosen kind, a rank is more than a matrix has, the ranks shall
            grow, or no step is left in which they could be shared out.
    """
    wanted = chosen(body, spec.targets)
    found = matrices(wanted, spec.targets)
    check_rank(spec.initial_rank, found)
    _check(spec)
    rest(body)
    weight = LiveNumber(spec.orthogonality, "orthogonality") if spec.orthogonality or zeros_are_kept() else None

    def penalty(rows: bool) -> Any:
        return None if weight is None else Orthogonality(weight, 1.0 / (2 * len(found)), rows)

    def make(name: str, inputs: int, outputs: int) -> Change:
        return Singular(spec.initial_rank, spec.alpha, penalty)

    return rewrite(body, replaced(spec.targets, wanted, make))


def _check(spec: AdaLora) -> None:
    if spec.rank > spec.initial_rank:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("AdaLoRA takes ranks away: the rank at the end ({rank}) must be {initial} at most, the rank at first."),
            hint=N_("Raise the rank at first, or lower the rank at the end."),
            rank=spec.rank,
            initial=spec.initial_rank,
        )
    if spec.warmup_fraction + spec.final_fraction >= 1.0:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Full rank for {first:.0%} and fixed ranks for {last:.0%} of the run leave no time to share them out."),
            hint=N_("Lower one of the two; together they must be less than the whole run."),
            first=spec.warmup_fraction,
            last=spec.final_fraction,
        )
