"""Gradual unfreezing (Howard & Ruder 2018): which block has thawed when is said in `engine.finetuning.rates`."""

from __future__ import annotations

from typing import Any

from engine.finetuning.methods import method
from engine.specs.finetuning import Gradual


@method(Gradual)
def gradual(spec: Gradual, body: Any) -> Any:
    """Everything learns in the end; a block that has not thawed has a rate of 0."""
    return body
