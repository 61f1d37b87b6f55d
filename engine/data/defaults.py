"""A complete document for a data set, chosen by the nature of the data and never by its name."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import skew

from engine.data.defaults_model import Facts, choose_model, table_bins
from engine.data.values import join_texts, to_number
from engine.specs.records import DatasetRecord
from engine.specs.run import RunSpec
from engine.specs.task import ColumnKind, Modality, Part, Task
from engine.store.datasets import get_dataset, read_rows, read_table

_SAMPLE_ROWS = 5_000  # texts and modes are judged by as many
_LARGEST_IMAGE_PX = 96  # more is rarely needed for a first look, and four times slower with each doubling
_FULL_SIZE_PX = 64  # images up to this keep their size
_LONGEST_SEQUENCE = {"words": 256, "characters": 300}
_LENGTH_QUANTILE = 0.95  # longer texts are cut
_HAN_SHARE = 0.3  # above this a text is read by characters
_FEW_VALIDATION_ROWS = 1_000  # below this many rows each part needs a larger share to say anything
_FEW_AMOUNTS = 10  # fewer distinct values are grades ("10 %", "20 %") that may well stay words
_MARKED_SHARE, _READ_SHARE = 0.2, 0.95
_MANY_ROWS = 200_000  # above this a smaller share says as much


def default_spec(dataset_id: str, *, task: Task | None = None, target: str | None = None) -> RunSpec:
    """A complete document for a data set.

    Args:
        dataset_id: the data set.
        task: what is to be learned; default: as the import inferred.
        target: the column to be predicted; default: as the import inferred.

    Raises:
        EngineError: NOT_FOUND where there is no such data set; BAD_INPUT where the target does not fit.
    """
    record = get_dataset(dataset_id)
    target = target or record.target
    amounts = _amounts(record) if record.modality is Modality.TABLE else set()
    record = _as_numbers(record, amounts)
    if task is None and target in amounts:
        task = Task.TABLE_REGRESSION
    task = _task(record, task, target)
    facts = Facts(modality=task.modality, task=task, rows=_rows_to_learn_from(record), classes=len(record.classes))
    preprocessing, facts = _preprocessing(record, task, target, facts)
    model, training = choose_model(task, facts)
    return RunSpec.parse(
        {
            "name": record.name,
            "data": {
                "dataset": record.id,
                "name": record.name,
                "task": task,
                "target": target,
                "cleaning": _cleaning(record, task, target, amounts),
                "split": _split(record, task),
                "preprocessing": preprocessing,
            },
            "model": model,
            "training": training,
        }
    )


def _amounts(record: DatasetRecord) -> set[str]:
    """Columns of text that hold numbers as people write them: "$1,200.50", "1 200 €", "12 %"."""
    texts = [column.name for column in record.columns if column.dtype == "VARCHAR" and column.distinct >= _FEW_AMOUNTS]
    rows = read_rows(record.id, offset=0, limit=_SAMPLE_ROWS, columns=texts) if texts else pd.DataFrame()
    return {str(name) for name in rows if _are_amounts(rows[name].dropna().astype("str"))}


def _are_amounts(values: pd.Series) -> bool:
    # Codes (007, 12-34) are no amounts: some have to be marked as such by a separator, a currency or a percent sign.
    marked = values.str.contains(r"\d,\d{3}|[$€£¥₹%]", regex=True)
    return bool(marked.mean() >= _MARKED_SHARE and to_number(values).notna().mean() >= _READ_SHARE)


def _as_numbers(record: DatasetRecord, names: set[str]) -> DatasetRecord:
    columns = tuple(
        column.model_copy(update={"kind": ColumnKind.NUMBER}) if column.name in names else column
        for column in record.columns
    )
    return record.model_copy(update={"columns": columns})


def _task(record: DatasetRecord, task: Task | None, target: str) -> Task:
    """The given or inferred task; for another target than the inferred one, the one that its kind asks for."""
    if task is not None:
        return task
    if target == record.target or record.modality is not Modality.TABLE:
        return record.task
    kind = next((column.kind for column in record.columns if column.name == target), ColumnKind.CATEGORY)
    return Task.TABLE_REGRESSION if kind is ColumnKind.NUMBER else Task.TABLE_CLASSIFICATION


def _rows_to_learn_from(record: DatasetRecord) -> int:
    return record.parts.get(Part.TRAIN) or record.rows


def _split(record: DatasetRecord, task: Task) -> dict[str, Any]:
    if record.rows < _FEW_VALIDATION_ROWS:
        share = 0.2
    elif record.rows > _MANY_ROWS:
        share = 0.05
    else:
        share = 0.15
    # Parts that came with the data are worth keeping only where there are at least two to compare.
    given = sum(count > 0 for count in record.parts.values()) > 1
    shares = {"validation_fraction": min(share, 0.1) if given and record.rows > _FEW_VALIDATION_ROWS else share}
    return {"kind": "given" if given else "stratified", "test_fraction": share, **shares}


def _cleaning(record: DatasetRecord, task: Task, target: str, amounts: set[str]) -> list[dict[str, Any]]:
    """Amounts, dates and longer texts of a table become numbers; gaps need no step, the encoding flags them."""
    if task.modality is not Modality.TABLE:
        return []
    step_of = {ColumnKind.DATE: "date_features", ColumnKind.TEXT: "text_features"}
    read = amounts if task is Task.TABLE_REGRESSION else amounts - {target}
    typed = [{"kind": "set_type", "column": c.name, "to": "number"} for c in record.columns if c.name in read]
    return typed + [
        {"kind": step_of[column.kind], "column": column.name}
        for column in record.columns
        if column.kind in step_of and column.name != target
    ]


def _preprocessing(record: DatasetRecord, task: Task, target: str, facts: Facts) -> tuple[dict[str, Any], Facts]:
    if task.modality is Modality.IMAGE:
        return _images(record, facts)
    if task.modality is Modality.TEXT:
        return _texts(record, target, facts)
    inputs = [c for c in record.columns if c.name != target and c.kind in (ColumnKind.NUMBER, ColumnKind.CATEGORY)]
    numbers = sum(column.kind is ColumnKind.NUMBER for column in inputs)
    table: dict[str, Any] = {"kind": "table", "bins": table_bins(facts.rows)}
    if task is Task.TABLE_REGRESSION:
        table["target_transform"] = _target_transform(read_table(record.id, [target])[target])
    return table, facts.replace(numbers=numbers, categories=len(inputs) - numbers)


def _target_transform(values: pd.Series) -> str:
    """Logarithm for positive numbers over several orders of size (prices, populations); else standardised."""
    numbers = to_number(values).dropna().to_numpy()
    if len(numbers) < 10 or numbers.min() <= 0:
        return "standard"
    low, high = np.quantile(numbers, [0.01, 0.99])
    return "log" if high / low > 100 and abs(float(skew(numbers))) > 2 else "standard"


def _images(record: DatasetRecord, facts: Facts) -> tuple[dict[str, Any], Facts]:
    height, width = record.image_size_px or (32, 32)
    longest = max(height, width)
    size = longest if longest <= _FULL_SIZE_PX else min(longest, _LARGEST_IMAGE_PX)
    size = min(max(8, round(size / 4) * 4), 512)
    colour = "grey" if record.channels == 1 else "rgb"
    keep = max(height, width) > 1.5 * min(height, width)  # stretching that much would bend every shape
    preprocessing = {"kind": "image", "image_size_px": size, "colour": colour, "keep_aspect_ratio": keep}
    return preprocessing, facts.replace(image_size_px=size, channels=1 if colour == "grey" else 3)


def _texts(record: DatasetRecord, target: str, facts: Facts) -> tuple[dict[str, Any], Facts]:
    from engine.data.scripts import han_share

    columns = [column.name for column in record.columns if column.kind is ColumnKind.TEXT and column.name != target]
    if not columns:
        columns = [
            column.name for column in record.columns if column.name != target and not column.name.startswith("_")
        ]
    step = max(record.rows // _SAMPLE_ROWS, 1)
    whole = read_table(record.id, columns) if step > 1 else read_rows(record.id, limit=_SAMPLE_ROWS, columns=columns)
    sample = whole.iloc[::step]
    texts = join_texts(sample, columns)
    han = han_share("".join(texts.str[:200]))
    tokens = "characters" if han > _HAN_SHARE else "words"
    counts = texts.str.len() if tokens == "characters" else texts.str.count(r"\w+|[^\w\s]")
    longest = float(counts.quantile(_LENGTH_QUANTILE)) if len(counts) else 0.0
    length = int(min(max(16, 8 * np.ceil(longest / 8)), _LONGEST_SEQUENCE[tokens]))
    preprocessing = {
        "kind": "text",
        "tokens": tokens,
        "sequence_length": length,
        "vocabulary_size": 8_000 if tokens == "characters" else 20_000,
        "ngrams": 3 if tokens == "characters" else 2,
    }
    return preprocessing, facts.replace(tokens=tokens, sequence_length=length)
