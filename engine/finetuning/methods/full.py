"""The whole model; how much more slowly lower blocks learn is the compiled step's business
(`engine.finetuning.rates`)."""

from __future__ import annotations

from typing import Any

from engine.finetuning.methods import method
from engine.specs.finetuning import Full


@method(Full)
def full(spec: Full, body: Any) -> Any:
    """Everything learns."""
    return body
