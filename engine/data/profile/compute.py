"""Puts a profile together; runs in the child process."""

import time
from collections.abc import Callable
from typing import Any

import pandas as pd

from engine.data.association import association
from engine.data.profile import VERSION, tables
from engine.data.profile.repeats import find_duplicates
from engine.data.values import as_kind, to_text
from engine.specs.records import DatasetRecord
from engine.specs.task import ColumnKind, Modality
from engine.store.datasets import PART_COLUMN, get_dataset
from engine.text import N_

Say = Callable[[float, str], None]
_SAMPLE_ROWS = 100_000  # associations are known to two digits from as many
_SAMPLE_CELLS = 4_000_000  # of wide tables fewer rows are taken
_MOST_CORRELATED = 25
_COMPARED = (ColumnKind.NUMBER, ColumnKind.CATEGORY)


def compute(dataset_id: str, target: str, say: Say) -> dict[str, Any]:
    """The profile of a data set, see `engine.data.profile.shapes.Profile`."""
    started = time.monotonic()
    record = get_dataset(dataset_id)
    columns = [column for column in record.columns if column.name != PART_COLUMN]
    with tables.Rows(record) as rows:
        say(0.02, N_("Reading columns"))
        described = rows.describe(columns, lambda share: say(round(0.02 + 0.4 * share, 3), N_("Reading columns")))
        say(0.42, N_("Counting classes"))
        target_is_class = _target_is_class(record, target)
        classes = rows.classes(target) if target_is_class else {}
        parts = rows.parts(target if target_is_class else "")
        say(0.5, N_("Looking for duplicates"))
        duplicates = find_duplicates(record, target, rows)
        say(0.7, N_("Comparing columns with the target"))
        sample = rows.sample(_sample_size(len(columns)))
    result: dict[str, Any] = {
        "version": VERSION,
        "dataset": dataset_id,
        "target": target,
        "modality": record.modality.value,
        "rows": record.rows,
        "sampled_rows": len(sample),
        "columns": [{**column, "is_target": column["name"] == target} for column in described],
        "classes": classes,
        "parts": parts,
        "duplicates": duplicates,
    }
    if record.modality is Modality.TABLE:
        _associate(result, sample, target, target_is_class)
        _correlate(result, sample)
    say(0.8, N_("Looking at the examples"))
    if record.modality is Modality.IMAGE:
        from engine.data.profile.images import describe_images

        result["images"] = describe_images(record, target)
    if record.modality is Modality.TEXT:
        from engine.data.profile.texts import describe_texts

        result["texts"] = describe_texts(record, target, target_is_class)
    result["seconds"] = round(time.monotonic() - started, 3)
    return result


def _target_is_class(record: DatasetRecord, target: str) -> bool:
    if target == record.target:
        return record.task.is_classification
    kind = next(column.kind for column in record.columns if column.name == target)
    return kind is not ColumnKind.NUMBER


def _sample_size(columns: int) -> int:
    return min(_SAMPLE_ROWS, max(1_000, _SAMPLE_CELLS // max(columns, 1)))


def _associate(result: dict[str, Any], sample: pd.DataFrame, target: str, target_is_class: bool) -> None:
    """Add to each column what it says about the target."""
    answers = sample[target]
    sample = sample[answers.notna()]
    answers = to_text(sample[target]) if target_is_class else as_kind(sample[target], ColumnKind.NUMBER)
    for column in result["columns"]:
        kind = ColumnKind(column["kind"])
        if kind in _COMPARED and not column["is_target"]:
            found = association(as_kind(sample[column["name"]], kind), kind, answers, target_is_class)
            column.update({key: round(v, 4) if isinstance(v, float) else v for key, v in found.items()})


def _correlate(result: dict[str, Any], sample: pd.DataFrame) -> None:
    """Add the correlations between numbers, those that say most about the target first."""
    numbers = [column for column in result["columns"] if column["kind"] == ColumnKind.NUMBER]
    numbers.sort(key=lambda column: -column.get("association", 2.0))  # the target itself leads
    names = [column["name"] for column in numbers[:_MOST_CORRELATED]]
    if len(names) > 1:
        values = sample[names].astype("float64").corr().fillna(0.0).round(4).to_numpy().tolist()
        result["correlations"] = {"names": names, "values": values}
