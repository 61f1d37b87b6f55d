"""Weights are read as they were written; what is not whole is told from its header."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.errors import EngineError, ErrorKind
from engine.finetuning.sources.safetensors import read_header, stored_tensors
from tests.support.bert_folders import write_safetensors

ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([1.5, -2.0], np.float16),
    "c": np.array([7], np.int64),
}


def test_numbers_come_back(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", ARRAYS)
    found = stored_tensors(tmp_path)
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name].read(), array)
    assert found["b"].read().dtype == np.float32


def test_bfloat16_is_the_upper_half_of_a_float(tmp_path: Path) -> None:
    values = np.array([1.0, -0.5, 3.140625], np.float32)  # exact in eight bits
    write_safetensors(tmp_path / "model.safetensors", {"x": (values.view(np.uint32) >> 16).astype(np.uint16)})
    np.testing.assert_array_equal(stored_tensors(tmp_path)["x"].read(), values)


def test_several_files_by_their_index(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "one.safetensors", {"a": ARRAYS["a"]})
    write_safetensors(tmp_path / "two.safetensors", {"b": ARRAYS["b"]})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}))
    assert set(stored_tensors(tmp_path)) == {"a", "b"}
    index.write_text(json.dumps({"weight_map": {"a": "../one.safetensors"}}))
    with pytest.raises(EngineError, match="outside of its folder"):
        stored_tensors(tmp_path)


@pytest.mark.parametrize("keep", [4, 60, -4])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: int) -> None:
    file = tmp_path / "model.safetensors"
    write_safetensors(file, ARRAYS)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(EngineError, match=r"not whole|ends within|no safetensors") as caught:
        read_header(file)
    assert caught.value.kind is ErrorKind.BAD_INPUT


@pytest.mark.parametrize(
    "header",
    [
        b"[1, 2]",
        b"not json",
        b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}}',
        b'{"a": {"dtype": "X9", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32"}}',
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: bytes) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0\0\0")
    with pytest.raises(EngineError, match=r"model\.safetensors"):
        read_header(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="it is not there"):
        stored_tensors(tmp_path)
