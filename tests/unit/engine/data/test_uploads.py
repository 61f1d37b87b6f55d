"""Uploads become data sets, whatever their names, and leave nothing behind."""

import io
from pathlib import Path

import pytest

from engine.data.uploads import import_text, import_uploads, place
from engine.errors import EngineError, ErrorKind

pytestmark = pytest.mark.usefixtures("import_in_process")  # the child has tests of its own

ROWS = "size,colour,price\n" + "".join(f"{n},{'red' if n % 2 else 'blue'},{n * 3}\n" for n in range(40))


def left_behind(workspace: Path) -> list[Path]:
    return [path for path in (workspace / "inbox").rglob("*") if path.is_file()]


def test_a_table_is_read_under_its_own_name(workspace: Path) -> None:
    record = import_uploads([("价格 表.csv", io.BytesIO(ROWS.encode()))])
    assert (record.rows, record.name) == (40, "价格 表")
    assert left_behind(workspace) == []


def test_pasted_rows_are_read() -> None:
    assert import_text(ROWS, name="prices").name == "prices"


@pytest.mark.parametrize(
    "name", ["../../evil.csv", "/etc/evil.csv", "..\\evil.csv", "a" * 400 + ".csv", "", "..", "\0"]
)
def test_names_cannot_leave_the_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    placed = place(folder, name, io.BytesIO(b"x"))
    assert placed.resolve().is_relative_to(folder)
    assert placed.read_bytes() == b"x"


def test_folders_and_double_names_are_kept_apart(tmp_path: Path) -> None:
    names = ["cats/1.png", "dogs/1.png", "cats/1.png"]
    placed = [place(tmp_path, name, io.BytesIO(b"")).relative_to(tmp_path).as_posix() for name in names]
    assert placed == ["cats/1.png", "dogs/1.png", "cats/1 (2).png"]


@pytest.mark.parametrize(("name", "content"), [("a.csv", b""), ("a.zip", b"PK\x03\x04 broken")])
def test_bad_files_are_named_and_leave_nothing(name: str, content: bytes, workspace: Path) -> None:
    with pytest.raises(EngineError):
        import_uploads([(name, io.BytesIO(content))])
    assert left_behind(workspace) == []


def test_nothing_is_said_to_be_nothing() -> None:
    with pytest.raises(EngineError) as no_file:
        import_uploads([])
    with pytest.raises(EngineError) as no_text:
        import_text("  \n")
    assert {no_file.value.kind, no_text.value.kind} == {ErrorKind.BAD_INPUT}
