"""Backtest of the learning-curve forecast on real runs: does the 90 % interval from the first third hold the end?

Every case is trained to its end by the engine's own worker on real data, with schedules, sizes, families and early
stopping varied; then `engine.whatif.curves` sees the first third of its epochs only. Peer: the naive guess "the last
value ± twice the spread of the last epochs" from the same third.

    python bench/forecast.py [--only digits,titanic] [--data FOLDER] [--curves FILE] [--json]

With `--curves`, the curves are kept in a file and read from there the next time. Exit 1 where fewer than eight in ten
are held.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
WANTED = 0.8  # of the runs
FASHION = tuple(f"fashion-mnist/{part}-ubyte.gz" for part in ("train-images-idx3", "train-labels-idx1"))
CONSTANT, COSINE = {"kind": "constant"}, {"kind": "cosine", "warmup_fraction": 0.05}
STEP, ONE_CYCLE = {"kind": "step", "every_fraction": 0.3}, {"kind": "one_cycle"}
OFF, ON = {"enabled": False}, {"enabled": True, "patience_epochs": 5}


@dataclass(frozen=True)
class Case:
    """One run: where its data come from (a sample's id, or files) and what is changed in its default document."""

    name: str
    source: str | tuple[str, ...]
    epochs: int
    schedule: dict[str, Any]
    stopping: dict[str, Any]
    edits: dict[str, Any] = field(default_factory=dict)


def _cnn(*filters: int) -> dict[str, Any]:
    return {"kind": "cnn", "filters": list(filters), "convolutions": 1, "dense_units": 32}


def _mlp(*units: int) -> dict[str, Any]:
    return {"kind": "mlp", "units": list(units)}


RATE, SHARE, BATCH = "training.optimizer.learning_rate", "data.train_fraction", "training.batch_size"
CASES = (
    Case("digits, CNN, cosine", "digits", 30, COSINE, OFF, {"model": _cnn(8, 16)}),
    Case("digits, MLP, constant", "digits", 40, CONSTANT, OFF, {"model": _mlp(64)}),
    Case("digits, few rows, one cycle", "digits", 30, ONE_CYCLE, OFF, {"model": _mlp(128), SHARE: 0.2}),
    Case("breast cancer, MLP, cosine", "breast-cancer", 30, COSINE, OFF, {"model": _mlp(32)}),
    Case("diabetes, MLP, constant, stops early", "diabetes", 60, CONSTANT, ON, {"model": _mlp(64, 64)}),
    Case("diabetes, ensemble, cosine", "diabetes", 30, COSINE, OFF),
    Case("docstrings, default, cosine", "docstrings", 12, COSINE, OFF),
    Case(
        "docstrings, text CNN, constant", "docstrings", 15, CONSTANT, ON, {"model": {"kind": "text_cnn", "width": 32}}
    ),
    Case("titanic, MLP, cosine", ("titanic/train.csv",), 40, COSINE, OFF, {"model": _mlp(64)}),
    Case("adult, MLP, constant", ("adult/adult-train.csv",), 20, CONSTANT, OFF, {"model": _mlp(64), SHARE: 0.15}),
    Case("adult, ensemble, step", ("adult/adult-train.csv",), 12, STEP, OFF, {SHARE: 0.1}),
    Case("sst2, default, cosine", ("sst2/train.tsv", "sst2/dev.tsv"), 12, COSINE, OFF, {SHARE: 0.5}),
    Case("fashion, CNN, cosine", FASHION, 15, COSINE, OFF, {"model": _cnn(8, 16), SHARE: 0.08}),
    Case("fashion, CNN, constant", FASHION, 15, CONSTANT, ON, {"model": _cnn(8, 16), SHARE: 0.05}),
    Case("fashion, MLP, step", FASHION, 21, STEP, OFF, {"model": _mlp(64), SHARE: 0.08}),
    Case(
        "california, MLP, cosine",
        ("california-housing/housing.csv",),
        24,
        COSINE,
        OFF,
        {"model": _mlp(64, 64), SHARE: 0.3},
    ),
)


def main() -> int:
    """Train or read the curves, forecast each, print the table; 0 where enough are held."""
    options = _arguments()
    kept: dict[str, Any] = json.loads(options.curves.read_text()) if options.curves and options.curves.exists() else {}
    cases = [case for case in CASES if not options.only or any(word in case.name for word in options.only.split(","))]
    with tempfile.TemporaryDirectory(prefix="lathe-bench-") as folder:
        os.environ["LATHE_HOME"] = folder
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        for case in cases:
            if case.name not in kept:
                kept[case.name] = train(case, options.data)
                print(f"{case.name}: {len(kept[case.name]['values'])} epochs", file=sys.stderr, flush=True)
                if options.curves:
                    options.curves.write_text(json.dumps(kept))
    return report({case.name: kept[case.name] for case in cases}, as_json=options.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("LATHE_TEST_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--only", default="", help="parts of names, separated by commas")
    parser.add_argument("--data", type=Path, default=default, help="the folder of data sets")
    parser.add_argument("--curves", type=Path, help="a file that keeps the curves")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def train(case: Case, data: Path) -> dict[str, Any]:
    """Train a case to its end by a worker of the engine; its curve as plain JSON."""
    from engine import api
    from engine.jobs.worker import Worker, whoami
    from engine.store import queue

    if isinstance(case.source, str):
        record = api.import_sample(case.source)
    else:
        record = api.import_data([data / file for file in case.source])
    edits = {"training.epochs": case.epochs, "training.schedule": case.schedule, "training.max_train_time_s": 0.0}
    edits |= {f"training.early_stopping.{name}": value for name, value in case.stopping.items()}
    spec = api.default_spec(record.id).edit(edits | case.edits)
    run_id = api.submit(spec)
    claim = queue.claim_next()
    if claim is None or claim.run_id != run_id:
        raise SystemExit("another engine took the benchmark's run")
    me = whoami()
    import socket

    worker = Worker({}, (socket.gethostname(), me["pid"], me["started_at"]))
    worker.run((claim.run_id, claim.owner, claim.attempt, claim.seconds_before))
    run = api.run(run_id)
    if run.status.value != "FINISHED":
        raise SystemExit(f"{case.name}: {run.status.value} {run.error}")
    return curve_of(api, run)


def curve_of(api: Any, run: Any) -> dict[str, Any]:
    """What a forecast needs of a run, as plain JSON."""
    name = "accuracy" if run.spec.data.task.is_classification else "rmse"
    history = api.history(run.id, keys=[f"val/{name}", "val/loss"])
    # At the end the weights that are saved are evaluated once more: that point is no epoch.
    epochs = len([line for line in api.log(run.id, last=100_000) if " epoch " in line and "val/loss" in line])
    return {
        "metric": f"val/{name}",
        "epochs": run.spec.training.epochs,
        "training": run.spec.training.model_dump(mode="json"),
        "values": [round(point.value, 6) for point in history[f"val/{name}"]][:epochs],
        "loss": [round(point.value, 6) for point in history["val/loss"]][:epochs],
        "steps": [point.step for point in history["val/loss"]][:epochs],
        "seconds": run.seconds,
    }


# ---- the backtest ---------------------------------------------------------------------------------------------------
@dataclass
class Row:
    """What was foretold of one run from its first third, and what came."""

    name: str
    seen: int
    epochs: float
    last: float
    truth: float
    value: float
    low: float
    high: float
    naive_low: float
    naive_high: float
    gain: float  # from the first epoch to the best one: what widths are measured by

    @property
    def held(self) -> bool:
        """Whether the interval holds the end (to rounding: at a plateau its end is the end)."""
        return self.low - 1e-9 <= self.truth <= self.high + 1e-9

    @property
    def naive_held(self) -> bool:
        """The same of the peer's."""
        return self.naive_low <= self.truth <= self.naive_high


def foretell(name: str, curve: dict[str, Any]) -> Row:
    """See the first third of a curve, and say where it ends."""
    import math

    from engine.specs.training import TrainingSpec
    from engine.whatif.ending import naive_interval, predict_end

    training = TrainingSpec.model_validate(curve["training"])
    lower = curve["metric"].endswith("rmse")
    epochs = [step / math.gcd(*curve["steps"]) for step in curve["steps"]]
    seen = max(4, sum(epoch <= epochs[-1] / 3 + 1e-9 for epoch in epochs))
    values, losses = curve["values"][:seen], curve["loss"][:seen]
    ending = predict_end(
        training,
        epochs[:seen],
        values,
        planned=training.epochs,
        lower_is_better=lower,
        bounds=(0.0, math.inf) if lower else (0.0, 1.0),
        losses=losses,
        by_loss=True,
        waited=round(epochs[seen - 1] - epochs[losses.index(min(losses))]),
    )
    best = min if lower else max
    naive = naive_interval(values, lower_is_better=lower)
    truth = best(curve["values"])
    gain = abs(truth - curve["values"][0]) or 1e-9
    return Row(name, seen, epochs[-1], best(values), truth, ending.value, ending.low, ending.high, *naive, gain)


def report(curves: dict[str, Any], *, as_json: bool) -> int:
    """Print the table; 0 where enough are held."""
    rows = [foretell(name, curve) for name, curve in curves.items()]
    held, naive_held = (sum(flags) for flags in ([row.held for row in rows], [row.naive_held for row in rows]))
    width = sum((row.high - row.low) / row.gain for row in rows) / len(rows)
    naive_width = sum((row.naive_high - row.naive_low) / row.gain for row in rows) / len(rows)
    summary = {"runs": len(rows), "held": held, "width": width, "naive_held": naive_held, "naive_width": naive_width}
    if as_json:
        print(json.dumps({**summary, "rows": [row.__dict__ for row in rows]}))
        return 0 if held >= WANTED * len(rows) else 1
    for row in rows:
        print(
            f"{row.name:38s} saw {row.seen:2d} of {row.epochs:2.0f} epochs, best {row.last:9.4f} → {row.truth:9.4f}; "
            f"foretold {row.value:9.4f} [{row.low:9.4f}, {row.high:9.4f}] {'held' if row.held else 'MISSED'}"
        )
    print(
        f"\nThe 90 % interval from the first third holds the end of {held} of {len(rows)} runs (wanted {WANTED:.0%}).\n"
        f"Mean width {width:.2f} of a run's whole gain; the naive interval (best so far ± twice the spread of the last "
        f"five epochs) holds {naive_held} and is {naive_width:.2f} wide: {naive_width / width:.1f} × as wide."
    )
    return 0 if held >= WANTED * len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
