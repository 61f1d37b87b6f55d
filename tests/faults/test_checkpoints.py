"""A run killed with SIGKILL in the middle of an epoch ends with the steps and weights of an undisturbed one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("training_run.py")
START_S = 120.0  # imports on a busy machine

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


def start(run_dir: Path) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(run_dir)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> dict[str, object]:
    out, err = process.communicate(timeout=START_S)
    assert process.returncode == 0, err[-3000:]
    result: dict[str, object] = json.loads(out.splitlines()[-1])
    return result


def kill_in_the_middle_of_an_epoch(run_dir: Path, process: "subprocess.Popen[str]", *, epoch: int) -> int:
    """SIGKILL once a checkpoint inside epoch `epoch` (from 0) is there; its step."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it could be killed"
        for state in sorted((run_dir / "checkpoints").glob("0*/state.json"), reverse=True):
            try:
                found = json.loads(state.read_text())
            except (OSError, ValueError):  # dropped meanwhile for a newer one
                continue
            if found["epoch"] >= epoch and found["batch"] > 0:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                return int(found["step"])
        time.sleep(0.005)
    process.kill()
    process.communicate()
    pytest.fail("no checkpoint in the middle of an epoch was written")


def test_a_killed_run_goes_on_to_the_same_end(tmp_path: Path) -> None:
    whole, run_dir = start(tmp_path / "whole"), tmp_path / "killed"
    step = kill_in_the_middle_of_an_epoch(run_dir, start(run_dir), epoch=1)
    written = sorted((run_dir / "checkpoints").glob("0*"))
    assert len(written) in (2, 3)  # the kill may come between a new one and the dropping of the oldest
    arrays = written[-1] / "arrays.npz"  # on top of it, the newest checkpoint is damaged
    arrays.write_bytes(arrays.read_bytes()[:1000])
    resumed, undisturbed = finish(start(run_dir)), finish(whole)
    assert step > 0
    assert resumed == undisturbed
