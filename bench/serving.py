"""What the benchmarks of the pages share: a server on a free port, a browser for it, a trained run to look at."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
START_S = 120


@dataclass(frozen=True)
class Server:
    """A running Streamlit server."""

    url: str
    pid: int


def chromium() -> str | None:
    """Where a Chromium is; None: Playwright's own."""
    named = [os.environ.get("PLAYWRIGHT_CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium-browser")]
    return next((place for place in named if place and Path(place).is_file()), None)


def train(document: str, *changes: str) -> str:
    """Train a document with some fields changed (`training.epochs=3`); returns the id of its run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.json"
        path.write_text(document)
        command = [sys.executable, "-m", "engine", "run", str(path), "--json"]
        command += [part for change in changes for part in ("--set", change)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    return str(json.loads(done.stdout.strip().splitlines()[-1])["run_id"])


@contextmanager
def served(script: Path) -> Iterator[Server]:
    """A Streamlit server for a script, with the settings of the project."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--client.toolbarMode", "developer"]  # else the key that asks for a rerun is not heard
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + START_S
        while True:
            try:
                with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                    break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        yield Server(url, server.pid)
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
