"""Evaluations and the predictions behind them, as files of a run.

    runs/<id>/evaluation_<part>.json              EvaluationRecord
    runs/<id>/predictions/<part>.parquet          row, truth, prediction, loss, and for classes p_0, p_1…
    runs/<id>/predictions/<part>.<baseline>.parquet    the same of a baseline, for paired comparisons

`part` is "train", "validation", "test" or the id of another data set. Each file is written beside its place and then
renamed into it, so that a reader never sees half of one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from engine.errors import EngineError, ErrorKind
from engine.specs.records import EvaluationRecord
from engine.specs.task import Part
from engine.store.home import home
from engine.text import N_

if TYPE_CHECKING:
    import pandas as pd

_PART = re.compile(r"[a-z]+|[0-9a-f]{16}")
_RUN = re.compile(r"[0-9A-Za-z_-]{1,64}")


def read_evaluation(run_id: str, part: str = Part.TEST) -> EvaluationRecord:
    """How good a run is on a part.

    Raises:
        EngineError: NOT_FOUND where it was not evaluated on this part (yet).
    """
    path = evaluation_path(_folder(run_id), part)
    try:
        return EvaluationRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise _not_evaluated(run_id, part) from None
    except ValidationError as error:
        raise EngineError(
            ErrorKind.INTERNAL,
            N_("The evaluation of this run cannot be read: {problem}"),
            hint=N_("Evaluate the run again."),
            problem=str(error.errors()[0]["msg"]),
        ) from error


def read_predictions(run_id: str, part: str = Part.TEST, *, baseline: str = "") -> pd.DataFrame:
    """The rows behind an evaluation: row, truth, prediction, loss, p_0…; those of a baseline where its kind is named.

    Raises:
        EngineError: NOT_FOUND where it was not evaluated on this part (yet).
    """
    import pandas as pd

    path = predictions_path(_folder(run_id), part, baseline=baseline)
    if not path.is_file():
        raise _not_evaluated(run_id, part)
    return pd.read_parquet(path)


def evaluated_parts(run_id: str) -> list[str]:
    """The parts and data sets that a run was evaluated on: test, validation and train first, then the newest."""
    files = list(_folder(run_id).glob("evaluation_*.json"))
    files.sort(key=lambda file: -file.stat().st_mtime)
    names = [file.stem.removeprefix("evaluation_") for file in files]
    order = [Part.TEST.value, Part.VALIDATION.value, Part.TRAIN.value]
    return [part for part in order if part in names] + [name for name in names if name not in order]


def write_evaluation(run_dir: Path, record: EvaluationRecord) -> Path:
    """Keep an evaluation below the run's folder."""
    path = evaluation_path(run_dir, record.part)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(record.model_dump_json(indent=1), encoding="utf-8")
    temporary.replace(path)
    return path


def write_predictions(run_dir: Path, part: str, frame: pd.DataFrame, *, baseline: str = "") -> Path:
    """Keep the rows behind an evaluation below the run's folder."""
    path = predictions_path(run_dir, part, baseline=baseline)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    frame.to_parquet(temporary, index=False)
    temporary.replace(path)
    return path


def evaluation_path(run_dir: Path, part: str) -> Path:
    """Where the record of a part lies."""
    return run_dir / f"evaluation_{_checked(part)}.json"


def predictions_path(run_dir: Path, part: str, *, baseline: str = "") -> Path:
    """Where the rows of a part lie."""
    suffix = f".{_checked(baseline)}" if baseline else ""
    return run_dir / "predictions" / f"{_checked(part)}{suffix}.parquet"


def _folder(run_id: str) -> Path:
    if not _RUN.fullmatch(run_id):
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("There is no run {run}."),
            hint=N_("Choose one from the list of runs."),
            run=run_id,
        )
    return home() / "runs" / run_id  # not made here: looking must leave nothing behind


def _checked(name: str) -> str:
    if not _PART.fullmatch(name):
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("A part must be train, validation, test or the id of a data set, got {part}."),
            hint=N_("Choose one of these."),
            part=name,
        )
    return name


def _not_evaluated(run_id: str, part: str) -> EngineError:
    return EngineError(
        ErrorKind.NOT_FOUND,
        N_("Run {run} has not been evaluated on {part} yet."),
        hint=N_("Wait until it has finished, or choose another part."),
        run=run_id,
        part=part,
    )
