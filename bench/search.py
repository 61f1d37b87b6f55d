"""A search on warm workers against KerasTuner's own `tuner.search`, in the same run, on two cores.

Both search the learning rate and the dropout of the same convolutional network on the digits: 12 random trials of 5
epochs at a batch size of 32, over five seeds; then Hyperband up to 27 epochs. The engine is warm (a search before has
been there); `tuner.search` has imported everything and traced a model too. Then the loop itself on trials that sleep:
how near 64 workers come to 64 times one, and what the oracles take for a trial after 1,000, beside KerasTuner's.

    python bench/search.py [random] [hyperband] [scaling] [oracles]
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]  # the engine, and trials that sleep
SEEDS = 5
TRIALS, EPOCHS, BATCH, MAX_EPOCHS = 12, 5, 32, 27
WORKERS = 2
GOAL_RANDOM, GOAL_HYPERBAND, GOAL_EFFICIENCY, GOAL_ORACLE_S = 0.40, 0.50, 0.90, 0.050
RATE, DROPOUT = "training.optimizer.learning_rate", "model.dropout"
DIMENSIONS = [
    {"kind": "float", "path": RATE, "low": 1e-4, "high": 1e-1, "scale": "log"},
    {"kind": "float", "path": DROPOUT, "low": 0.0, "high": 0.5},
]
PEER_TRIALS = 100  # beyond, its time grows with the cube
SLEEP_S, MOST_WORKERS, TRIALS_A_WORKER = 20.0, 64, 3

# What a person would write: the default document's model in plain Keras, as in bench/first_metric.py.
SCRIPT = """
import json, sys, tempfile, time
import keras, keras_tuner
import numpy as np
from keras import layers

kind, seeds = sys.argv[1], int(sys.argv[2])
data = np.load(sys.argv[3])
train, validation = (data["x"], data["y"]), (data["vx"], data["vy"])

def build(hp):
    rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
    dropout = hp.Float("dropout", 0.0, 0.5)
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Rescaling(1 / 255)(x)
    for filters in (32, 64, 128):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(128, use_bias=False)(x)))
    model = keras.Model(inputs, layers.Dense(10)(layers.Dropout(dropout)(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(rate), loss, metrics=["accuracy"])
    return model

warm = build(keras_tuner.HyperParameters())
warm.fit(*train, batch_size=BATCH, epochs=1, verbose=0, validation_data=validation)
results = []
for seed in range(1, seeds + 1):
    keras.utils.set_random_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        options = dict(objective="val_accuracy", seed=seed, directory=folder, project_name="bench")
        if kind == "random":
            tuner = keras_tuner.RandomSearch(build, max_trials=TRIALS, **options)
        else:
            tuner = keras_tuner.Hyperband(build, max_epochs=MAX_EPOCHS, **options)
        started = time.perf_counter()
        tuner.search(*train, epochs=EPOCHS, batch_size=BATCH, validation_data=validation, verbose=0)
        seconds = time.perf_counter() - started
        results.append((seconds, tuner.oracle.get_best_trials(1)[0].score))
print("RESULT", json.dumps(results), flush=True)
"""


def main(parts: list[str]) -> int:
    """Print each figure beside its goal; 0 where all goals are met."""
    wanted = parts or ["random", "hyperband", "scaling", "oracles"]
    met = []
    if "random" in wanted or "hyperband" in wanted:
        met += against_kerastuner([kind for kind in ("random", "hyperband") if kind in wanted])
    if "scaling" in wanted:
        met.append(scaling())
    if "oracles" in wanted:
        met.append(oracles())
    return 0 if all(met) else 1


# ---- real trials --------------------------------------------------------------------------------------------------
def against_kerastuner(kinds: list[str]) -> list[bool]:
    """Both sides, one after the other."""
    with tempfile.TemporaryDirectory(prefix="lathe-bench-") as folder:
        os.environ["LATHE_HOME"] = folder
        os.environ["LATHE_WORKERS"] = str(WORKERS)
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        from engine import api
        from engine.jobs import client

        spec = api.default_spec(api.import_sample("digits").id).edit(
            {"training.batch_size": BATCH, "training.epochs": EPOCHS, "training.early_stopping.enabled": False}
        )
        rows = save_rows(spec, Path(folder) / "rows.npz")
        api.ensure_engine()
        ours: dict[str, list[tuple[float, float]]] = {}
        try:
            warm_up(spec)
            for kind in kinds:
                seeds = SEEDS if kind == "random" else 1
                ours[kind] = [lathe(spec, kind, seed) for seed in range(1, seeds + 1)]
        finally:
            client.stop_engine()
        return [compare(kind, ours[kind], keras_tuner(kind, len(ours[kind]), rows)) for kind in kinds]


def save_rows(spec: Any, file: Path) -> Path:
    """The very rows that the engine trains and validates on, for the script."""
    import numpy as np

    from engine.data.load import load
    from engine.specs import Part

    prepared = load(spec.data)
    arrays = {}
    for name, part in (("", Part.TRAIN), ("v", Part.VALIDATION)):
        positions = prepared.parts[part]
        arrays[f"{name}x"] = np.stack(prepared.images(positions)).astype("float32").reshape(len(positions), 8, 8, -1)
        arrays[f"{name}x"] = arrays[f"{name}x"][..., :1]
        arrays[f"{name}y"] = np.asarray(prepared.target)[positions]
    np.savez(file, **arrays)
    return file


def warm_up(spec: Any) -> None:
    """Until the engine is up, its oracles are, and each worker has trained once."""
    from engine import api
    from engine.specs.probe import ProbeBudget

    wait(lambda: api.engine_state().state == "ready", "the engine's start")
    api.probe(spec, ProbeBudget(steps=1))  # on a busy machine the prober starts when somebody asks, and not before
    wait(lambda: "the prober is ready" in (api.home() / "logs" / "engine.log").read_text(), "the prober's start")
    lathe(spec, "random", 1000, trials=2 * WORKERS)


def lathe(spec: Any, kind: str, seed: int, trials: int = TRIALS) -> tuple[float, float]:
    """Seconds from the start of a search until its end can be read, and its best score."""
    from engine import api

    algorithm = {"kind": kind} | ({"max_epochs": MAX_EPOCHS} if kind == "hyperband" else {})
    budget = {"trials": trials if kind == "random" else 0}
    search = {"dimensions": DIMENSIONS, "algorithm": algorithm, "budget": budget, "seed": seed}
    started = time.perf_counter()
    search_id = api.start_search(spec.edit({"search": search, "seed": seed}))
    wait(lambda: api.search(search_id).status.is_over, "the search")
    seconds = time.perf_counter() - started
    record = api.search(search_id)
    if record.error or record.failed:
        raise SystemExit(f"the search failed: {record.error}, {record.failed} trials")
    return seconds, float(record.best_score or 0.0)


def keras_tuner(kind: str, seeds: int, rows: Path) -> list[tuple[float, float]]:
    """The same by `tuner.search`."""
    script = SCRIPT
    for name, value in (("TRIALS", TRIALS), ("MAX_EPOCHS", MAX_EPOCHS), ("EPOCHS", EPOCHS), ("BATCH", BATCH)):
        script = script.replace(f"={name}", f"={value}")
    command = [sys.executable, "-c", script, kind, str(seeds), str(rows)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    line = next((line for line in answer.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise SystemExit(answer.stderr[-2000:])
    return [(float(seconds), float(score)) for seconds, score in json.loads(line.removeprefix("RESULT "))]


def compare(kind: str, ours: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> bool:
    """Print both and the ratio."""
    goal = GOAL_RANDOM if kind == "random" else GOAL_HYPERBAND
    mine, other = (statistics.median(seconds for seconds, _ in results) for results in (ours, theirs))
    best, their_best = (statistics.mean(score for _, score in results) for results in (ours, theirs))
    print(f"{kind}: tuner.search  {other:6.1f} s   best {their_best:.4f}   ({listed(theirs)})")
    print(f"{kind}: Lathe         {mine:6.1f} s   best {best:.4f}   ({listed(ours)})")
    print(f"{kind}: ratio         {mine / other:6.2f}     (goal: at most {goal}, at equal or better best score)")
    return mine / other <= goal and best >= their_best - 0.002


def listed(results: list[tuple[float, float]]) -> str:
    """As "8.1 7.9 8.3 s"."""
    return " ".join(f"{seconds:.1f}" for seconds, _ in results) + " s"


# ---- simulated trials ---------------------------------------------------------------------------------------------
def scaling() -> bool:
    """Trials that sleep, on 1 and on 64 workers: wall time against what sleeping alone takes."""
    os.environ["KERAS_BACKEND"] = "numpy"
    efficiency = 1.0
    for workers in (1, 8, MOST_WORKERS):
        seconds, slept = simulated(workers)
        efficiency = slept / workers / seconds
        print(f"{workers:3d} workers: {seconds:6.1f} s for {slept:6.0f} s of trials, efficiency {efficiency:.3f}")
    print(f"efficiency at {MOST_WORKERS}: {efficiency:.3f}   (goal: at least {GOAL_EFFICIENCY})")
    return efficiency >= GOAL_EFFICIENCY


def simulated(workers: int) -> tuple[float, float]:
    """(wall seconds, seconds slept over all trials) of a search on workers that are threads."""
    with tempfile.TemporaryDirectory(prefix="lathe-bench-", ignore_cleanup_errors=True) as folder:
        os.environ["LATHE_HOME"] = folder
        # A worker is a process with connections of its own; as threads they share MLflow's, of which it makes 15.
        os.environ["MLFLOW_SQLALCHEMYSTORE_POOL_SIZE"] = str(MOST_WORKERS)
        from thread_pool import ThreadPool

        from engine.jobs.dispatcher import Dispatcher
        from engine.specs import RunSpec
        from engine.store import searches, tracking

        tracking.client()  # MLflow's tables
        trials = TRIALS_A_WORKER * workers
        spec = RunSpec.parse(
            {
                "data": {"dataset": "0" * 16, "task": "image_classification", "preprocessing": {"kind": "image"}},
                "model": {"kind": "cnn"},
                "training": {"epochs": EPOCHS, "max_train_time_s": SLEEP_S},
                "search": {"dimensions": DIMENSIONS, "budget": {"trials": trials}},
            }
        )
        pool = ThreadPool("sleeping_trials:execute", workers)
        pool.start()
        pool.start_tuner()
        dispatcher = Dispatcher(pool)
        started = time.perf_counter()
        search_id = searches.add_search(spec, dataset_name="none")
        looked_at = 0.0
        while True:
            if not dispatcher.turn():
                time.sleep(0.025)  # as the engine does
            if time.perf_counter() - looked_at > 0.2:
                looked_at = time.perf_counter()
                if searches.get_search(search_id).status.is_over:
                    break
        seconds = time.perf_counter() - started
        pool.stop()
        ended = searches.get_search(search_id)
        if ended.completed != trials:
            raise SystemExit(f"{ended.completed} of {trials} simulated trials were completed: {ended.error}")
        return seconds, trials * SLEEP_S


def oracles() -> bool:
    """What it takes to ask for a trial and to tell its end after 1,000 trials, the store included."""
    os.environ["KERAS_BACKEND"] = "numpy"
    worst = 0.0
    for kind in ("random", "bayesian"):
        seconds = asked_at(kind, 1000)
        worst = max(worst, seconds)
        print(f"{kind}: {seconds * 1000:6.1f} ms a trial at 1,000 trials")
    peer = kerastuner_bayesian(PEER_TRIALS)
    print(f"KerasTuner's own Bayesian oracle: {peer * 1000:6.0f} ms to ask at {PEER_TRIALS} trials")
    print(f"slowest of ours: {worst * 1000:.1f} ms   (goal: under {GOAL_ORACLE_S * 1000:.0f} ms)")
    return worst < GOAL_ORACLE_S


def asked_at(kind: str, count: int) -> float:
    """Mean seconds of ask, write, tell, write over the last twentieth of `count` trials, each in the store."""
    with tempfile.TemporaryDirectory(prefix="lathe-bench-", ignore_cleanup_errors=True) as folder:
        os.environ["LATHE_HOME"] = folder
        from sleeping_trials import score_of

        from engine.specs import RunSpec, RunStatus
        from engine.store import searches, trials
        from engine.store.queue import claim_next, finish, write_result
        from engine.tuning.loop import Loop

        spec = RunSpec.parse(
            {
                "data": {"dataset": "0" * 16, "task": "image_classification", "preprocessing": {"kind": "image"}},
                "model": {"kind": "cnn"},
                "search": {"dimensions": DIMENSIONS, "algorithm": {"kind": kind}, "budget": {"trials": count + 10}},
            }
        )
        loop = Loop(searches.add_search(spec), "bench")
        spent = []
        while len(spent) < count:
            started = time.perf_counter()
            loop.advance(1)
            spent.append(time.perf_counter() - started)
            claim = claim_next()
            assert claim is not None
            run = trials.runs_of_open_trials(claim.search_id)[claim.trial][0]
            value = score_of(queue_spec(run.run_id))
            write_result(claim, {"curve": [{"val/accuracy": value}], "objective": [value], "costs": {}})
            finish(claim, RunStatus.FINISHED)
        loop.close()
        return statistics.mean(spent[-count // 20 :])


def queue_spec(run_id: str) -> Any:
    """The document of a run."""
    from engine.store.queue import spec_of

    return spec_of(run_id)


def kerastuner_bayesian(count: int) -> float:
    """Seconds of one question to KerasTuner's oracle with `count` trials told."""
    import random

    import keras_tuner as kt

    space = kt.HyperParameters()
    space.Float(RATE, 1e-4, 1e-1, sampling="log")
    space.Float(DROPOUT, 0.0, 0.5)
    oracle = kt.oracles.BayesianOptimizationOracle(
        objective=kt.Objective("score", "min"), max_trials=10**6, hyperparameters=space, seed=1
    )
    oracle.verbose = 0
    drawn = random.Random(0)
    for number in range(count):
        hps = space.copy()
        hps.values = {RATE: 10 ** drawn.uniform(-4, -1), DROPOUT: drawn.uniform(0, 0.5)}
        trial = kt.engine.trial.Trial(hyperparameters=hps, trial_id=str(number), status="COMPLETED")
        trial.score = (math.log10(hps.values[RATE]) + 2) ** 2 + (hps.values[DROPOUT] - 0.2) ** 2
        oracle.trials[str(number)] = trial
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its kernel, at its bounds
        oracle.populate_space("next")
    return time.perf_counter() - started


def wait(condition: Any, what: str, timeout_s: float = 1800.0) -> None:
    """Until a condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come within {timeout_s:.0f} s")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
