"""How a file of delimited text is written: its delimiter, its quotes, and whether the first line names the columns."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.data.names import is_target_name, is_text_name

SAMPLE_BYTES = 1 << 18  # a few hundred lines of nearly any table
_SAMPLE_ROWS = 1000
DELIMITERS = ("\t", ";", "|", ",", "^", ":")  # where several divide equally well, the first; commas also stand in texts
_NUMBER = re.compile(r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?%?$")
_DATE = re.compile(r"^\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([ T]\d{1,2}:\d{2}.*)?$")
_MISSING = {"", "?", "na", "n/a", "nan", "null", "none", "-"}


@dataclass(frozen=True)
class Dialect:
    """How the lines of a file are divided."""

    delimiter: str
    quoted: bool  # False where quotation marks are plain characters
    columns: int
    skip_lines: int = 0  # comments and titles before the table


def parse(text: str, delimiter: str, quoted: bool) -> list[list[str]]:
    """The records of a text as Python's csv module reads them, the standard of what a CSV file means."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, skipinitialspace=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append([cell.strip() for cell in row])
            if len(rows) >= _SAMPLE_ROWS:
                break
    except csv.Error:  # a field longer than the module takes: what was read until then decides
        return rows
    return rows


def find_dialect(sample: str, *, delimiter: str | None = None, complete: bool = True) -> Dialect | None:
    """How a text is divided into columns; None where no delimiter divides it evenly (running text, one column)."""
    skip = _comment_lines(sample)
    text = "".join(sample.splitlines(keepends=True)[skip:])
    best: tuple[float, int, Dialect] | None = None
    for rank, char in enumerate((delimiter,) if delimiter else DELIMITERS):
        for quoted in (True, False) if '"' in text else (True,):
            rows = parse(text, char, quoted)
            if not complete and len(rows) > 1:
                rows = rows[:-1]  # the sample ends in the middle of a record
            score, columns = _evenness(rows)
            if columns < 2 or score < 0.8:
                continue
            score -= 0.01 * (not quoted)
            if best is None or (round(score, 2), -rank) > (round(best[0], 2), -best[1]):
                best = (score, rank, Dialect(char, quoted, columns, skip))
    return best[2] if best else None


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """True where the first record names the columns, also where all columns are text.

    A name is not a number, not a date and not one of the column's own values; it is short where values are long.
    """
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if [cell.strip() for cell in first] == [str(i) for i in range(len(first))] or _numbered(first):
        return True  # pandas' own names for unnamed columns
    if not rest:
        return not any(_is_value(cell) for cell in first)
    if any(_is_value(cell) for cell in first):
        return False
    votes = sum(_vote(cell, [row[i] for row in rest]) for i, cell in enumerate(first))
    return votes > 0


def _vote(cell: str, column: Sequence[str]) -> float:
    present = [value for value in column if value.lower() not in _MISSING]
    if not present or not cell:
        return 0.0
    if is_target_name(cell) or is_text_name(cell):
        return 3.0
    if sum(_is_value(value) for value in present) > 0.9 * len(present):
        return 2.0  # a word above numbers
    distinct = set(present)
    if cell in distinct:
        return -2.0  # a value like the others
    mean_length = sum(map(len, present)) / len(present)
    if mean_length > 20:
        short = len(cell) < 0.5 * mean_length and len(cell) <= 30 and cell.count(" ") <= 2
        return 1.0 if short else -1.0
    if len(distinct) <= 0.3 * len(present):
        return 1.5  # a word that is none of few values
    return 0.5 if re.fullmatch(r"[A-Za-z][A-Za-z]*([_ ][A-Za-z0-9]+)+", cell) else 0.0


def _is_value(cell: str) -> bool:
    return bool(_NUMBER.match(cell) or _DATE.match(cell))


def _numbered(first: Sequence[str]) -> bool:
    """A blank (an index column) and then 0, 1, 2…"""
    return len(first) > 2 and first[0] == "" and list(first[1:]) == [str(i) for i in range(len(first) - 1)]


def _evenness(rows: Sequence[Sequence[str]]) -> tuple[float, int]:
    """The share of records that have the most usual number of fields, and that number."""
    if not rows:
        return 0.0, 0
    columns, count = Counter(len(row) for row in rows).most_common(1)[0]
    return count / len(rows), columns


def _comment_lines(sample: str) -> int:
    """Lines before the table: comments that begin with # or %, `sep=;` as Excel writes it, and blank lines."""
    skip = 0
    for line in sample.splitlines()[:100]:
        if line.strip() and not line.startswith(("#", "%")) and not line.lower().startswith("sep="):
            break
        skip += 1
    return skip if skip < len(sample.splitlines()) else 0
