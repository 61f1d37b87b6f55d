"""A checkpoint is whole or counts as not written."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.errors import EngineError, ErrorKind
from engine.training import checkpoints

GROUPS = {"model": [np.arange(6.0).reshape(2, 3), np.array(3, np.int64)], "optimizer": [np.ones(2, np.float32)]}


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    path = checkpoints.write(tmp_path / "c", 7, GROUPS, {"step": 7})
    assert path == tmp_path / "c" / "000000000007"
    found = checkpoints.newest(tmp_path / "c")
    assert found is not None
    assert found.state == {"step": 7}
    assert found.best is None
    for name, arrays in GROUPS.items():
        for expected, array in zip(arrays, found.groups[name], strict=True):
            np.testing.assert_array_equal(array, expected)
            assert array.dtype == expected.dtype


def test_the_two_newest_are_kept(tmp_path: Path) -> None:
    for number in (1, 2, 30):
        checkpoints.write(tmp_path, number, GROUPS, {"step": number})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000000002", "000000000030"]


def test_the_same_step_may_be_written_again(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, 1, GROUPS, {"try": 1})
    checkpoints.write(tmp_path, 1, GROUPS, {"try": 2})
    found = checkpoints.newest(tmp_path)
    assert found is not None
    assert found.state == {"try": 2}


@pytest.mark.parametrize("damage", ["truncate", "flip", "missing", "no manifest", "bad manifest"])
def test_a_damaged_newest_falls_back_to_the_one_before(tmp_path: Path, damage: str) -> None:
    checkpoints.write(tmp_path, 1, GROUPS, {"step": 1})
    newest = checkpoints.write(tmp_path, 2, GROUPS, {"step": 2})
    arrays = newest / checkpoints.ARRAYS
    if damage == "truncate":
        arrays.write_bytes(arrays.read_bytes()[:-20])
    elif damage == "flip":
        content = bytearray(arrays.read_bytes())
        content[len(content) // 2] ^= 1
        arrays.write_bytes(content)
    elif damage == "missing":
        arrays.unlink()
    elif damage == "no manifest":
        (newest / checkpoints.MANIFEST).unlink()
    else:
        (newest / checkpoints.MANIFEST).write_text(json.dumps({"files": []}))
    found = checkpoints.newest(tmp_path)
    assert found is not None
    assert found.state == {"step": 1}


def test_a_half_written_folder_is_not_seen_and_is_cleared_away(tmp_path: Path) -> None:
    half = tmp_path / ".000000000005-123.partial"
    half.mkdir(parents=True)
    (half / checkpoints.ARRAYS).write_bytes(b"half")
    assert checkpoints.newest(tmp_path) is None
    checkpoints.write(tmp_path, 1, GROUPS, {})
    assert not half.exists()


def test_the_best_weights_travel_with_it(tmp_path: Path) -> None:
    best = tmp_path / "best.npz"
    checkpoints.write_arrays(best, {"model": [np.zeros(3)]})
    checkpoints.write(tmp_path / "c", 1, GROUPS, {}, best=best)
    checkpoints.write_arrays(best, {"model": [np.ones(3)]})  # a later best must not change the checkpoint
    found = checkpoints.newest(tmp_path / "c")
    assert found is not None
    assert found.best is not None
    np.testing.assert_array_equal(checkpoints.read_arrays(found.best)["model"][0], np.zeros(3))


def test_a_full_disk_is_said_and_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints.write(tmp_path, 1, GROUPS, {"step": 1})

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(EngineError) as caught:
        checkpoints.write(tmp_path, 2, GROUPS, {"step": 2})
    assert caught.value.kind is ErrorKind.OUT_OF_DISK
    assert "No space left" in str(caught.value)
    found = checkpoints.newest(tmp_path)
    assert found is not None
    assert found.state == {"step": 1}
    assert not list(tmp_path.glob(".*.partial"))
