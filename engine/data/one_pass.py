"""A strict CSV file to typed columns in one pass: types are guessed from a sample and held to every value.

A value that the guess does not read ends the pass; the column then gets the next form that its sample allows, at last
text, and the file is read again. So the answer is the one that `engine.data.columns` comes to in three passes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.data import database
from engine.data.columns import begins_padded, cleaned, count_values, date_formats, is_gap, trimmed, warn_of_words
from engine.data.database import quote
from engine.data.readers.base import Context
from engine.text import N_

_MOST_PASSES = 6  # then counting everything first is quicker
_MOST_COLUMNS = 200  # beyond it, the steps of all columns together take more than DuckDB's memory
_MARK = "lathe_column"
_WHOLE, _NUMBER, _COMMA, _TEXT, _EMPTY = "whole", "number", "comma", "text", "empty"  # else: a date format


@dataclass
class _Column:
    """A column with the forms that it may have, the first that fits all values to be taken."""

    name: str
    forms: list[str]
    mixed: bool = False  # numbers were seen in it, so that words are to be named

    @property
    def form(self) -> str:
        """The form that is tried."""
        return self.forms[0]


@dataclass
class OnePass:
    """The strict reading of one file."""

    reading: str  # SQL that reads the file with all columns as text
    file: str  # its name, as a person knows it
    columns: Sequence[str]
    decimal_comma: bool
    context: Context
    _ladders: list[_Column] = field(default_factory=list)

    def run(self, head: Sequence[Sequence[str]], more: Sequence[Sequence[str]], target: Path) -> bool:
        """Write typed columns to `target`.

        Args:
            head: the first records, which are certain.
            more: records from further on; where a text has line breaks they may be none, so they only bring forward
                what the pass would find.
            target: a Parquet file.

        Returns:
            False where the guesses do not come to an end: then every value is to be counted first.

        Raises:
            duckdb.Error: where the file is not written strictly, or the disk is full.
        """
        import duckdb

        if len(self.columns) > _MOST_COLUMNS:
            return False
        connection = database.connect(self.context.work_dir)
        try:
            self._ladders = self._guess(connection, head, more)
            for _ in range(_MOST_PASSES):
                try:
                    self._write(connection, target)
                except duckdb.Error as error:
                    target.unlink(missing_ok=True)
                    if not self._step_down(error):
                        return False
                    continue
                self._name_words(connection, target)
                return True
            return False
        finally:
            connection.close()

    def _guess(self, connection: Any, head: Sequence[Sequence[str]], more: Sequence[Sequence[str]]) -> list[_Column]:
        certain = self._forms(connection, head)
        likely = self._forms(connection, [*head, *more])
        return [
            sure if guess.forms == [_TEXT] or guess.forms[0] not in sure.forms else guess
            for sure, guess in zip(certain, likely, strict=True)
        ]

    def _forms(self, connection: Any, records: Sequence[Sequence[str]]) -> list[_Column]:
        width = len(self.columns)
        rows = [record for record in records if len(record) == width]
        cells = [list(values) for values in zip(*rows, strict=True)] if rows else [[] for _ in self.columns]
        values = ", ".join(f"unnest(?::VARCHAR[]) AS {quote(name)}" for name in self.columns)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE sample AS SELECT {values}", cells).fetchall()
        counts = count_values(connection, "sample", self.columns, decimal_comma=self.decimal_comma)
        found: list[_Column] = []
        for name, count in counts.items():
            comma = [_COMMA] if self.decimal_comma else []
            forms = [_TEXT]
            if count.present == 0:
                forms = [_EMPTY, _WHOLE, _NUMBER]
            elif count.padded:
                pass
            elif count.whole == count.present:
                forms = [_WHOLE, _NUMBER, *comma, _TEXT]
            elif count.numbers == count.present:
                forms = [_NUMBER, *comma, _TEXT]
            elif comma and count.comma_numbers == count.present:
                forms = [_COMMA, _TEXT]
            elif count.numbers == 0:
                forms = [*date_formats(connection, "sample", name), _TEXT]
            found.append(_Column(name, forms, mixed=count.numbers > 0))
        return found

    def _write(self, connection: Any, target: Path) -> None:
        with database.progress_of(
            connection, lambda share: self.context.progress(0.1 + 0.6 * share, N_("Reading the rows"))
        ):
            connection.execute(database.copy_to(_query(self._ladders, self.reading), target))

    def _step_down(self, error: Exception) -> bool:
        """Give the column that an error speaks of its next form; False where it has none."""
        found = re.search(rf"{_MARK}_(\d+)", str(error))
        if found is None:
            raise error
        column = self._ladders[int(found.group(1))]
        column.forms = column.forms[1:]
        return bool(column.forms)

    def _name_words(self, connection: Any, target: Path) -> None:
        names = [column.name for column in self._ladders if column.mixed and column.form == _TEXT]
        counts = count_values(connection, database.source(target), names, decimal_comma=False)
        for name in names:
            if not counts[name].padded:
                warn_of_words(self.context, self.file, name, counts[name])


def _query(columns: Sequence[_Column], reading: str) -> str:
    """SQL that reads all columns in their forms. What most values need is done once, in the inner query."""
    inner = ", ".join(_tried(column.name, column.form, place) for place, column in enumerate(columns))
    outer = ", ".join(
        f"{_strict(column.name, column.form, place)} AS {quote(column.name)}" for place, column in enumerate(columns)
    )
    return f"SELECT {outer} FROM (SELECT {inner} FROM {reading})"  # noqa: S608 - names are quoted


def _tried(name: str, form: str, place: int) -> str:
    """SQL of a column as text, and where it should be numbers, of its values as numbers beside it."""
    value = quote(name)
    kinds = {_WHOLE: "BIGINT", _NUMBER: "DOUBLE"}
    return f"{value}, TRY_CAST({value} AS {kinds[form]}) AS {_MARK}_{place}" if form in kinds else value


def _strict(name: str, form: str, place: int) -> str:
    """SQL of a column in a form; it fails, naming the place of the column, where a value does not have the form.

    Most values are read as they stand; only what is not goes through trimming. Steps are few, for each holds a vector.
    """
    value = quote(name)
    refused = f"error('{_MARK}_{place}: ' || left({value}, 40))"
    if form == _TEXT:
        return cleaned(name)
    if form == _EMPTY:
        return f"CASE WHEN {value} IS NULL OR {is_gap(value)} THEN NULL ELSE CAST({refused} AS VARCHAR) END"
    kind, template, plain, taken = _reading_of(form, value, f"{_MARK}_{place}")
    bare = trimmed(value)
    read = template.replace("{}", bare)
    fits = f"NOT regexp_full_match({bare}, '0[0-9]+')"
    if form == _WHOLE:
        fits = f"regexp_full_match({bare}, '[+-][0-9]+|0|[1-9][0-9]*')"
    return (
        f"CASE WHEN {plain} THEN {taken} WHEN {value} IS NULL OR {is_gap(value)} THEN NULL "
        f"WHEN {fits} AND TRY({read}) IS NOT NULL THEN {read} ELSE CAST({refused} AS {kind}) END"
    )


def _reading_of(form: str, value: str, tried: str) -> tuple[str, str, str, str]:
    """The SQL type of a form, how a text (`{}`) is read, when a value is plain, and what it is then."""
    unpadded = f"{value} > '!' AND NOT {begins_padded(value)}"
    if form == _WHOLE:
        return "BIGINT", "CAST({} AS BIGINT)", f"CAST({tried} AS VARCHAR) = {value}", tried
    if form == _NUMBER:
        return "DOUBLE", "CAST({} AS DOUBLE)", f"isfinite({tried}) AND {unpadded}", tried
    if form == _COMMA:
        read = f"CAST(replace({value}, ',', '.') AS DOUBLE)"
        return "DOUBLE", "CAST(replace({}, ',', '.') AS DOUBLE)", f"isfinite(TRY_{read}) AND {unpadded}", read
    read = f"strptime({{}}, {database.literal(form)})"
    return "TIMESTAMP", f"CAST({read} AS TIMESTAMP)", f"TRY_{read.format(value)} IS NOT NULL", read.format(value)
