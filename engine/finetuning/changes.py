"""What a method adds to one matrix of a body: a `Change`, which lives in the layer that has the matrix.

A method declares a subclass; layers that can be changed (`engine.finetuning.linear`) ask it before and after their own
multiplication, and once more when the addition is folded into the matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

_KINDS: dict[str, type[Change]] = {}


class Change:
    """One matrix's addition. Its weights are the layer's, so that they are saved, named and counted as all others.

    The matrix is seen as `(inputs, outputs)`, whatever shape the layer keeps it in.
    """

    kind: ClassVar[str]
    fits: ClassVar[tuple[str, ...]] = ("dense", "attention", "convolution")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "kind" in cls.__dict__:
            _KINDS[cls.kind] = cls

    def config(self) -> dict[str, Any]:
        """What `__init__` takes, as plain JSON."""
        return {}

    def build(self, layer: Any, inputs: int, outputs: int) -> None:
        """Make the weights, in `layer`, so that nothing changes at first."""
        raise NotImplementedError

    def begin(self, layer: Any) -> None:
        """Look at the pretrained matrix, once it is in its place."""

    def before(self, x: Any) -> Any:
        """The layer's input `(…, inputs)`, changed."""
        return x

    def after(self, layer: Any, x: Any, y: Any, training: bool) -> Any:
        """The layer's output with its bias, from input `x` and product `y`, changed."""
        return layer.with_bias(y)

    def flops(self, inputs: int, outputs: int) -> int:
        """Operations at each place, beside those of the matrix itself."""
        return 0

    def merged(self, kernel: Any, bias: Any) -> tuple[Any, Any]:
        """Matrix `(inputs, outputs)` and bias `(outputs,)` or None that do the same without the change (numpy)."""
        raise NotImplementedError


def to_record(change: Change) -> dict[str, Any]:
    """A change as plain JSON, for the configuration of a saved layer."""
    return {"kind": change.kind, **change.config()}


def from_record(record: Mapping[str, Any] | Change | None) -> Change | None:
    """The way back; a change, or none, is handed through."""
    if record is None or isinstance(record, Change):
        return record
    from engine.finetuning.methods import import_all

    import_all()
    values = dict(record)
    return _KINDS[values.pop("kind")](**values)
