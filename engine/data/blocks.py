"""The records of a strictly written file of delimited text, in blocks of whole records, as columns of text.

Strict is RFC 4180: every record has the same number of values, and quotation marks stand around a value or doubled
within one, nowhere else. Then the marks alone say which line breaks end a record, and each block can be read by itself,
several at once. Whatever is not strict is refused here and read line by line elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.data.columns import GAPS

_BLOCK_BYTES = 2 << 20  # some ten thousand rows: small beside the memory, large beside the cost of a call
_LONGEST_RECORD_BYTES = 64 << 20
_MANY_COLUMNS = 200  # Arrow builds a tree of the gap words for each column: beyond this, too many of them
_QUOTE, _LINE_FEED, _CARRIAGE_RETURN = 34, 10, 13


class NotStrictError(Exception):
    """A file that is not written strictly."""


class Block(NamedTuple):
    """Some whole records of a file, one after the other."""

    text: memoryview
    marked: bool  # quotation marks are among it
    first: bool  # the first one, which holds the names of the columns


@dataclass(frozen=True)
class Strict:
    """How a strictly written UTF-8 file is divided."""

    path: Path
    delimiter: str
    quoted: bool
    columns: int
    skip_lines: int
    named: bool  # the first record names the columns

    def blocks(self) -> Iterator[Block]:
        """The file in pieces that end where a record ends.

        Raises:
            NotStrictError: where a quotation mark stands elsewhere than it may, or a record has no end.
        """
        rest, first = memoryview(b""), True
        with open(self.path, "rb") as file:
            for _ in range(self.skip_lines):
                file.readline()
            while True:
                piece = bytearray(len(rest) + _BLOCK_BYTES)
                piece[: len(rest)] = rest
                read = file.readinto(memoryview(piece)[len(rest) :])
                filled = len(rest) + read
                end, marked = self._end(piece, filled, last=read == 0)
                if end:
                    yield Block(memoryview(piece)[:end], marked, first)
                    first = False
                if read == 0:
                    return
                rest = memoryview(piece)[end:filled]
                if len(rest) > _LONGEST_RECORD_BYTES:
                    raise NotStrictError

    def _end(self, piece: bytearray, filled: int, *, last: bool) -> tuple[int, bool]:
        """Where the last whole record of a piece ends, 0 where none ends; and whether there are quotation marks."""
        if not self.quoted or piece.find(b'"', 0, filled) < 0:
            return filled if last else piece.rfind(b"\n", 0, filled) + 1, False
        characters = np.frombuffer(piece, np.uint8, filled)
        marks = np.flatnonzero(characters == _QUOTE)
        end, before = filled, len(marks)
        while not last:
            end = piece.rfind(b"\n", 0, end) + 1
            before = int(np.searchsorted(marks, end))
            if before % 2 == 0:
                break
            end = int(marks[before - 1])  # within quotes: before the mark that opened them
        if before % 2:
            raise NotStrictError
        self._check_marks(characters[:end], marks[:before])
        return end, before > 0

    def _check_marks(self, characters: npt.NDArray[np.uint8], marks: npt.NDArray[np.intp]) -> None:
        """Hold that every odd mark begins a value, or follows another mark, and every even one ends one."""
        edges = np.zeros(256, dtype=bool)
        edges[[_QUOTE, _LINE_FEED, _CARRIAGE_RETURN, ord(self.delimiter)]] = True
        opening, closing = marks[::2], marks[1::2]
        before = characters.take(opening - 1, mode="clip")
        after = characters.take(closing + 1, mode="clip")  # the last of all is its own neighbour, a mark
        if not edges[before[opening > 0]].all() or not edges[after].all():
            raise NotStrictError

    def texts(self, block: Block) -> list[Any]:
        """The columns of a block as pyarrow arrays of text, with null where a value means a gap.

        Raises:
            NotStrictError: where a record has too few or too many values.
        """
        import pyarrow as pa
        from pyarrow import csv

        names = [str(place) for place in range(self.columns)]
        many = self.columns > _MANY_COLUMNS
        try:
            table = csv.read_csv(
                pa.py_buffer(block.text),
                read_options=csv.ReadOptions(use_threads=False, column_names=names, block_size=len(block.text) + 1),
                parse_options=csv.ParseOptions(
                    delimiter=self.delimiter,
                    quote_char='"' if self.quoted else False,
                    newlines_in_values=block.marked,
                ),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=True,
                    null_values=[""] if many else GAPS,
                ),
            )
        except pa.ArrowInvalid as error:
            raise NotStrictError from error
        if block.first and self.named:
            table = table.slice(1)
        arrays = [one_array(column) for column in table.columns]
        return _without_gaps(arrays) if many else arrays


def _without_gaps(arrays: list[Any]) -> list[Any]:
    """Columns of the same length, with null where a text means a gap; all are looked at in one call."""
    import pyarrow as pa
    from pyarrow import compute

    found = compute.is_in(pa.concat_arrays(arrays), value_set=pa.array(GAPS, pa.string()))
    rows = len(arrays[0])
    marks = [found.slice(place * rows, rows) for place in range(len(arrays))]
    return [
        compute.if_else(gaps, None, values) if gaps.true_count else values
        for values, gaps in zip(arrays, marks, strict=True)
    ]


def one_array(column: Any) -> Any:
    """A column of a table as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.combine_chunks() if column.num_chunks else column.type.wrap_array([])
