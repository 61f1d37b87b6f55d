"""What runs out is named, with what to try."""

import errno
from collections.abc import Callable

import pytest

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.training.failures import explained


class ResourceExhaustedError(Exception):
    """Named as TensorFlow names it."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), ErrorKind.OUT_OF_MEMORY),
        (ResourceExhaustedError("OOM when allocating tensor"), ErrorKind.OUT_OF_MEMORY),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes"), ErrorKind.OUT_OF_MEMORY),
        (OSError(errno.ENOSPC, "No space left on device"), ErrorKind.OUT_OF_DISK),
    ],
)
def test_running_out_is_explained(error: Exception, kind: ErrorKind, table_spec: Callable[..., RunSpec]) -> None:
    spec = table_spec(training__batch_size=64)
    with pytest.raises(EngineError) as caught, explained(spec):
        raise error
    assert caught.value.kind is kind
    if kind is ErrorKind.OUT_OF_MEMORY:
        assert "32" in str(caught.value)


def test_other_errors_pass(table_spec: Callable[..., RunSpec]) -> None:
    with pytest.raises(ZeroDivisionError), explained(table_spec()):
        raise ZeroDivisionError
