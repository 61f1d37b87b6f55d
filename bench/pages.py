"""How quick the pages are: median rerun of every page with 10,000 runs in the store ÷ that of an empty Streamlit page.

The peer is a page with one Plotly chart and nothing else, served by the same Streamlit with the same settings. Both are
measured in one browser, in turns: from the press that asks for a rerun to the moment in which the page says that its
script has finished.

    python bench/pages.py [--runs 10000] [--rounds 9]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PAGES = ("", "data", "design", "train", "evaluate", "runs")
LIMIT = 2.0
PEER = """
import plotly.graph_objects as go
import streamlit as st
st.plotly_chart(go.Figure(go.Scatter(y=[1, 3, 2])))
"""
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
WATCH = """() => { window.latheRerun = new Promise(done => {
    const app = document.querySelector('[data-testid=stApp]')
    const start = performance.now()
    let ran = false
    const look = (seen) => {
        const state = app.getAttribute('data-test-script-state')
        ran = ran || state !== 'notRunning' || seen.some(change => change.oldValue !== 'notRunning')
        if (ran && state === 'notRunning') { watch.disconnect(); done(performance.now() - start) }
    }
    const watch = new MutationObserver(look)
    watch.observe(app, {attributeFilter: ['data-test-script-state'], attributeOldValue: true})
    setTimeout(() => { watch.disconnect(); done(-1) }, 20000)
}) }"""


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        os.environ["LATHE_HOME"] = str(home)
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        address = fill_store(options.runs)
        peer = Path(folder) / "peer.py"
        peer.write_text(PEER)
        with served(ROOT / "app.py") as app, served(peer) as empty:
            times = measure(app, empty, address, options.rounds)
    return report(times, options.runs)


def fill_store(count: int) -> str:
    """Train one model on a sample and enter `count` copies of its run; returns the query of its address."""
    import sqlalchemy as sa

    from engine import api
    from engine.store.database import reading, writing
    from engine.store.schema import details, runs, values

    record = api.import_sample("diabetes")
    spec = api.default_spec(record.id)
    first = train(spec.to_json())
    with reading() as connection:
        row = dict(connection.execute(sa.select(runs).where(runs.c.id == first)).mappings().one())
        detail = dict(connection.execute(sa.select(details).where(details.c.run_id == first)).mappings().one())
        points = [
            dict(point) for point in connection.execute(sa.select(values).where(values.c.run_id == first)).mappings()
        ]
    ids = [f"{number:016x}" for number in range(count)]
    with writing() as connection:
        made = row["created_at"]
        many = [row | {"id": run_id, "token": None, "name": f"run {run_id}", "created_at": made - 60 * (n + 1)}
                for n, run_id in enumerate(ids)]  # fmt: skip
        connection.execute(runs.insert(), many)
        connection.execute(details.insert(), [detail | {"run_id": run_id} for run_id in ids])
        copies = [
            point | {"run_id": run_id, "value": point["value"] + n % 40}
            for n, run_id in enumerate(ids)
            for point in points
        ]
        connection.execute(values.insert(), copies)
    return f"?dataset={record.id}&draft={api.save_draft(spec)}&run={first}"


def train(document: str) -> str:
    """A real run, so that Train has curves to draw and Evaluate an evaluation; returns its id."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.json"
        path.write_text(document)
        command = [sys.executable, "-m", "engine", "run", str(path), "--set", "training.epochs=20", "--json"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    return str(json.loads(done.stdout.strip().splitlines()[-1])["run_id"])


@contextmanager
def served(script: Path) -> Iterator[str]:
    """A Streamlit server for a script, with the settings of the project."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--client.toolbarMode", "developer"]  # else the key that asks for a rerun is not heard
    log = subprocess.DEVNULL
    server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                    break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def measure(app: str, empty: str, query: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each rerun by page; the peer is measured in every round, between the pages."""
    from playwright.sync_api import sync_playwright

    times: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        named = [os.environ.get("PLAYWRIGHT_CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium-browser")]
        path = next((place for place in named if place and Path(place).is_file()), None)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        tabs = {}
        for name in ("peer", *PAGES):
            tab = browser.new_page(viewport={"width": 1440, "height": 1000})
            tab.goto(empty if name == "peer" else f"{app}/{name}{query}")
            tab.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=120_000)
            if tab.get_by_test_id("stAlertContentError").count() or tab.get_by_test_id("stException").count():
                raise RuntimeError(f"the page {name or 'home'} shows an error; its time would say nothing")
            tabs[name] = tab
        time.sleep(10)  # the engine warms up; a figure taken meanwhile would measure that
        for number in range(rounds + 2):
            for name, tab in tabs.items():
                tab.bring_to_front()
                tab.evaluate(WATCH)
                tab.keyboard.press("r")  # Streamlit's own key for "run again"
                took = float(tab.evaluate("() => window.latheRerun"))
                if took < 0:
                    raise RuntimeError(f"the page {name or 'home'} did not finish a rerun within 20 s")
                if number >= 2:  # the first two fill caches
                    times.setdefault(name, []).append(took)
        browser.close()
    return times


def report(times: dict[str, list[float]], runs: int) -> int:
    """Print the table; 0 where every page keeps the limit."""
    peer = statistics.median(times["peer"])
    print(f"{runs:,} runs in the store; empty page with one Plotly chart: {peer:.0f} ms")
    worst = 0.0
    for name in PAGES:
        median = statistics.median(times[name])
        worst = max(worst, median / peer)
        print(f"{name or 'home':10} {median:6.0f} ms   ratio {median / peer:.2f}")
    print(f"largest ratio {worst:.2f} (at most {LIMIT})")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
