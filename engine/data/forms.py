"""Columns of text in the forms that they may have: whole numbers, numbers, dates, text.

What nearly all values look like is read by Arrow, many at once. Where a portion holds anything else (blanks, a plus,
007, a date without zeros), DuckDB looks at its values one by one, in the sense of `engine.data.columns`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.data import database
from engine.data.blocks import one_array
from engine.data.columns import BLANKS, GAPS, is_gap, trimmed

WHOLE, NUMBER, COMMA, TEXT, EMPTY = "whole", "number", "comma", "text", "empty"  # else: the format of a date
_REFUSED = "lathe: no such value"
_ZERO, _NINE, _DASH = ord("0"), ord("9"), ord("-")
_BLANK_BYTES = sorted({char.encode()[end] for char in BLANKS for end in (0, -1)})  # one may begin or end with these
_ISO_DATES = {"%Y-%m-%d": (10, b""), "%Y-%m-%d %H:%M": (16, b" "), "%Y-%m-%d %H:%M:%S": (19, b" "),
              "%Y-%m-%dT%H:%M:%S": (19, b"T")}  # fmt: skip # what stands between day and time


class RefusedError(Exception):
    """A value that the form of its column does not read."""


def convert(values: Any, form: str, connection: Any) -> Any:
    """An array of text in a form, gaps as null.

    Args:
        values: text, with null for the plainly written gaps.
        form: one of those above, or the format of a date.
        connection: a DuckDB connection of this thread's own.

    Raises:
        RefusedError: where a value does not have the form.
    """
    import pyarrow as pa

    if form == TEXT:
        return _text(values)
    if values.null_count == len(values):
        return pa.nulls(len(values), _kind(form))
    found = _quickly(values, form)
    if found is None and (bare := _text(values)) is not values:
        found = _quickly(bare, form)
    return _carefully(values, form, connection) if found is None else found


def _quickly(values: Any, form: str) -> Any:
    """The values where all are written plainly, else None."""
    import pyarrow as pa
    from pyarrow import compute

    look = _Characters(values)
    if form == WHOLE and look.leads(_ZERO, longer_than=1):
        return None  # 007, 0x1F
    if form == COMMA:
        values = compute.replace_substring(values, ",", ".")
    if form in (NUMBER, COMMA) and look.padded():
        return None
    if form in _ISO_DATES and not look.all_like(*_ISO_DATES[form]):
        return None
    if form == EMPTY or (form not in (WHOLE, NUMBER, COMMA) and form not in _ISO_DATES):
        return None
    try:
        found = values.cast(_kind(form))
    except pa.ArrowInvalid:
        return None
    if form in (NUMBER, COMMA) and not compute.all(compute.is_finite(found), min_count=0).as_py():
        return None
    return found


def _kind(form: str) -> Any:
    import pyarrow as pa

    if form in (TEXT, EMPTY):
        return pa.string()
    if form == WHOLE:
        return pa.int64()
    return pa.float64() if form in (NUMBER, COMMA) else pa.timestamp("us")


def _text(values: Any) -> Any:
    """Text without blanks around it; what is a gap without them is one."""
    import pyarrow as pa
    from pyarrow import compute

    if not _Characters(values).blank_at_an_end():
        return values
    values = compute.utf8_trim(values, characters=BLANKS)
    gap = compute.is_in(values, value_set=pa.array(GAPS, pa.string()))
    return compute.if_else(gap, None, values)


def _carefully(values: Any, form: str, connection: Any) -> Any:
    import duckdb
    import pyarrow as pa

    cursor = connection.cursor()
    try:
        cursor.register("portion", pa.table({"v": values}))
        found = cursor.sql(f"SELECT {_strict('v', form)} AS v FROM portion").to_arrow_table()  # noqa: S608
    except duckdb.Error as error:
        if _REFUSED in str(error):
            raise RefusedError from None
        raise
    finally:
        cursor.close()
    return one_array(found.column(0)).cast(_kind(form))


def _strict(value: str, form: str) -> str:
    """SQL of a text in a form; it fails where the value does not have the form."""
    refused = f"error({database.literal(_REFUSED)})"
    if form == EMPTY:
        return f"CASE WHEN {value} IS NULL OR {is_gap(value)} THEN NULL ELSE CAST({refused} AS VARCHAR) END"
    bare = trimmed(value)
    fits = f"NOT regexp_full_match({bare}, '0[0-9]+')"
    if form == WHOLE:
        kind, read = "BIGINT", f"CAST({bare} AS BIGINT)"
        fits = f"regexp_full_match({bare}, '[+-][0-9]+|0|[1-9][0-9]*')"
    elif form == NUMBER:
        kind, read = "DOUBLE", f"CAST({bare} AS DOUBLE)"
    elif form == COMMA:
        kind, read = "DOUBLE", f"CAST(replace({bare}, ',', '.') AS DOUBLE)"
    else:
        kind, read = "TIMESTAMP", f"CAST(strptime({bare}, {database.literal(form)}) AS TIMESTAMP)"
    return (
        f"CASE WHEN {value} IS NULL OR {is_gap(value)} THEN NULL "
        f"WHEN {fits} AND TRY({read}) IS NOT NULL THEN {read} ELSE CAST({refused} AS {kind}) END"
    )


class _Characters:
    """The characters of an array of text, to look at single ones of all values at once."""

    def __init__(self, values: Any) -> None:
        offsets = np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]
        self._starts, self._ends = offsets[:-1], offsets[1:]
        self._all = np.frombuffer(values.buffers()[2] or b"", np.uint8)
        self._lengths = self._ends - self._starts

    def _at(self, places: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        return self._all.take(places, mode="clip") if len(self._all) else np.zeros(len(places), np.uint8)

    def leads(self, character: int, *, longer_than: int) -> bool:
        """Whether a value begins with a character and is longer than so many."""
        return bool(((self._at(self._starts) == character) & (self._lengths > longer_than)).any())

    def padded(self) -> bool:
        """Whether a value begins with a zero and another digit."""
        zeros = np.flatnonzero((self._at(self._starts) == _ZERO) & (self._lengths > 1))
        second = self._at(self._starts[zeros] + 1)
        return bool(((second >= _ZERO) & (second <= _NINE)).any())

    def all_like(self, length: int, divider: bytes) -> bool:
        """Whether all values are so long, with a character after the day where one is given."""
        full = self._lengths > 0
        starts = self._starts[full]
        if not (self._lengths[full] == length).all():
            return False
        return not divider or bool((self._at(starts + 10) == divider[0]).all())

    def blank_at_an_end(self) -> bool:
        """Whether a value may begin or end with a blank."""
        full = self._lengths > 0
        starts, ends = self._starts[full], self._ends[full]
        blank = np.zeros(256, dtype=bool)
        blank[_BLANK_BYTES] = True
        return bool(blank[self._at(starts)].any() or blank[self._at(ends - 1)].any())
