"""How quick the pages are: median rerun of every page with 10,000 runs in the store ÷ that of an empty Streamlit page.

Tuning shows a search with 1,000 trials.

The peer is a page with one Plotly chart and nothing else, served by the same Streamlit with the same settings. Both are
measured in one browser, in turns: from the press that asks for a rerun to the moment in which the page says that its
script has finished.

    python bench/pages.py [--runs 10000] [--rounds 9]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from numpy.random import Generator  # noqa: E402 - after the path is set

from engine.specs import RunSpec  # noqa: E402
from engine.specs.search import Dimension, IntRange, Options  # noqa: E402
from engine.specs.search_records import TrialStatus  # noqa: E402

PAGES = ("", "data", "design", "train", "evaluate", "runs", "tuning")
LIMIT = 2.0
TRIALS = 1000  # of the search that Tuning shows
PEER = """
import plotly.graph_objects as go
import streamlit as st
st.plotly_chart(go.Figure(go.Scatter(y=[1, 3, 2])))
"""
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
    from bench.serving import served

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        os.environ["LATHE_HOME"] = str(home)
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        address = fill_store(options.runs)
        peer = Path(folder) / "peer.py"
        peer.write_text(PEER)
        with served(ROOT / "app.py") as app, served(peer) as empty:
            times = measure(app.url, empty.url, address, options.rounds)
    return report(times, options.runs)


def fill_store(count: int) -> str:
    """Train one model on a sample and enter `count` copies of its run; returns the query of its address."""
    import sqlalchemy as sa

    from bench.serving import train
    from engine import api
    from engine.store.database import reading, writing
    from engine.store.schema import details, runs, values

    record = api.import_sample("diabetes")
    spec = api.default_spec(record.id)
    first = train(spec.to_json(), "training.epochs=20")
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
    return f"?dataset={record.id}&draft={api.save_draft(spec)}&run={first}&search={fill_search(spec, TRIALS)}"


def fill_search(spec: RunSpec, count: int) -> str:
    """Enter a finished search with `count` trials of six fields, each with its run and a curve; returns its id."""
    import numpy as np
    import sqlalchemy as sa

    from engine import api
    from engine.specs.search import SearchSpec
    from engine.store import searches, trials
    from engine.store.database import writing
    from engine.store.schema import runs
    from engine.store.schema import searches as searches_table

    made = [SearchSpec.model_validate(preset.search) for preset in api.search_presets(spec)]
    found = {dimension.path: dimension for search in made for dimension in search.dimensions if not dimension.when}
    space = SearchSpec(dimensions=tuple(found.values())[:6])
    search_id = searches.add_search(spec.model_copy(update={"search": space}), dataset_name="diabetes")
    draw = np.random.default_rng(0)
    start = time.time() - 10 * count
    # It is over before it has a trial: an engine must not take it for one to be led.
    over = searches_table.update().where(searches_table.c.id == search_id)
    with writing() as connection:
        connection.execute(over.values(status="FINISHED", created_at=start, ended_at=time.time(), seconds=10.0 * count))
    with writing() as connection:
        for number in range(count):
            began = start + 10 * number
            score = float(60 + 10 * draw.random())
            ids = trials.enter_runs(connection, search_id, number, [spec], "diabetes")
            run = {
                "status": "FINISHED",
                "started_at": began,
                "ended_at": began + 9,
                "seconds": 9.0,
                "worker": "worker 1",
            }
            of_it = sa.and_(runs.c.search_id == search_id, runs.c.trial == number)
            connection.execute(runs.update().where(of_it).values(run))
            curve = [score + 40 * 0.8**epoch for epoch in range(20)]
            row = trials.TrialRow(
                number=number,
                status=TrialStatus.COMPLETED,
                told=number + 1,  # the oracle knows its end: nothing is left to do for the engine
                values={dimension.path: drawn_from(dimension, draw) for dimension in space.dimensions},
                plan={"epochs": 20},
                run_ids=ids,
                score=score,
                result={"curve": curve, "scores": [score], "objectives": {"val/rmse": score}},
                created_at=began,
                ended_at=began + 9,
            )
            trials.put(connection, search_id, row)
    return search_id


def drawn_from(dimension: Dimension, draw: Generator) -> Any:
    """A value of one field of a search space."""
    if isinstance(dimension, Options):
        return dimension.values[int(draw.integers(len(dimension.values)))]
    low, high = dimension.low, dimension.high  # type: ignore[attr-defined]
    return int(draw.integers(low, high + 1)) if isinstance(dimension, IntRange) else float(draw.uniform(low, high))


def measure(app: str, empty: str, query: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each rerun by page; the peer is measured in every round, between the pages."""
    from playwright.sync_api import sync_playwright

    from bench.serving import FLAGS, chromium

    times: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
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
