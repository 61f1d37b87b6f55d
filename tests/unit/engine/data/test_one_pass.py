"""One pass over a strict CSV comes to what three passes that look at everything come to."""

from pathlib import Path

import pandas as pd
import pytest

from engine.data.columns import type_columns
from engine.data.readers import load_readers
from engine.data.readers.base import TABLE_READERS, Context, FileKind, SourceFile, Table

ROWS = 30_000  # beyond a quarter MiB, so that the strict reader is taken
DEEP = 20_011  # a row far behind the sample


def number(row: int) -> str:
    return str(row % 997)


COLUMNS = {
    "whole": lambda row: number(row),
    "signed": lambda row: ("-" if row % 2 else "+" if row == DEEP else "") + number(row),
    "blank around": lambda row: f" {row % 50} " if row % 3 else str(row % 50),
    "real": lambda row: f"{row / 7:.6f}",
    "scientific": lambda row: f"{row}e-3",
    "point deep down": lambda row: "2.5" if row == DEEP else number(row),
    "gaps": lambda row: ["NA", "", "nan", "inf", "None", "7.5"][row % 6],
    "odd gaps deep down": lambda row: "  #N/A " if row == DEEP else number(row),
    "infinite": lambda row: "-inf" if row % 2 else "1.5",
    "word deep down": lambda row: "about 5" if row == DEEP else number(row),
    "code": lambda row: f"{row % 900:04d}",
    "code deep down": lambda row: "007" if row == DEEP else number(row),
    "blank code deep down": lambda row: " 007" if row == DEEP else number(row),
    "too long deep down": lambda row: "9" * 25 if row == DEEP else number(row),
    "negative code": lambda row: "-007" if row == DEEP else number(row),
    "underscore": lambda row: "1_000" if row == DEEP else number(row),
    "hexadecimal": lambda row: "0x1F" if row == DEEP else number(row),
    "day": lambda row: f"2021-{row % 12 + 1:02d}-{row % 28 + 1:02d}",
    "day and time": lambda row: f"2021-03-04 05:06:{row % 60:02d}",
    "month first, deep down day": lambda row: f"{row % 12 + 1 if row < DEEP else 13:02d}/{row % 12 + 1:02d}/2020",
    "no day deep down": lambda row: "soon" if row == DEEP else "2021-01-05",
    "empty": lambda row: "",
    "empty but one": lambda row: "5" if row == DEEP else "",
    "words": lambda row: ["no", "nan", "Inf", "None of them", " n/a", "yes\u3000"][row % 6],
    "names": lambda row: f"Nina {row}",
    "chinese": lambda row: "北京" if row % 2 else "\u3000上海 ",
}


def read(path: Path, folder: Path, *, alone: bool) -> tuple[pd.DataFrame, list[str], Table]:
    load_readers()
    context = Context(folder / "work", folder / "draft", alone=alone)
    table = TABLE_READERS[FileKind.DELIMITED](SourceFile(path, path.name, FileKind.DELIMITED), context)
    final = table.path
    if not table.final:
        final = folder / "typed.parquet"
        type_columns(table, final, context)
    said = [str(notice["message"]).format(**notice["values"]) for notice in context.notices]
    return pd.read_parquet(final), sorted(said), table


def write(path: Path, names: list[str], delimiter: str = ",") -> None:
    lines = [delimiter.join(f'"{name}"' for name in names)]
    lines += [delimiter.join(COLUMNS[name](row) for name in names) for row in range(ROWS)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("group", range(6))
def test_one_pass_reads_what_three_read(group: int, tmp_path: Path) -> None:
    names = list(COLUMNS)[group::6]
    write(tmp_path / "a.csv", ["whole", "names", *[name for name in names if name not in ("whole", "names")]])
    quick, said, table = read(tmp_path / "a.csv", tmp_path / "one", alone=True)
    careful, expected, _ = read(tmp_path / "a.csv", tmp_path / "three", alone=False)
    assert table.final
    pd.testing.assert_frame_equal(quick, careful)
    assert said == expected


@pytest.mark.slow
def test_the_kinds_are_those_that_a_person_sees(tmp_path: Path) -> None:
    names = ["whole", "real", "gaps", "code deep down", "day", "word deep down", "point deep down", "empty but one"]
    write(tmp_path / "a.csv", names)
    frame, said, _ = read(tmp_path / "a.csv", tmp_path / "one", alone=True)
    kinds = [str(frame[name].dtype).split("[")[0] for name in names]
    assert kinds == ["int64", "float64", "float64", "str", "datetime64", "str", "float64", "float64"]
    assert frame["gaps"].isna().sum() == ROWS * 5 // 6
    assert frame["code deep down"][DEEP] == "007"
    assert said == ["The column word deep down in a.csv holds numbers, but also 1 other values: it was kept as text."]


def test_decimal_commas_also_deep_down(tmp_path: Path) -> None:
    rows = "".join(f"{row};{row},5;{'1,25' if row == DEEP else row}\n" for row in range(ROWS))
    (tmp_path / "a.csv").write_text("a;b;c\n" + rows)
    quick, _, table = read(tmp_path / "a.csv", tmp_path / "one", alone=True)
    careful, _, _ = read(tmp_path / "a.csv", tmp_path / "three", alone=False)
    assert table.final
    assert quick["c"][DEEP] == 1.25
    pd.testing.assert_frame_equal(quick, careful)


def test_what_is_not_strict_is_read_line_by_line(tmp_path: Path) -> None:
    rows = "".join(f"{row},{row / 3:.3f},x\n" if row != DEEP else "5\n" for row in range(ROWS))
    (tmp_path / "a.csv").write_text("a,b,label\n" + rows)
    frame, said, table = read(tmp_path / "a.csv", tmp_path / "one", alone=True)
    assert not table.final
    assert len(frame) == ROWS
    assert pd.isna(frame["b"][DEEP])
    assert said == ["1 lines of a.csv had too few values and were filled up with gaps."]
