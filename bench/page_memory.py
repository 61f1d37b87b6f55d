"""What the page process holds after a day's use: ten people, hundreds of visits to every screen and view.

Each visit loads a page anew, which begins a session of its own, as a new tab or a reload does; the sessions before it
are let go of by the server in its own time. The first column counts visits, the second is the memory of the page
process (not of the engine, which is another process) after them.

    python bench/page_memory.py [--visits 600] [--people 10]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
LIMIT_MB = 400
SAMPLES = ("digits", "breast-cancer", "diabetes", "docstrings")
DATA_VIEWS = ("overview", "examples", "cleaning", "split", "model_sees")
EVALUATION_VIEWS = ("overview", "matrix", "classes", "ranking", "calibration", "threshold", "predicted", "residuals")


def main() -> int:
    """Visit, measure and print."""
    from bench.serving import served

    parser = argparse.ArgumentParser()
    parser.add_argument("--visits", type=int, default=600)
    parser.add_argument("--people", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LATHE_HOME"] = str(Path(folder) / "home")
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        addresses = fill()
        with served(ROOT / "app.py") as server:
            peak = visit(server.url, psutil.Process(server.pid), addresses, options.visits, options.people)
    print(f"peak {peak:.0f} MB (at most {LIMIT_MB})")
    return 0 if peak <= LIMIT_MB else 1


def fill() -> list[str]:
    """A workspace with one trained run for each kind of data; returns the addresses that a day's use goes through."""
    from bench.serving import train
    from engine import api

    addresses, runs = ["/"], []
    for sample in SAMPLES:
        record = api.import_sample(sample)
        spec = api.default_spec(record.id)
        run = train(spec.to_json(), "training.epochs=3")
        runs.append(run)
        here = f"dataset={record.id}&draft={api.save_draft(spec)}&run={run}"
        addresses += [f"/data?{here}&view={view}" for view in DATA_VIEWS]
        addresses += [f"/evaluate?{here}&view={view}" for view in EVALUATION_VIEWS]
        addresses += [f"/{page}?{here}" for page in ("design", "train", "whatif", "tuning", "runs")]
    return [*addresses, f"/runs?compare={','.join(runs[:2])}"]


def visit(url: str, server: psutil.Process, addresses: list[str], visits: int, people: int) -> float:
    """Go through the addresses in a random order, each time as the next person; returns the largest memory in MB."""
    from playwright.sync_api import sync_playwright

    from bench.serving import FLAGS, chromium

    order, peak = random.Random(0), 0.0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        looks = [(locale, scheme) for locale in ("en-US", "zh-CN") for scheme in ("light", "dark")]
        tabs = []
        for person in range(people):
            locale, scheme = looks[person % len(looks)]
            context = browser.new_context(locale=locale, color_scheme=scheme)  # type: ignore[arg-type]
            tabs.append(context.new_page())
        for number in range(visits):
            tab = tabs[number % people]
            tab.goto(url + order.choice(addresses))
            tab.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=120_000)
            held = server.memory_info().rss / 1e6
            peak = max(peak, held)
            if (number + 1) % max(1, visits // 12) == 0 or not number:
                print(f"{number + 1:6} {held:6.0f} MB", flush=True)
        browser.close()
    return peak


if __name__ == "__main__":
    sys.exit(main())
