"""`engine evaluate` and `engine predict`."""

from __future__ import annotations

from pathlib import Path

from engine import api
from engine.cli.data import find_data
from engine.cli.output import OK, print_json, run_line
from engine.errors import EngineError, ErrorKind
from engine.jobs.client import stop_engine
from engine.specs.records import RunRecord
from engine.text import N_

_ENDINGS = (".csv", ".parquet", ".jsonl")


def evaluate(run_id: str, data: str, *, as_json: bool) -> int:
    """Say how good a run is on labelled data."""
    run = _finished(run_id)
    try:
        record = api.evaluate(run.id, find_data(data).id)
    finally:
        stop_engine()
    if as_json:
        metrics = {f"test/{key}": interval.value for key, interval in record.metrics.items()}
        intervals = {f"test/{key}": [interval.low, interval.high] for key, interval in record.metrics.items()}
        print_json(run_line(run) | {"metrics": metrics, "intervals": intervals, "examples": record.examples})
        return OK
    print(f"{run.id}  {run.name}: {record.examples} examples")
    for key, interval in record.metrics.items():
        print(f"  {key:<24} {interval.value:.4f}   95 %: {interval.low:.4f} to {interval.high:.4f}")
    return OK


def predict(run_id: str, data: str, output: Path, *, as_json: bool) -> int:
    """Predict every row of some data and write a table."""
    ending = output.suffix.lower()
    if ending not in _ENDINGS:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The name of the output must end in {endings}, got {file}."),
            hint=N_("The ending chooses the format."),
            endings=", ".join(_ENDINGS),
            file=output.name,
        )
    run = _finished(run_id)
    try:
        table = api.predict(run.id, find_data(data).id)
    finally:
        stop_engine()
    try:
        if ending == ".csv":
            table.to_csv(output, index=False)
        elif ending == ".parquet":
            table.to_parquet(output, index=False)
        else:
            table.to_json(output, orient="records", lines=True, force_ascii=False)
    except OSError as error:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("{file} cannot be written: {reason}."),
            hint=N_("Choose another file."),
            file=str(output),
            reason=error.strerror or str(error),
        ) from error
    if as_json:
        print_json(run_line(run) | {"rows": len(table), "file": str(output)})
    else:
        print(f"{len(table)} predictions written to {output}")
    return OK


def _finished(run_id: str) -> RunRecord:
    run = api.run(run_id)
    if not run.status.is_over:
        raise EngineError(
            ErrorKind.CONFLICT,
            N_("{name} has not finished yet."),
            hint=N_("Wait for its end, or stop it."),
            name=run.name,
        )
    return run
