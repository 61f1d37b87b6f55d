"""Unpacking archives without leaving a folder and without filling the disk.

Names are checked, links and devices are left out, sizes are counted while bytes come, never believed: a bomb is
stopped at the limit, whatever its directory says.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from engine.data import limits
from engine.data.readers.base import Context, bad_file
from engine.data.sniffing import is_tar
from engine.errors import EngineError, ErrorKind
from engine.text import N_

_CHUNK_BYTES = 1 << 20
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
           UnicodeError, ValueError, OSError)  # fmt: skip
_OPENERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


class _Budget:
    """Counts what was unpacked, and stops at the limits."""

    def __init__(self, name: str, packed_bytes: int) -> None:
        self.name, self.packed_bytes = name, max(packed_bytes, 1)
        self.files = self.bytes = 0

    def file(self) -> None:
        self.files += 1
        if self.files > limits.MAX_FILES:
            raise self._too_much(N_("{file} unpacks to more than {most} files."), limits.MAX_FILES)

    def take(self, count: int) -> None:
        self.bytes += count
        if self.bytes > limits.MAX_UNPACKED_BYTES:
            raise self._too_much(N_("{file} unpacks to more than {most} GiB."), limits.MAX_UNPACKED_BYTES // limits.GIB)
        if self.bytes > limits.MIN_BOMB_BYTES and self.bytes > limits.MAX_UNPACK_RATIO * self.packed_bytes:
            raise self._too_much(N_("{file} unpacks to more than {most} times its size."), limits.MAX_UNPACK_RATIO)

    def _too_much(self, message: str, most: int) -> EngineError:
        return EngineError(
            ErrorKind.BAD_INPUT,
            message,
            hint=N_("Unpack it yourself where you trust it, and import the folder."),
            file=self.name,
            most=most,
        )


def unpack(path: Path, name: str, context: Context) -> Path:
    """Unpack a zip, tar (plain, gz, bz2, xz) or single compressed file into a new scratch folder.

    Raises:
        EngineError: BAD_INPUT where it is corrupt, locked with a password, of another format, leaves its folder, or is
            larger than the limits.
    """
    context.progress(0.05, N_("Unpacking"))
    folder = context.scratch(".unpacked")
    folder.mkdir()
    budget = _Budget(name, path.stat().st_size)
    try:
        if zipfile.is_zipfile(path):
            _unpack_zip(path, folder, budget, context)
        elif is_tar(path):
            _unpack_tar(path, folder, budget, context)
        else:
            _unpack_single(path, name, folder, budget)
    except EngineError:
        raise
    except RuntimeError as error:  # zipfile's way to ask for a password
        raise bad_file(name, N_("it is locked with a password"), N_("Unpack it and import the folder.")) from error
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno:  # the disk, not the archive
            raise
        raise bad_file(name, N_("the archive is truncated or corrupt")) from error
    return folder


def _unpack_zip(path: Path, folder: Path, budget: _Budget, context: Context) -> None:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            budget.file()
            is_link = (entry.external_attr >> 16) & 0o170000 == 0o120000
            target = None if is_link else _inside(folder, _name(entry), context, budget)
            if is_link:
                _left_out(context, budget)
            if target is not None:
                with archive.open(entry) as stream:
                    _copy(stream, target, budget)


def _unpack_tar(path: Path, folder: Path, budget: _Budget, context: Context) -> None:
    with tarfile.open(path) as archive:
        for entry in archive:
            if entry.isdir():
                continue
            budget.file()
            if not entry.isfile():
                _left_out(context, budget)
                continue
            target = _inside(folder, entry.name, context, budget)
            stream = archive.extractfile(entry)
            if target is not None and stream is not None:
                with stream:
                    _copy(stream, target, budget)


def _unpack_single(path: Path, name: str, folder: Path, budget: _Budget) -> None:
    with open(path, "rb") as file:
        magic = file.read(2)
    opener: Any = _OPENERS.get(magic)
    if magic == b"PK":  # its directory, at the end, is missing
        raise bad_file(name, N_("the archive is truncated or corrupt"))
    if opener is None:
        hint = N_("Readable are zip, tar, tar.gz, tar.bz2 and tar.xz: unpack it and pack it as one of these.")
        raise bad_file(name, N_("this kind of archive is not known, or it is damaged"), hint)
    inner = PurePosixPath(name).name
    inner = inner.rsplit(".", 1)[0] if "." in inner else inner
    budget.file()
    with opener(path) as stream:
        _copy(stream, folder / (inner or "data"), budget)


def _inside(folder: Path, name: str, context: Context, budget: _Budget) -> Path | None:
    """Where an entry goes; entries that would leave the folder refuse the archive, which is not made in good faith."""
    pure = PurePosixPath(name.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or (pure.parts and ":" in pure.parts[0]) or "\x00" in name:
        raise bad_file(
            budget.name,
            N_("an entry of the archive points outside of its folder"),
            N_("Nothing was unpacked. Pack the files again, without paths that begin with / or contain “..”."),
        )
    if not pure.parts or any(len(part.encode()) > 255 for part in pure.parts):
        _left_out(context, budget)
        return None
    target = folder.joinpath(*pure.parts)
    if target.exists():  # the same name twice: the first stays
        return None
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _name(entry: zipfile.ZipInfo) -> str:
    """The name of an entry; without the UTF-8 flag it is usually UTF-8 or GBK all the same, not cp437."""
    if entry.flag_bits & 0x800:
        return entry.filename
    raw = entry.filename.encode("cp437", errors="replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return entry.filename


def _left_out(context: Context, budget: _Budget) -> None:
    context.warn(N_("Links, devices and names too long inside {file} were left out."), file=budget.name)


def _copy(stream: IO[bytes], target: Path, budget: _Budget) -> None:
    with open(target, "xb") as out:
        for chunk in _chunks(stream):
            budget.take(len(chunk))
            out.write(chunk)


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk
