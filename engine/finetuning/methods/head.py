"""Head only: the body rests, and the compiled step takes its features in its place (`engine.training.features`)."""

from __future__ import annotations

from typing import Any

from engine.finetuning.methods import method, rest
from engine.specs.finetuning import HeadOnly


@method(HeadOnly)
def head_only(spec: HeadOnly, body: Any) -> Any:
    """Nothing of the body learns."""
    rest(body)
    return body
