"""What the page process holds after a day's use: ten people, hundreds of visits to every screen and view.

Each person speaks to the server as a browser does, over its socket: goes from screen to screen in one session, and
after some visits reloads, which begins another; the server lets go of the one before in its own time. The first column
counts visits, the second is the memory of the page process (not of the engine, which is another process) after them.

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
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
LIMIT_MB = 400
VISITS_A_SESSION = 6  # on average, before a reload
WAIT_S = 120
STREAMLIT = Subprotocol("streamlit")
LOCALES = ("en-US", "zh-CN")
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
    order, peak = random.Random(0), 0.0
    sessions: list[ClientConnection | None] = [None] * people
    for number in range(visits):
        person = number % people
        session = sessions[person]
        if session is None or order.random() < 1 / VISITS_A_SESSION:
            if session is not None:
                session.close()
            session = sessions[person] = connect(
                f"{url.replace('http', 'ws')}/_stcore/stream", subprotocols=[STREAMLIT], max_size=None
            )
        look(session, order.choice(addresses), LOCALES[person % len(LOCALES)])
        held = server.memory_info().rss / 1e6
        peak = max(peak, held)
        if (number + 1) % max(1, visits // 12) == 0 or not number:
            print(f"{number + 1:6} {held:6.0f} MB", flush=True)
    for session in sessions:
        if session is not None:
            session.close()
    return peak


def look(session: ClientConnection, address: str, locale: str) -> None:
    """Open an address and take in everything that the page draws."""
    page, _mark, query = address.lstrip("/").partition("?")
    wish = BackMsg()
    wish.rerun_script.page_name, wish.rerun_script.query_string = page, query
    wish.rerun_script.context_info.locale = locale
    session.send(wish.SerializeToString())
    finished = False
    while not finished:
        answer = ForwardMsg()
        answer.ParseFromString(session.recv(timeout=WAIT_S))
        finished = answer.WhichOneof("type") == "script_finished"
        if finished and answer.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            finished = False


if __name__ == "__main__":
    sys.exit(main())
