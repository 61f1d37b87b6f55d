"""What the columns hold, and what is probably to be learned: guesses from the data, which can be changed.

Contents and the usual names of columns decide; the name of the data set never does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.data import database, names
from engine.data.database import quote
from engine.data.limits import LARGE_TABLE_ROWS
from engine.errors import EngineError, ErrorKind
from engine.specs import ColumnKind, Task
from engine.specs.records import ColumnRecord
from engine.store.datasets import PART_COLUMN
from engine.text import N_

FEW_CODES = 4  # whole numbers with so few distinct values are codes (1st, 2nd, 3rd class), not amounts
UNIQUE = 0.95  # share of distinct values from which short texts name rows instead of describing them
MAX_CLASSES = 1_000  # as many as ImageNet; more distinct values are not classes of a column
MAX_NUMBER_CLASSES = 20  # whole numbers with up to so many values, none far from the next, can be classes
_SAMPLE_ROWS = 20_000
_COLUMNS_A_QUERY = 32
_MIN_ROWS_FOR_IDENTIFIER = 20
_LONG_TEXT_CHARS = 18.0  # shorter values name things (a title, a town) and leave the table a table
_MAX_OTHERS = 3  # columns beside a text column in text data (an id, a category, a date)
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_CODE_TARGETS = {"quality", "rating", "score", "stars", "grade", "count", "cnt", "demand", "sales"}


@dataclass(frozen=True)
class ColumnFacts:
    """What was counted in one column."""

    name: str
    dtype: str
    present: int
    missing: int
    distinct: int
    whole: bool = False  # whole numbers only
    low: float = 0.0
    high: float = 0.0
    mean_chars: float = 0.0  # of texts, in a sample
    mean_words: float = 0.0
    chinese: float = 0.0  # Chinese characters a value

    @property
    def is_number(self) -> bool:
        """True for columns of numbers."""
        return self.dtype in {"BIGINT", "DOUBLE"}


def column_facts(rows: Path, scratch: Path) -> list[ColumnFacts]:
    """Count what is in each column of a Parquet file; estimates where it is very long."""
    connection = database.connect(scratch)
    try:
        described = [(str(name), str(kind)) for name, kind, *_ in
                     connection.execute(f"DESCRIBE SELECT * FROM {database.source(rows)}").fetchall()]  # fmt: skip  # noqa: S608
        total = connection.execute(f"SELECT count(*) FROM {database.source(rows)}").fetchone()[0]  # noqa: S608
        wanted = [(name, kind) for name, kind in described if name != PART_COLUMN]
        facts: list[ColumnFacts] = []
        for start in range(0, len(wanted), _COLUMNS_A_QUERY):
            facts += _facts_of(connection, rows, wanted[start : start + _COLUMNS_A_QUERY], total)
        return facts
    finally:
        connection.close()


def kind_of(facts: ColumnFacts, rows: int) -> ColumnKind:
    """The kind of a column."""
    if facts.distinct <= 1:
        return ColumnKind.CONSTANT
    if facts.dtype == "TIMESTAMP":
        return ColumnKind.DATE
    if facts.is_number:
        return _number_kind(facts, rows)
    unique = facts.distinct >= UNIQUE * facts.present and facts.present >= _MIN_ROWS_FOR_IDENTIFIER
    varied = facts.distinct > 0.3 * facts.present and facts.distinct > _MIN_ROWS_FOR_IDENTIFIER
    if facts.chinese >= 6 and varied:
        return ColumnKind.TEXT
    if varied and (facts.mean_words >= 3 or facts.mean_chars >= 60) and facts.mean_chars >= 12:
        return ColumnKind.TEXT
    return ColumnKind.IDENTIFIER if unique else ColumnKind.CATEGORY


def infer(
    facts: Sequence[ColumnFacts], rows: int, *, named: bool, wished: dict[str, Any]
) -> tuple[tuple[ColumnRecord, ...], Task, str]:
    """The columns, the task and the target of a table or text data set.

    Args:
        facts: of all columns, in order.
        rows: of the data set.
        named: whether the file named its columns; else the target stands last or first.
        wished: `task` and `target` as a person chose them; the other is inferred to fit.

    Raises:
        EngineError: BAD_DATA where there is nothing to predict, BAD_INPUT where a wish names no column.
    """
    kinds = {column.name: kind_of(column, rows) for column in facts}
    task = Task(wished["task"]) if wished.get("task") else None
    target = str(wished.get("target") or "")
    if target and target not in kinds:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("There is no column {column} in this data set."),
            hint=N_("Choose one of: {columns}."),
            column=target,
            columns=", ".join(list(kinds)[:20]),
        )
    by_name = {column.name: column for column in facts}
    target = target or _find_target(list(facts), kinds, named=named, task=task)
    records = tuple(
        ColumnRecord(name=c.name, kind=kinds[c.name], dtype=c.dtype, distinct=c.distinct, missing=c.missing)
        for c in facts
    )
    return records, task or _find_task(by_name[target], list(facts), kinds), target


def _find_task(target: ColumnFacts, facts: list[ColumnFacts], kinds: dict[str, ColumnKind]) -> Task:
    if _is_text_data(facts, kinds, target.name):
        return Task.TEXT_CLASSIFICATION
    return Task.TABLE_CLASSIFICATION if _is_class_like(target, kinds[target.name]) else Task.TABLE_REGRESSION


def _is_class_like(column: ColumnFacts, kind: ColumnKind) -> bool:
    if not column.is_number:
        return True
    if not column.whole:
        return False
    if names.target_rank(column.name) is not None and column.name.lower() in _CODE_TARGETS:
        return column.distinct <= 2  # ordered marks: the distance between 3 and 8 counts
    dense = column.high - column.low + 1 <= 2 * column.distinct
    counted = column.low in (-1.0, 0.0, 1.0) and column.present >= 10 * column.distinct  # as codes are
    return kind == ColumnKind.CATEGORY or (column.distinct <= MAX_NUMBER_CLASSES and dense and counted)


def _is_text_data(facts: list[ColumnFacts], kinds: dict[str, ColumnKind], target: str) -> bool:
    """One long text and few others beside the target."""
    inputs = [column for column in facts if column.name != target]
    texts = [column for column in inputs if kinds[column.name] == ColumnKind.TEXT]
    long = [c for c in texts if c.mean_chars >= _LONG_TEXT_CHARS or c.chinese >= 6]
    idle = {ColumnKind.TEXT, ColumnKind.IDENTIFIER, ColumnKind.CONSTANT}
    others = [column for column in inputs if kinds[column.name] not in idle]
    target_facts = next(column for column in facts if column.name == target)
    return bool(long) and len(others) <= _MAX_OTHERS and _is_class_like(target_facts, kinds[target])


def _find_target(facts: list[ColumnFacts], kinds: dict[str, ColumnKind], *, named: bool, task: Task | None) -> str:
    possible = [column for column in facts if _can_be_target(column, kinds[column.name], task)]
    if not possible or len(facts) < 2:
        raise _nothing_to_predict(facts)
    return max(possible, key=lambda c: _target_score(c, facts, kinds, named=named)).name


def _nothing_to_predict(facts: list[ColumnFacts]) -> EngineError:
    """Says why, by the last column that would be the target if it held more than it does."""
    hint = N_("Expected at least two columns, one of them with classes or numbers that repeat.")
    for column in reversed(facts if len(facts) > 1 else []):
        if column.present == 0:
            template = N_("The column “{column}” is empty, and no other column could be predicted from the rest.")
            return EngineError(ErrorKind.BAD_DATA, template, hint=hint, column=column.name)
        if column.distinct == 1:
            template = N_("The column “{column}” has one class only, and no other could be predicted from the rest.")
            return EngineError(ErrorKind.BAD_DATA, template, hint=hint, column=column.name)
    return EngineError(
        ErrorKind.BAD_DATA, N_("No column was found that could be predicted from the others."), hint=hint
    )


def _can_be_target(column: ColumnFacts, kind: ColumnKind, task: Task | None) -> bool:
    if kind in (ColumnKind.CONSTANT, ColumnKind.TEXT, ColumnKind.DATE) or column.present == 0:
        return False
    if task == Task.TABLE_REGRESSION:
        return column.is_number
    if kind == ColumnKind.IDENTIFIER:
        return False
    return column.is_number or column.distinct <= min(MAX_CLASSES, max(column.present // 2, 2))


def _target_score(column: ColumnFacts, facts: list[ColumnFacts], kinds: dict[str, ColumnKind], *, named: bool) -> float:
    """How much speaks for a column: its name most, then its place and what it holds."""
    score = 0.0
    rank = names.target_rank(column.name) if named else None
    if rank is not None:
        score += 100.0 - rank / 2 if rank < names.STRONG_TARGETS else 60.0 - rank / 4
    if column.missing > 0.2 * (column.present + column.missing):
        score -= 30.0  # what is to be learned is rarely missing
    if names.is_id_name(column.name):
        score -= 50.0
    first, last = facts[0].name == column.name, facts[-1].name == column.name
    class_like = _is_class_like(column, kinds[column.name])
    if named and column.is_number and not class_like:
        score += 8.0 * names.worth(column.name)
    has_text = any(kinds[other.name] == ColumnKind.TEXT for other in facts)
    score += 12.0 * last + 8.0 * first * class_like
    score += 10.0 * class_like * (has_text or not named) + 3.0 * class_like
    score += 4.0 * (class_like and column.distinct == 2)
    if class_like and not column.is_number and column.distinct > 50:
        score -= 8.0  # a town, a product: described, not to be predicted
    return score


def _number_kind(facts: ColumnFacts, rows: int) -> ColumnKind:
    if not facts.whole:
        return ColumnKind.NUMBER
    unique = facts.distinct >= UNIQUE * facts.present and facts.present >= _MIN_ROWS_FOR_IDENTIFIER
    counted = facts.high - facts.low + 1 <= 1.1 * facts.present  # 1, 2, 3… as row numbers are
    if unique and (counted or names.is_id_name(facts.name)):
        return ColumnKind.IDENTIFIER
    return ColumnKind.CATEGORY if facts.distinct <= FEW_CODES and rows > 2 * FEW_CODES else ColumnKind.NUMBER


def _facts_of(connection: Any, rows: Path, columns: list[tuple[str, str]], total: int) -> list[ColumnFacts]:
    large = total > LARGE_TABLE_ROWS
    asked: list[str] = []
    for name, kind in columns:
        column = quote(name)
        distinct = f"approx_count_distinct({column})" if large else f"count(DISTINCT {column})"
        number = kind in {"BIGINT", "DOUBLE"}
        whole = f"coalesce(bool_and({column} = floor({column})), false)" if kind == "DOUBLE" else str(number).lower()
        asked += [f"count({column})", distinct, whole]
        asked += [f"min({column})::DOUBLE", f"max({column})::DOUBLE"] if number else ["0.0", "0.0"]
    row = connection.execute(f"SELECT {', '.join(asked)} FROM {database.source(rows)}").fetchone()  # noqa: S608
    facts: list[ColumnFacts] = []
    for index, (name, kind) in enumerate(columns):
        present, distinct, whole, low, high = row[5 * index : 5 * index + 5]
        chars, words, chinese = _text_facts(connection, rows, name) if kind == "VARCHAR" else (0.0, 0.0, 0.0)
        facts.append(ColumnFacts(name, kind, present, total - present, min(distinct, present), bool(whole),
                                 low or 0.0, high or 0.0, chars, words, chinese))  # fmt: skip
    return facts


def _text_facts(connection: Any, rows: Path, name: str) -> tuple[float, float, float]:
    """Characters, words and Chinese characters a value, in a sample spread over the column."""
    query = (
        f"SELECT left({quote(name)}, 2000) FROM {database.source(rows)} WHERE {quote(name)} IS NOT NULL "  # noqa: S608
        f"USING SAMPLE {_SAMPLE_ROWS // 10} ROWS (reservoir, 7)"
    )
    values = [str(value) for (value,) in connection.execute(query).fetchall()]
    if not values:
        return 0.0, 0.0, 0.0
    chinese = sum(len(_CHINESE.findall(value)) for value in values)
    return sum(map(len, values)) / len(values), sum(len(v.split()) for v in values) / len(values), chinese / len(values)
