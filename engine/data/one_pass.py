"""A strict CSV file to typed columns in one pass: types are guessed from a sample and held to every value.

A value that the guess does not read gives its column the next form that its sample allows, at last text. The rest of
the file is then only looked at, so that all surprises are known at its end, and the file is read again. So the answer
is the one that `engine.data.columns` comes to in three passes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.data import database
from engine.data.blocks import Block, Strict
from engine.data.columns import DATE_FORMATS, MISSING, count_values, warn_of_words
from engine.data.fingerprint import ColumnHashes
from engine.data.forms import COMMA, EMPTY, NUMBER, TEXT, WHOLE, RefusedError, convert
from engine.data.parquet_writer import RowsWriter
from engine.data.readers.base import Context
from engine.text import N_

_THREADS = 2
_BLOCKS_AHEAD = 4  # each takes some 10 MB while it is read
_CELLS_SEEN = 400_000  # of wide tables fewer records are looked at before
_LOOKED_AT = 20


@dataclass
class _Column:
    """A column with the forms that it may have, the first that fits all values to be taken."""

    name: str
    forms: list[str]
    mixed: bool = False  # numbers were seen in it, or might be, so that words are to be named
    place: int = 0  # of the form that is tried

    @property
    def form(self) -> str:
        """The form that is tried."""
        return self.forms[self.place]


@dataclass
class OnePass:
    """The strict reading of one file."""

    strict: Strict
    file: str  # its name, as a person knows it
    columns: Sequence[str]
    decimal_comma: bool
    context: Context
    _columns: list[_Column] = field(default_factory=list)

    def run(self, head: Sequence[Sequence[str]], more: Sequence[Sequence[str]], target: Path) -> bytes:
        """Write typed columns to `target`.

        Args:
            head: the first records, which are certain.
            more: records from further on; where a text has line breaks they may be none, so they only bring forward
                what the pass would find.
            target: a Parquet file.

        Returns:
            The hash over the columns, as `engine.data.fingerprint` takes it.

        Raises:
            NotStrictError: where the file is not written strictly.
            OSError: where the disk is full.
        """
        connection = database.connect(self.context.work_dir)
        try:
            self._columns = self._guess(connection, head, more)
            with ThreadPoolExecutor(_THREADS) as pool:
                found = self._write(connection, pool, target)
                while found is None:
                    found = self._write(connection, pool, target)
            self._name_words(connection, target)
            return found
        finally:
            connection.close()

    def _guess(self, connection: Any, head: Sequence[Sequence[str]], more: Sequence[Sequence[str]]) -> list[_Column]:
        certain = self._forms(connection, head)
        likely = self._forms(connection, [*head, *more])
        return [sure if guess.form == TEXT else guess for sure, guess in zip(certain, likely, strict=True)]

    def _forms(self, connection: Any, records: Sequence[Sequence[str]]) -> list[_Column]:
        """The first form of each column that some records have."""
        import pyarrow as pa

        width = len(self.columns)
        rows = [record for record in records if len(record) == width][:: max(len(records) * width // _CELLS_SEEN, 1)]
        cells: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * width
        forms = [EMPTY, WHOLE, NUMBER, *([COMMA] if self.decimal_comma else []), *DATE_FORMATS, TEXT]
        found: list[_Column] = []
        for name, values in zip(self.columns, cells, strict=True):
            column = _Column(name, forms, mixed=any(value[:1].isdigit() for value in values) or not any(values))
            array = pa.array(values, pa.string())
            dated = all(any(map(str.isdigit, value)) for value in values[:_LOOKED_AT] if value.lower() not in MISSING)
            self._settle(column, array, connection, dates=dated)
            found.append(column)
        return found

    @staticmethod
    def _settle(column: _Column, values: Any, connection: Any, *, dates: bool = True) -> Any:
        """Give a column the first form from its own on that values have; the values in that form."""
        while True:
            try:
                return convert(values, column.form, connection)
            except RefusedError:
                column.place += 1
            while column.form in DATE_FORMATS and not dates:
                column.place += 1

    def _write(self, connection: Any, pool: ThreadPoolExecutor, target: Path) -> bytes | None:
        """Write the file; None where a column was given another form on the way."""
        tried = [column.place for column in self._columns]
        hashes, right = ColumnHashes(), True
        with RowsWriter(target, self.columns) as writer:
            for arrays, places in self._portions(connection, pool):
                right = right and places == tried
                if right:
                    writer.write(arrays)
                    hashes.update(self.columns, arrays)
                    continue
                for column, place in zip(self._columns, places, strict=True):
                    column.place = max(column.place, place)
        return hashes.digest() if right else None

    def _portions(self, connection: Any, pool: ThreadPoolExecutor) -> Iterator[tuple[list[Any], list[int]]]:
        """The columns of each block in their forms, in order; some blocks ahead are read meanwhile."""
        size_bytes, done_bytes = max(self.strict.path.stat().st_size, 1), 0
        ahead: deque[tuple[int, Future[tuple[list[Any], list[int]]]]] = deque()
        for block in self.strict.blocks():
            ahead.append((len(block.text), pool.submit(self._typed, connection, block)))
            if len(ahead) < _BLOCKS_AHEAD:
                continue
            read_bytes, next_portion = ahead.popleft()
            yield next_portion.result()
            done_bytes += read_bytes
            self.context.progress(0.1 + 0.6 * done_bytes / size_bytes, N_("Reading the rows"))
        while ahead:
            yield ahead.popleft()[1].result()

    def _typed(self, connection: Any, block: Block) -> tuple[list[Any], list[int]]:
        """The columns of a block, each in the first form from the one that is tried on; and the places of these."""
        arrays: list[Any] = []
        places: list[int] = []
        for column, values in zip(self._columns, self.strict.texts(block), strict=True):
            tried = replace(column)  # other blocks are read at the same time
            arrays.append(self._settle(tried, values, connection))
            places.append(tried.place)
        return arrays, places

    def _name_words(self, connection: Any, target: Path) -> None:
        names = [column.name for column in self._columns if column.mixed and column.form == TEXT]
        counts = count_values(connection, database.source(target), names, decimal_comma=False)
        for name in names:
            if not counts[name].padded:
                warn_of_words(self.context, self.file, name, counts[name])
