"""Blocks of a strict file hold what Python's csv module reads; what is not strict is refused."""

import csv
from pathlib import Path

import pandas as pd
import pytest

from engine import api
from engine.data import blocks
from engine.data.blocks import NotStrictError, Strict

TRICKY = [
    ["id", "quoted", "broken", "number", "big", "day"],
    *[
        [
            f"user-{row:05d}",
            f'he said "{row}", twice' if row % 3 else "",
            f"line one\nline {row}\r\nlast, line" if row % 5 else "plain",
            "" if row % 7 == 0 else f"{row / 8}",
            str(9_007_199_254_740_993 + row),
            f"2024-02-{row % 28 + 1:02d}",
        ]
        for row in range(9_000)
    ],
]


@pytest.fixture
def tricky(tmp_path: Path) -> Path:
    with open(tmp_path / "tricky.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(TRICKY)
    return tmp_path / "tricky.csv"


@pytest.mark.parametrize("block_bytes", [1 << 12, 1 << 20])
def test_blocks_end_where_records_end(block_bytes: int, tricky: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_BLOCK_BYTES", block_bytes)
    strict = Strict(tricky, ",", True, 6, 0, True)
    found: list[tuple[str | None, ...]] = []
    for block in strict.blocks():
        found += zip(*(column.to_pylist() for column in strict.texts(block)), strict=True)
    assert found == [tuple(cell or None for cell in record) for record in TRICKY[1:]]


@pytest.mark.parametrize(
    "text", ['a,5" pipe\n', 'a, "x"\n', '"x"y,b\n', 'a,"never closed\n', "a\nb,c\n", "a,b,c\n"], ids=str
)
def test_what_is_not_strict_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" * 3 + text + "a,b\n" * 3)
    strict = Strict(tmp_path / "a.csv", ",", True, 2, 0, True)
    with pytest.raises(NotStrictError):
        list(map(strict.texts, strict.blocks()))


@pytest.mark.slow
def test_the_profile_is_what_pandas_finds(tricky: Path, import_in_process: None) -> None:
    record = api.import_data([tricky], options={"target": "number"})
    frame = pd.read_csv(tricky)
    columns = {column["name"]: column for column in api.profile(record.id)["columns"]}
    for name in frame:
        assert columns[name]["missing"] == frame[name].isna().sum(), name
        assert columns[name]["distinct"] == frame[name].nunique(), name
    number, described = columns["number"], frame["number"].describe()
    assert [number["mean"], number["std"]] == pytest.approx([described["mean"], described["std"]])
    assert [number["quantiles"][q] for q in ("0.25", "0.5", "0.75")] == list(described[["25%", "50%", "75%"]])
    assert sum(number["histogram"]["counts"]) == described["count"]
    assert columns["day"]["min"] == "2024-02-01T00:00:00"
    assert [columns[name]["kind"] for name in ("id", "big", "day")] == ["identifier", "identifier", "date"]
    assert api.rows(record.id, limit=3)["big"].tolist() == frame["big"][:3].tolist()  # beyond 2^53
    assert api.rows(record.id, limit=9_000)["broken"].tolist() == frame["broken"].tolist()


def test_gaps_of_wide_files_are_found_in_every_block(tmp_path: Path) -> None:
    width = 400
    gaps = ["NA", "", "null", "?"]
    rows = [[gaps[(row + place) % 4] if (row * place) % 11 == 3 else "1.25" for place in range(width)]
            for row in range(2_500)]  # fmt: skip
    with open(tmp_path / "wide.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([[f"c{place}" for place in range(width)], *rows])
    strict = Strict(tmp_path / "wide.csv", ",", False, width, 0, True)
    found: list[tuple[str | None, ...]] = []
    pieces = list(strict.blocks())
    for block in pieces:
        found += zip(*(column.to_pylist() for column in strict.texts(block)), strict=True)
    assert len(pieces) > 1
    assert found == [tuple("1.25" if cell == "1.25" else None for cell in row) for row in rows]
