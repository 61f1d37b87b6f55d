"""Where things lie on disk.

LATHE_HOME/
  lathe.db                  MLflow's tables and Lathe's own (SQLite with WAL), unless MLFLOW_TRACKING_URI says otherwise
  datasets/<id>/            manifest.json, rows.parquet, and pixels.npy or files/ for images; profile*.json
  runs/<id>/                spec.json, checkpoints/, model/, examples.json, log.txt, predictions/<part>.parquet
  cache/                    what can be computed anew
  bin/                      deleted data sets, until they are emptied
"""

import os
from pathlib import Path


def home() -> Path:
    """The workspace folder, made where it is missing: `LATHE_HOME`, else `~/.lathe`."""
    folder = Path(os.environ.get("LATHE_HOME") or Path.home() / ".lathe").expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def dataset_dir(dataset_id: str) -> Path:
    """The folder of a data set (not made here: an import renames a whole one into place)."""
    return home() / "datasets" / dataset_id


def run_dir(run_id: str) -> Path:
    """The folder of a run, made where it is missing."""
    folder = home() / "runs" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cache_dir() -> Path:
    """The folder for what can be computed anew, made where it is missing."""
    folder = home() / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
