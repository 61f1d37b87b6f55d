"""Bad input and bad luck: one clear sentence, nothing left behind, nothing else harmed."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from engine import api
from engine.data import importing
from engine.errors import EngineError, ErrorKind
from engine.store.home import home

TABLE = "a,b,label\n" + "1.5,2,x\n2.5,3,y\n" * 20


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest, workspace: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    """A good data set is there before; it, and nothing else, is there after."""
    if request.node.get_closest_marker("child") is None:
        request.getfixturevalue("import_in_process")
    (tmp_path / "good.csv").write_text(TABLE)
    record = api.import_data([tmp_path / "good.csv"])
    yield
    assert [entry.name for entry in (home() / "datasets").iterdir()] == [record.id]
    assert api.rows(record.id)["label"][0] == "x"


def refused(*paths: Path, kind: ErrorKind = ErrorKind.BAD_INPUT) -> str:
    with pytest.raises(EngineError) as caught:
        api.import_data(list(paths))
    assert caught.value.kind == kind, str(caught.value)
    text = str(caught.value)
    assert "{" not in text
    assert "Traceback" not in text
    assert caught.value.hint
    return text


def png(size: tuple[int, int] = (8, 8)) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 50).save(out, "PNG")
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pd.DataFrame({"a": range(500), "label": ["x", "y"] * 250}).to_parquet(out)
    return out.getvalue()


def zipped(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


IDX = b"\x00\x00\x08\x03" + np.array([50, 6, 5], ">u4").tobytes() + bytes(700)  # 1,500 bytes are announced
CASES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty": ("a.csv", lambda: b"", "is empty"),
    "header only": ("a.csv", lambda: b"a,b,label\n", "no rows"),
    "one column": ("a.csv", lambda: b"a\n1\n2\n3\n", "no columns"),
    "a PNG called csv": ("a.csv", png, "single picture"),
    "a program": ("a.csv", lambda: b"\x7fELF" + bytes(500), "Nothing that can be read"),
    "truncated Parquet": ("a.parquet", lambda: parquet()[:900], "truncated or corrupt"),
    "truncated zip": ("a.zip", lambda: zipped({"a.csv": TABLE.encode() * 99})[:-40], "truncated or corrupt"),
    "truncated JSON": ("a.json", lambda: b'[{"a": 1, "b": 2}, {"a": 3', "JSON"),
    "broken JSON line": ("a.jsonl", lambda: b'{"a": 1, "b": 2}\n{"a": ', "line 2"),
    "truncated workbook": ("a.xlsx", lambda: zipped({"[Content_Types].xml": b"<", "xl/workbook.xml": b"<"}), "corrupt"),
    "truncated IDX": ("train-images-idx3-ubyte", lambda: IDX, "ends after 700 of 1500"),
    "pickles in NPZ": (
        "a.npz",
        lambda: npz(x=np.array([{}, {}], dtype=object), y=np.arange(2)),
        "Python objects",
    ),
    "NPZ without labels": ("a.npz", lambda: npz(z=np.zeros((3, 4, 4))), "no arrays of inputs and labels"),
    "NPZ of other lengths": ("a.npz", lambda: npz(images=np.zeros((3, 4, 4), "u1"), labels=np.arange(2)), "2 labels"),
    "archives only": ("a.zip", lambda: zipped({"b.zip": zipped({"a.csv": TABLE.encode()})}), "holds archives only"),
    "leaves upwards": ("a.zip", lambda: zipped({"../../evil.csv": TABLE.encode()}), "outside of its folder"),
    "absolute path": ("a.zip", lambda: zipped({"/evil.csv": TABLE.encode()}), "outside of its folder"),
    "one class folder": ("a.zip", lambda: zipped({f"cats/{i}.png": png() for i in range(4)}), "one class folder, cats"),
    "no class folders": ("a.zip", lambda: zipped({f"{i}.png": png() for i in range(4)}), "class folder"),
    "prose": (
        "a.txt",
        lambda: b"Once upon a time there was a text\nthat had lines but no columns\n\nThe end",
        "column",
    ),
    "10,000 columns": (
        "a.csv",
        lambda: (",".join(f"c{i}" for i in range(10_000)) + "\n" + (",".join(["1"] * 10_000) + "\n") * 3).encode(),
        "10000 columns; at most 2048",
    ),
    "bomb": ("a.zip", lambda: zipped({"a.csv": bytes(120 << 20)}), "more than 200 times"),
    "sound": ("a.wav", lambda: b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40), "sound files"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_files_get_one_clear_sentence(case: str, tmp_path: Path) -> None:
    name, make, expected = CASES[case]
    path = tmp_path / "given" / name
    path.parent.mkdir()
    path.write_bytes(make())
    kind = ErrorKind.BAD_DATA if "class" in case else ErrorKind.BAD_INPUT
    assert expected in refused(path, kind=kind)


@pytest.mark.child
@pytest.mark.parametrize("case", ["empty", "bomb"])
def test_the_child_says_the_same(case: str, tmp_path: Path) -> None:
    test_bad_files_get_one_clear_sentence(case, tmp_path)


@pytest.mark.child
def test_kinds_go_by_content(tmp_path: Path) -> None:
    (tmp_path / "really-a-zip.csv").write_bytes(zipped({"good.csv": TABLE.encode()}))
    assert api.import_data([tmp_path / "really-a-zip.csv"]).name == "good"  # the same rows: the first record


def test_links_in_archives_are_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        entry = tarfile.TarInfo("good.csv")
        entry.size = len(TABLE)
        tar.addfile(entry, io.BytesIO(TABLE.encode()))
        for name, kind in (("passwd.csv", tarfile.SYMTYPE), ("hard.csv", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE)):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, "/etc/passwd"
            tar.addfile(link)
    assert api.import_data([tmp_path / "a.tar"]).rows == 40


def test_a_link_out_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "good.csv").write_text(TABLE)
    (tmp_path / "secret.csv").write_text("secret,key\n1,2\n3,4\n")
    (tmp_path / "folder" / "link.csv").symlink_to(tmp_path / "secret.csv")
    assert [column.name for column in api.import_data([tmp_path / "folder"]).columns] == ["a", "b", "label"]


def test_a_picture_too_large_is_left_out(tmp_path: Path) -> None:
    from engine.data.pictures import UnreadablePictureError, decode

    Image.new("1", (9000, 8000)).save(tmp_path / "bomb.png")  # 72 million pixels in a few kilobytes
    with pytest.raises(UnreadablePictureError, match="9000 × 8000"):
        decode(tmp_path / "bomb.png")


def test_a_nearly_full_disk_is_refused_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "RESERVED_DISK_BYTES", 1 << 60)
    assert "free" in refused(tmp_path / "good.csv", kind=ErrorKind.OUT_OF_DISK)


@pytest.mark.child
def test_a_disk_that_fills_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A full disk without filling one: the child runs with a stdlib hook that gives ENOSPC on writing the manifest.
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        "import errno, pathlib\n"
        "def full(self, *args, **kwargs):\n"
        "    raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "pathlib.Path.write_text = full\n"
    )
    (tmp_path / "new.csv").write_text(TABLE.replace("1.5", "7.5"))
    monkeypatch.setenv("PYTHONPATH", str(hook))
    assert "disk is full" in refused(tmp_path / "new.csv", kind=ErrorKind.OUT_OF_DISK)


@pytest.mark.child
def test_a_child_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []
    real = subprocess.Popen

    def kill_at_once(*args: object, **kwargs: object) -> subprocess.Popen[str]:
        child = real(*args, **kwargs)  # type: ignore[call-overload]
        child.send_signal(signal.SIGKILL)
        started.append(child)
        return child

    monkeypatch.setattr(importing.subprocess, "Popen", kill_at_once)
    assert "memory" in refused(tmp_path / "good.csv", kind=ErrorKind.OUT_OF_MEMORY)
    assert len(started) == 1


@pytest.mark.child
def test_too_much_memory_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "CHILD_MEMORY_BYTES", 1)
    monkeypatch.setattr(importing, "_WATCH_EVERY_S", 0.001)
    assert "memory" in refused(tmp_path / "good.csv", kind=ErrorKind.OUT_OF_MEMORY)


def test_the_folder_of_a_dead_import_is_swept_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    dead = home() / "datasets" / ".import-dead"
    dead.mkdir()
    (dead / "lock").touch()
    (dead / "half.parquet").write_bytes(b"x" * 1000)
    with importing.draft_folder() as living:
        assert not dead.exists()
        importing.sweep()
        assert living.is_dir()


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "engine.data.import_child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    os.mkfifo(tmp_path / "never.csv")  # opening it waits for a writer for ever
    request = (
        f'{{"folder": "{tmp_path}/w", "paths": ["{tmp_path}/never.csv"], "options": {{}}, "name": "", "source": ""}}'
    )
    child.stdin.write(request + "\n")
    child.stdin.flush()
    child.stdout.readline()
    child.stdin.close()
    assert child.wait(timeout=30) in (0, 1)
    child.stdout.close()
