"""Reading weights in the safetensors format without executing anything: a length, a JSON header, then plain numbers.

https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from engine.errors import EngineError, ErrorKind
from engine.text import N_

_LENGTH_BYTES = 8
_LONGEST_HEADER_BYTES = 100 * 2**20  # the format's own limit
# Numbers that NumPy lacks are kept as the upper half of a float32.
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I8": "i1", "U8": "u1"}


@dataclass(frozen=True)
class Stored:
    """Where a tensor lies in a file."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int  # of its first byte in the file

    def read(self) -> np.ndarray:
        """The numbers as float32 (whole numbers as they are), copied out of the file."""
        raw = np.memmap(self.file, dtype=_DTYPES[self.dtype], mode="r", offset=self.offset, shape=self.shape or (1,))
        if self.dtype == "BF16":
            return (raw.astype(np.uint32) << 16).view(np.float32).reshape(self.shape)
        return np.array(raw, np.float32 if self.dtype.startswith("F") else None).reshape(self.shape)


def stored_tensors(folder: Path) -> dict[str, Stored]:
    """All tensors of a folder by name: of `model.safetensors`, or of the files that its index names.

    Raises:
        EngineError: BAD_INPUT where a file is missing, truncated or no safetensors file.
    """
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return read_header(folder / "model.safetensors")
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        files = sorted({str(name) for name in places.values()})
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _broken(index, N_("it is no index of weights")) from error
    found: dict[str, Stored] = {}
    for name in files:
        if Path(name).name != name:  # an index may name neighbours only
            raise _broken(index, N_("it names a file outside of its folder"))
        found |= read_header(folder / name)
    return found


def read_header(file: Path) -> dict[str, Stored]:
    """The tensors of one file by name, checked against its size.

    Raises:
        EngineError: BAD_INPUT where the file is missing, truncated or of another format.
    """
    try:
        size = file.stat().st_size
        with open(file, "rb") as stream:
            length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
            if size < _LENGTH_BYTES or not 2 <= length <= min(_LONGEST_HEADER_BYTES, size - _LENGTH_BYTES):
                raise _broken(file, N_("it has no safetensors header, or ends within it"))
            header = json.loads(stream.read(length))
        if not isinstance(header, dict):
            raise ValueError
        start = _LENGTH_BYTES + length
        found = {str(name): _stored(file, entry, start) for name, entry in header.items() if name != "__metadata__"}
        ends = [start + int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    except FileNotFoundError as error:
        raise _broken(file, N_("it is not there")) from error
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise _broken(file, N_("its header cannot be read")) from error
    if max(ends, default=start) != size:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The weights in {file} are not whole: {expected} bytes are announced, {found} are there."),
            hint=N_("Copy or download the file again."),
            file=file.name,
            expected=f"{max(ends, default=start):,}",
            found=f"{size:,}",
        )
    return found


def _stored(file: Path, entry: Mapping[str, object], start: int) -> Stored:
    dtype, shape, (first, last) = str(entry["dtype"]), tuple(map(int, entry["shape"])), entry["data_offsets"]  # type: ignore[call-overload,misc]
    if dtype not in _DTYPES:
        raise _broken(file, N_("it holds numbers of a kind that Lathe does not read"))
    if last - first != prod(shape) * np.dtype(_DTYPES[dtype]).itemsize or first < 0 or min(shape, default=0) < 0:  # type: ignore[has-type]
        raise _broken(file, N_("its header contradicts itself"))
    return Stored(file, dtype, shape, start + int(first))  # type: ignore[has-type]


def _broken(file: Path, problem: str) -> EngineError:
    return EngineError(
        ErrorKind.BAD_INPUT,
        N_("The weights in {file} cannot be used: {problem}."),
        hint=N_("Copy or download the file again."),
        file=file.name,
        problem=problem,
    )
