"""Numbers inside a model that may be turned without tracing its step anew: dropout rates, penalties, smoothing, decay.

A layer asks its `LiveNumber` for the value instead of keeping a plain float. Outside of training it is that float. The
compiled step takes all live numbers of a model as one argument and binds each to its tensor while it is traced, so that
another value is another argument and not another program.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_collectors: list[list[LiveNumber]] = []
_zeros_kept = False


class LiveNumber:
    """A number of a layer, a regulariser, a loss or an optimizer.

    Args:
        value: what it is where no step has bound it.
        label: what it belongs to; two models of the same structure have the same labels in the same order.
    """

    def __init__(self, value: float, label: str) -> None:
        self.value = float(value)
        self.label = label
        self._bound: Any = None
        for collector in _collectors[-1:]:
            collector.append(self)

    def get(self) -> Any:
        """The tensor that the step is traced with, else the plain value."""
        return self.value if self._bound is None else self._bound

    @property
    def is_off(self) -> bool:
        """True where it is plainly 0, so that what it scales need not be worked out."""
        return self._bound is None and self.value == 0.0


@contextmanager
def collected() -> Iterator[list[LiveNumber]]:
    """All live numbers that are made inside, in the order of their making."""
    numbers: list[LiveNumber] = []
    _collectors.append(numbers)
    try:
        yield numbers
    finally:
        _collectors.pop()


@contextmanager
def bound(numbers: Sequence[LiveNumber], tensors: Sequence[Any]) -> Iterator[None]:
    """Inside, each number gives its tensor: a step is traced with them as arguments."""
    for number, tensor in zip(numbers, tensors, strict=True):
        number._bound = tensor
    try:
        yield
    finally:
        for number in numbers:
            number._bound = None


def keep_zeros(keep: bool) -> None:
    """Whether models of this process shall have what is 0 now, so that it can be turned up without a new trace.

    The prober wants that; a worker does not: a dropout of 0 gives the same numbers as none, only more slowly.
    """
    global _zeros_kept
    _zeros_kept = keep


def zeros_are_kept() -> bool:
    """See `keep_zeros`."""
    return _zeros_kept


@contextmanager
def beside_the_seeds() -> Iterator[None]:
    """What is made inside draws no seed from the stream of `seeded`: the layers after it start as without it."""
    before = random.getstate()
    try:
        yield
    finally:
        random.setstate(before)
