"""Only what lies in an offered folder can be seen."""

import os
from pathlib import Path

import pytest

from engine.data.folders import allowed_folders, browse, check_allowed
from engine.errors import EngineError, ErrorKind


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two offered folders (the second is not there) beside one that is not offered."""
    folder = tmp_path / "offered"
    (folder / "Pets" / "cat").mkdir(parents=True)
    (folder / "b.csv").write_text("a,b\n1,2\n")
    (folder / "A.csv").write_text("a\n")
    (folder / ".hidden").write_text("x")
    (folder / "__MACOSX").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.csv").write_text("1,2\n")
    (folder / "way out").symlink_to(tmp_path / "secret")
    (folder / "inside").symlink_to(folder / "Pets")
    monkeypatch.setenv("LATHE_DATA_DIRS", os.pathsep.join([str(folder), str(tmp_path / "nowhere"), ""]))
    return folder


def test_folders_that_are_there_are_offered(offered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert allowed_folders() == [offered.resolve()]
    monkeypatch.delenv("LATHE_DATA_DIRS")
    assert allowed_folders() == []


def test_a_listing_has_folders_first_and_nothing_hidden_or_outside(offered: Path) -> None:
    entries = browse(offered)
    assert [(entry["name"], entry["is_folder"], entry["bytes"]) for entry in entries] == [
        ("inside", True, 0),
        ("Pets", True, 0),
        ("A.csv", False, 2),
        ("b.csv", False, 8),
    ]
    assert [entry["name"] for entry in browse(offered / "b.csv")] == [entry["name"] for entry in entries]


@pytest.mark.parametrize(
    "path", ["../secret", "../secret/key.csv", "way out", "way out/key.csv", "gone.csv", "/etc/passwd"]
)
def test_what_is_outside_is_not_found_whether_it_exists_or_not(path: str, offered: Path) -> None:
    for verb in (check_allowed, browse):
        with pytest.raises(EngineError) as caught:
            verb(offered / path)
        assert caught.value.kind is ErrorKind.NOT_FOUND
        assert "LATHE_DATA_DIRS" in caught.value.hint


def test_a_name_that_only_begins_as_an_offered_one_is_outside(offered: Path) -> None:
    twin = offered.with_name("offered too")
    twin.mkdir()
    with pytest.raises(EngineError):
        check_allowed(twin)
