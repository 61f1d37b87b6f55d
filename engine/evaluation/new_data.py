"""A trained run on data that came later: with answers it is evaluated, without them it predicts.

Needs the model, and so the engine process; the pages ask through `engine.jobs`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, ErrorKind
from engine.evaluation.evaluate import evaluate_part
from engine.specs import RunSpec
from engine.specs.records import EvaluationRecord
from engine.store.home import home
from engine.text import N_

if TYPE_CHECKING:
    import pandas as pd

    from engine.data.load import Prepared
    from engine.training.predictor import Predictor

NAMES_SHOWN = 5


@dataclass(frozen=True)
class SavedRun:
    """What is needed to use a finished run again."""

    folder: Path
    spec: RunSpec
    predictor: Predictor
    cleaner: Any  # engine.data.cleaning.FittedCleaner

    @classmethod
    def open(cls, run_id: str) -> SavedRun:
        """Load model, encoder and cleaning.

        Raises:
            EngineError: NOT_FOUND where the run has no model (yet).
        """
        from engine.data.cleaning import FittedCleaner
        from engine.training.predictor import Predictor
        from engine.training.saving import CLEANER, MODEL, SPEC

        folder = home() / "runs" / run_id
        predictor = Predictor.load(folder)
        spec = RunSpec.parse((folder / MODEL / SPEC).read_bytes())
        cleaner = FittedCleaner.from_record(json.loads((folder / MODEL / CLEANER).read_text(encoding="utf-8")))
        return cls(folder, spec, predictor, cleaner)

    def prepare(self, dataset_id: str) -> tuple[pd.DataFrame, Prepared]:
        """The raw rows of a data set, and the same through this run's cleaning; every row is kept.

        Raises:
            EngineError: BAD_INPUT where the data are of another kind or a column is missing.
        """
        from engine.data.load import apply
        from engine.store.datasets import get_dataset, read_table

        record = get_dataset(dataset_id)
        expected = self.spec.data.task.modality
        if record.modality is not expected:
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("This run learned from {expected} data, but {name} holds {got} data."),
                hint=N_("Choose a data set of the same kind."),
                expected=expected.value,
                got=record.modality.value,
                name=record.name,
            )
        frame = read_table(dataset_id)
        return frame, apply(self.spec.data, self.cleaner, frame, self.predictor.encoder.classes, dataset=dataset_id)


def evaluate_dataset(run_id: str, dataset_id: str) -> EvaluationRecord:
    """Evaluate a run on a labelled data set; kept under the data set's id beside the run's own parts.

    Raises:
        EngineError: BAD_INPUT for missing columns or labels that the run never saw, BAD_DATA where no row is labelled.
    """
    saved = SavedRun.open(run_id)
    frame, prepared = saved.prepare(dataset_id)
    positions = labelled_positions(saved, frame, prepared)
    return evaluate_part(
        saved.folder,
        part=dataset_id,
        task=saved.spec.data.task,
        classes=prepared.classes,
        rows=prepared.frame.index.to_numpy()[positions],
        truth=np.asarray(prepared.target)[positions],
        predictions=saved.predictor.predict(prepared, positions),
    )


def predict_dataset(run_id: str, dataset_id: str) -> Path:
    """Predict every row of a data set.

    Returns:
        A Parquet file: row, prediction, and for classes probability (of the predicted one) and `p_<class>`.

    Raises:
        EngineError: BAD_INPUT where the data are of another kind or a column is missing.
    """
    import pandas as pd

    saved = SavedRun.open(run_id)
    _frame, prepared = saved.prepare(dataset_id)
    predictions = saved.predictor.predict(prepared)
    rows = prepared.frame.index.to_numpy()
    if prepared.classes:
        names = np.asarray(prepared.classes, dtype=object)
        columns: dict[str, Any] = {
            "row": rows,
            "prediction": names[predictions.argmax(axis=1)] if len(rows) else names[:0],
            "probability": predictions.max(axis=1) if len(rows) else np.zeros(0),
        }
        columns |= {f"p_{name}": predictions[:, label] for label, name in enumerate(prepared.classes)}
    else:
        columns = {"row": rows, "prediction": predictions}
    path = saved.folder / "predictions" / f"{dataset_id}.predicted.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    pd.DataFrame(columns).to_parquet(temporary, index=False)
    temporary.replace(path)
    return path


def labelled_positions(saved: SavedRun, frame: pd.DataFrame, prepared: Prepared) -> NDArray[np.intp]:
    """The rows whose answer is known.

    Raises:
        EngineError: BAD_INPUT where there is no answer column or a label that the run never saw; BAD_DATA where no
            row has an answer.
    """
    target_name = saved.spec.data.target
    target = np.asarray(prepared.target)
    known = target >= 0 if prepared.classes else np.isfinite(target)
    if target_name not in frame.columns:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("These data have no column “{target}”, which holds the right answers."),
            hint=N_("Add the column, or predict instead of evaluating."),
            target=target_name,
        )
    if not known.all():
        _refuse_unseen(saved, frame.loc[~known], target_name, prepared.classes)
    positions = np.flatnonzero(known)
    if not len(positions):
        raise EngineError(
            ErrorKind.BAD_DATA,
            N_("No row has a value in the target “{target}”."),
            hint=N_("Bring labelled data, or predict instead of evaluating."),
            target=target_name,
        )
    return positions


def _refuse_unseen(saved: SavedRun, frame: pd.DataFrame, target: str, classes: tuple[str, ...]) -> None:
    """Rows without an answer may be left out; rows with an answer that cannot be right may not."""
    values = saved.cleaner.clean(frame).frame[target]
    given = values.dropna().astype(str).str.strip()
    unseen = given[given != ""].value_counts()
    if not len(unseen):
        return
    names = ", ".join(str(name)[:40] for name in unseen.index[:NAMES_SHOWN]) + (
        " …" if len(unseen) > NAMES_SHOWN else ""
    )
    if classes:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("{rows} rows have labels that this run never learned: {names}. It knows: {known}."),
            hint=N_("Rename these labels in the data or leave those rows out, then try again."),
            rows=int(unseen.sum()),
            names=names,
            known=", ".join(classes[:NAMES_SHOWN]) + (" …" if len(classes) > NAMES_SHOWN else ""),
        )
    raise EngineError(
        ErrorKind.BAD_INPUT,
        N_("{rows} rows have something in “{target}” that is no number: {names}."),
        hint=N_("Correct these values or leave those rows out, then try again."),
        rows=int(unseen.sum()),
        target=target,
        names=names,
    )
