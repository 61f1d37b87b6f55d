"""From a turned knob to the first point of its curve on the screen, and a probe against a script with the same change.

Everything is real: the app in Chromium, the engine beside it, the digits with their default CNN (306,090 parameters).
A knob is turned by a key on its slider; the clock stops in the browser when the chart holds the first point of the
tweak. The learning rate runs on the compiled step that is there, another width has to be compiled. The script is the
same model in plain Keras, run afresh with the change, for as many steps.

    python bench/probe.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from first_metric import SCRIPT  # noqa: E402 - after the path is set
from serving import FLAGS, chromium, served  # noqa: E402

REUSED_GOAL_S, TRACED_GOAL_S, GOAL_RATIO = 0.7, 1.5, 15.0
SCRIPT_REPEATS = 3
STEPS = 60
RATE, UNITS = "training-optimizer-learning_rate", "model-dense_units"
NAMES = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(
    plot => (plot.data || []).map(trace => trace.name))"""
# Set before the key is pressed: resolves with the milliseconds from the key to the first point of a new name.
WATCH = """(before) => { window.latheProbe = new Promise(done => {
    const known = new Set(before)
    let start = 0
    document.addEventListener('keydown', () => { start = start || performance.now() }, {capture: true, once: true})
    const values = trace => Array.from(trace.y && trace.y.length ? trace.y : (trace.y && trace.y._inputArray) || [])
    const look = () => {
        const drawn = [...document.querySelectorAll('.js-plotly-plot')].some(plot => (plot.data || []).some(
            trace => trace.name && !known.has(trace.name) && values(trace).some(Number.isFinite)))
        if (start && drawn) done(performance.now() - start)
        else if (start && performance.now() - start > 60000) done(-1)
        else requestAnimationFrame(look)
    }
    look()
}) }"""


def main() -> int:
    """Print the medians; 0 where the goals are met."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="lathe-bench-") as folder:
        os.environ["LATHE_HOME"] = folder
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        from engine import api
        from engine.jobs import client

        spec = api.default_spec(api.import_sample("digits").id)
        draft = api.save_draft(spec)
        api.ensure_engine()
        try:
            warm_up(spec)
            with screen(draft) as page:
                reused = [turn(page, RATE) for _ in range(rounds)]
                traced = [turn(page, UNITS) for _ in range(4)]
            alone = [probe_alone(spec, 0.0011 + place / 1e5) for place in range(rounds)]
        finally:
            client.stop_engine()
    script = [fresh_script(spec.training.batch_size) for _ in range(SCRIPT_REPEATS)]
    return report(reused, traced, alone, script)


def report(reused: list[float], traced: list[float], alone: list[float], script: list[float]) -> int:
    """Print what was measured."""
    first, new = statistics.median(reused), statistics.median(traced)
    ours, theirs = statistics.median(alone), statistics.median(script)
    print(f"knob to first drawn point, step reused:  {first:6.2f} s   ({listed(reused)}; goal: {REUSED_GOAL_S} s)")
    print(f"knob to first drawn point, step traced:  {new:6.2f} s   ({listed(traced)}; goal: {TRACED_GOAL_S} s)")
    print(f"a whole probe of {STEPS} steps:              {ours:6.2f} s   ({listed(alone)})")
    print(f"a fresh script with the change:          {theirs:6.2f} s   ({listed(script)})")
    print(f"ratio script / probe:                    {theirs / ours:6.1f}     (goal: at least {GOAL_RATIO:.0f})")
    return 0 if first <= REUSED_GOAL_S and new <= TRACED_GOAL_S and theirs / ours >= GOAL_RATIO else 1


def warm_up(spec: Any) -> None:
    """Until the engine is up with all its processes; a probe that is asked for starts the prober at once."""
    from engine import api
    from engine.specs.probe import ProbeBudget

    deadline = time.monotonic() + 300
    record = api.probe(spec.edit({"seed": 1000}), ProbeBudget(steps=1))
    log = api.home() / "logs" / "engine.log"
    while time.monotonic() < deadline:
        ready = api.engine_state().state == "ready" and "the desk is ready" in log.read_text()
        if ready and api.probe_record(record.id).status.is_over:
            return
        time.sleep(0.2)
    raise SystemExit("the engine did not become ready within five minutes")


@contextmanager
def screen(draft: str) -> Iterator[Any]:
    """The what-if screen in a browser, its baseline probed."""
    from playwright.sync_api import sync_playwright

    with served(ROOT / "app.py") as server, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 1200})
        page.goto(f"{server.url}/whatif?base=draft:{draft}")
        slider_of(page, RATE).wait_for(state="attached", timeout=120_000)  # drawn by a thumb beside it
        page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot').length > 0", timeout=120_000)
        wait_until_still()
        yield page
        browser.close()


def wait_until_still() -> None:
    """Until no probe waits or runs."""
    from engine.store import probes

    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 1.0:
        if probes.open_count():
            quiet_since = time.monotonic()
        time.sleep(0.05)


def slider_of(page: Any, knob: str) -> Any:
    """The slider of a knob, which takes the keys."""
    return page.locator(f'[class*="st-key-knob_{knob}"]').get_by_role("slider").first


def turn(page: Any, knob: str) -> float:
    """Press an arrow key on a knob's slider; seconds until the first point of the tweak is drawn."""
    slider = slider_of(page, knob)
    slider.focus()
    page.evaluate(WATCH, page.evaluate(NAMES))
    page.keyboard.press("ArrowRight")
    milliseconds = page.evaluate("() => window.latheProbe")
    if milliseconds < 0:
        raise SystemExit(f"no point of {knob} was drawn within a minute")
    wait_until_still()
    return float(milliseconds) / 1000


def probe_alone(spec: Any, rate: float) -> float:
    """Seconds from asking for one probe until its end can be read."""
    from engine import api
    from engine.specs.probe import ProbeBudget

    started = time.perf_counter()
    budget = ProbeBudget(steps=STEPS)
    record = api.probe(spec.edit({"training.optimizer.learning_rate": rate}), budget, session="bench")
    while not (record := api.probe_record(record.id)).status.is_over:
        time.sleep(0.005)
    if record.error:
        raise SystemExit(f"the probe failed: {record.error}")
    return time.perf_counter() - started


def fresh_script(batch_size: int) -> float:
    """Seconds of a Python process that trains the changed model for as many steps and prints its loss."""
    changed = SCRIPT.replace("AdamW()", "AdamW(0.003)").replace("BATCH", str(batch_size))
    changed = changed.replace(
        "model.fit(images, labels", f"model.fit(images[:{STEPS * batch_size}], labels[:{STEPS * batch_size}]"
    )
    started = time.perf_counter()
    answer = subprocess.run([sys.executable, "-c", changed], capture_output=True, text=True, check=False)
    if "train/loss" not in answer.stdout:
        raise SystemExit(answer.stderr[-2000:])
    return time.perf_counter() - started


def listed(seconds: list[float]) -> str:
    """As "0.52 0.61 0.55"."""
    return " ".join(f"{value:.2f}" for value in seconds)


if __name__ == "__main__":
    sys.exit(main())
