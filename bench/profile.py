"""Profile a large table: time and memory of Lathe ÷ those of pandas' `read_csv` + `describe`, each in a fresh process.

    python bench/profile.py                 # 10 million rows, 12 columns, about 1.4 GB
    python bench/profile.py --rows 500000   # a quick look

Lathe's side is the import of the CSV (typed columns, gaps, Parquet) and the profile (with histograms, associations
and duplicates) together; pandas' side is one line that gives less. The file is made once a run and removed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
CHUNK_ROWS = 250_000
PANDAS = "import sys, pandas; pandas.read_csv(sys.argv[1]).describe(include='all')"
LATHE = """
import sys, time, json
from pathlib import Path
from engine import api
started = time.monotonic()
record = api.import_data([Path(sys.argv[1])])
imported = time.monotonic()
profile = api.profile(record.id)
print(json.dumps({"rows": profile["rows"], "columns": len(profile["columns"]), "import_s": imported - started,
                  "profile_s": time.monotonic() - imported}))
"""


def write_table(path: Path, rows: int) -> None:
    """A table of shop orders: numbers, categories, a date, gaps; about 140 bytes a row, as real exports are."""
    rng = np.random.default_rng(0)
    towns = np.array([f"Town of {name:06d}" for name in range(400)])
    import pandas as pd

    with open(path, "w", encoding="utf-8", newline="") as file:
        for start in range(0, rows, CHUNK_ROWS):
            count = min(CHUNK_ROWS, rows - start)
            amount = rng.lognormal(4, 1, count)
            frame = pd.DataFrame(
                {
                    "order": np.arange(start, start + count),
                    "time": (pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(start, start + count) * 7, "s")),
                    "customer": rng.integers(0, 500_000, count),
                    "town": towns[rng.integers(0, 400, count)],
                    "channel": rng.choice(["web", "shop", "phone", "partner"], count),
                    "amount": amount,
                    "discount": np.where(rng.random(count) < 0.3, np.nan, rng.random(count)),
                    "weight": rng.normal(5, 1, count),
                    "score": rng.normal(0, 1, count),
                    "items": rng.poisson(3, count),
                    "rating": rng.integers(1, 6, count),
                    "returned": np.where(rng.random(count) < 1 / (1 + np.exp(2 - amount / 100)), "yes", "no"),
                }
            )
            frame.to_csv(file, index=False, header=start == 0)


def measure(code: str, file: Path, home: Path) -> tuple[float, float, str]:
    """Seconds, and the largest memory of the process with its children in GB, and what it printed."""
    env = os.environ | {"LATHE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", code, str(file)], env=env, stdout=subprocess.PIPE, text=True)
    peak = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            try:
                me = psutil.Process(process.pid)
                peak[0] = max(peak[0], sum(one.memory_info().rss for one in [me, *me.children(recursive=True)]))
            except psutil.Error:
                continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - started
    done.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"a side of the benchmark failed with code {process.returncode}")
    return seconds, peak[0] / 1e9, output.strip()


def main() -> None:
    """Make the table, measure both sides, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the table is written; needs twice its size")
    parser.add_argument("--skip-pandas", action="store_true")
    options = parser.parse_args()
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="lathe-bench-", dir=options.folder))
    try:
        table = folder / "orders.csv"
        write_table(table, options.rows)
        print(f"table: {options.rows:,} rows, 12 columns, {table.stat().st_size / 1e9:.2f} GB")
        seconds, memory_gb, answer = measure(LATHE, table, folder / "home")
        print(f"lathe:  {seconds:6.1f} s  {memory_gb:.2f} GB (whole process tree)  {answer}")
        if options.skip_pandas:
            return
        pandas_seconds, pandas_memory_gb, _ = measure(PANDAS, table, folder / "home")
        print(f"pandas: {pandas_seconds:6.1f} s  {pandas_memory_gb:.2f} GB")
        print(f"time lathe / pandas: {seconds / pandas_seconds:.2f} (at most 1.0)")
        print(f"memory lathe: {memory_gb:.2f} GB (at most 0.4), lathe / pandas: {memory_gb / pandas_memory_gb:.2f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
