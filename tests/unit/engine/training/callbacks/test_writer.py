"""Jobs run one after the other; a failed one is known."""

import threading

import pytest

from engine.training.callbacks.writer import Writer


def test_jobs_are_done_in_order_beside_the_caller() -> None:
    writer, done, go = Writer(), [], threading.Event()
    writer.put(lambda: (go.wait(10), done.append(1)))
    writer.put(lambda: done.append(2))
    assert writer.busy
    assert done == []
    go.set()
    writer.wait()
    assert done == [1, 2]
    assert not writer.busy
    writer.close()


def test_an_error_is_raised_by_the_next_call() -> None:
    writer = Writer()

    def fail() -> None:
        raise OSError("disk full")

    writer.put(fail)
    with pytest.raises(OSError, match="disk full"):
        writer.wait()
    writer.close()
