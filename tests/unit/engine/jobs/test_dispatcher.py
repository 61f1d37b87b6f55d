import pytest

from engine.errors import ErrorKind
from engine.jobs.dispatcher import _lost, max_attempts


class OutOfMemoryError(Exception):
    """Named as Ray's is."""


RAYS_GENERAL_TEXT = """The actor died unexpectedly before finishing this task.
Worker unexpectedly exits with a connection error code 2. Some common causes include: (1) the process was killed by
the OOM killer due to high memory usage, (2) ray stop --force was called, or (3) the worker crashed unexpectedly."""


def test_a_lost_worker_is_called_out_of_memory_only_where_that_is_known() -> None:
    assert _lost(3, RuntimeError(RAYS_GENERAL_TEXT)).kind is ErrorKind.LOST_WORKER
    assert _lost(3, OutOfMemoryError("")).kind is ErrorKind.OUT_OF_MEMORY
    low = "Task was killed due to the node running low on memory."
    assert _lost(3, RuntimeError(low)).kind is ErrorKind.OUT_OF_MEMORY
    assert "3 times" in str(_lost(3, None))


@pytest.mark.parametrize(("text", "attempts"), [("", 3), ("5", 5), ("0", 3), ("many", 3)])
def test_attempts_are_bounded(text: str, attempts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_MAX_ATTEMPTS", text)
    assert max_attempts() == attempts
