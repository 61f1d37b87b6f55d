"""What the fault tests share: waiting for what will happen, and finding the processes of a workspace."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engine import api


def wait_for(what: str, condition: Callable[[], object], timeout_s: float = 600.0) -> None:
    """Wait until a condition holds; fail with the end of the engine's log where it does not."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            logs = [file for file in (api.home() / "logs" / "engine.log", api.home() / "engine.log") if file.exists()]
            tail = logs[0].read_text()[-3000:] if logs else ""
            pytest.fail(f"{what} did not happen within {timeout_s:.0f} s; the engine says:\n{tail}")
        time.sleep(0.02)


def ours(folder: Path) -> list[psutil.Process]:
    """All processes that were started for a workspace, but for this one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            alive = process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE
            if alive and process.environ().get("LATHE_HOME") == str(folder):
                found.append(process)
    return found
