"""A search taken away: read again by KerasTuner itself, in a process of its own."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from search_cases import DROPOUT, RATE, Engine, document

from engine.store import searches
from engine.tuning.export import export_search

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

RELOAD = """
import json, sys
import keras_tuner

class Nothing(keras_tuner.HyperModel):
    def build(self, hp):
        raise AssertionError("a project that is read again needs no model")

folder, kind = sys.argv[1], sys.argv[2]
options = dict(directory=folder, project_name="keras_tuner", overwrite=False)
goal = keras_tuner.Objective("val/accuracy", "max")
tuner = {
    "random": lambda: keras_tuner.RandomSearch(Nothing(), goal, max_trials=99, **options),
    "hyperband": lambda: keras_tuner.Hyperband(Nothing(), goal, max_epochs=4, factor=2, **options),
}[kind]()
tuner.reload()
best = tuner.oracle.get_best_trials(1)[0]
print(json.dumps({
    "trials": len(tuner.oracle.trials),
    "best": best.trial_id, "score": best.score, "values": best.hyperparameters.values,
    "epochs": len(best.metrics.get_history("val/accuracy")),
    "space": [hp.name for hp in tuner.oracle.get_space().space],
    "next": tuner.oracle.create_trial("another").status,
}))
"""


@pytest.mark.parametrize("kind", ["random", "hyperband"])
def test_keras_tuner_reads_what_was_exported(kind: str, engine: Engine, tmp_path: Path) -> None:
    algorithm = {"kind": kind} | ({"max_epochs": 4, "factor": 2} if kind == "hyperband" else {})
    search_id = searches.add_search(document({"algorithm": algorithm, "budget": {"trials": 7}}), dataset_name="digits")
    record = engine.finish(search_id)
    written = export_search(search_id, tmp_path / "out")
    assert all(path.exists() for path in written)
    environment = dict(os.environ, KERAS_BACKEND="numpy")
    command = [sys.executable, "-c", RELOAD, str(tmp_path / "out"), kind]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    found = {trial.number: trial for trial in searches.list_trials(search_id)}
    assert answer["trials"] == 7
    assert int(answer["best"]) == record.best_trial
    assert answer["score"] == record.best_score
    best = found[int(answer["best"])]
    assert answer["values"][RATE["path"]] == pytest.approx(best.values[RATE["path"]])
    assert answer["epochs"] == len(best.curve)
    assert answer["space"] == [RATE["path"], DROPOUT["path"]]
    assert answer["next"] == "RUNNING"  # KerasTuner could go on with it

    with (tmp_path / "out" / "trials.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["trial"]) for line in lines] == sorted(found)
    assert float(lines[best.number]["val/accuracy"]) == best.score
    assert float(lines[best.number][RATE["path"]]) == best.values[RATE["path"]]
