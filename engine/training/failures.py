"""Turns what can go wrong in a run into errors that a person can act on."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from engine.errors import EngineError, ErrorKind
from engine.specs import Modality, RunSpec
from engine.text import N_

# What TensorFlow, JAX and CUDA say where memory runs out; their exception classes differ by version and backend.
SIGNS_OF_FULL_MEMORY = (
    "RESOURCE_EXHAUSTED",
    "ResourceExhausted",
    "OOM when allocating",
    "out of memory",
    "Out of memory",
)


@contextlib.contextmanager
def explained(spec: RunSpec) -> Iterator[None]:
    """Raise OUT_OF_MEMORY or OUT_OF_DISK where the body ran out of either; other errors pass as they are."""
    try:
        yield
    except EngineError:
        raise
    except MemoryError as error:
        raise out_of_memory(spec) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise EngineError(
            ErrorKind.OUT_OF_DISK,
            N_("The disk is full: the run could not be saved."),
            hint=N_("Make room on the disk, then resume the run; it goes on from its newest checkpoint."),
        ) from error
    except Exception as error:
        if not any(sign in f"{type(error).__name__}: {error}" for sign in SIGNS_OF_FULL_MEMORY):
            raise
        raise out_of_memory(spec) from error


def out_of_memory(spec: RunSpec) -> EngineError:
    """What to try where a run does not fit into memory."""
    smaller = max(1, spec.training.batch_size // 2)
    hints = {
        Modality.IMAGE: N_("Lower the batch size to {smaller}, make the images smaller, or choose a smaller model."),
        Modality.TEXT: N_("Lower the batch size to {smaller}, shorten the texts, or choose a smaller model."),
        Modality.TABLE: N_("Lower the batch size to {smaller}, or choose a smaller model."),
    }
    return EngineError(
        ErrorKind.OUT_OF_MEMORY,
        N_("Training ran out of memory with a batch size of {batch_size}."),
        hint=hints[spec.data.task.modality],
        batch_size=spec.training.batch_size,
        smaller=smaller,
    )
