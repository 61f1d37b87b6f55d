"""What a file is, by its first bytes: names lie (a PNG called .csv, a zip called .csv)."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from engine.data.encodings import utf_16_of
from engine.data.readers.base import FileKind

_HEAD_BYTES = 4096
_IMAGE_MAGIC = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"\x00\x00\x01\x00",
)
_AUDIO_MAGIC = (b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3")
_SIDE_STEMS = {"readme", "license", "licence", "copying", "notice", "changelog", "authors", "citation", "classes",
               "index", "requirements", "sha256sums", "md5sums", "thumbs", "desktop"}  # fmt: skip
_SIDE_SUFFIXES = {".names", ".md", ".rst", ".pdf", ".html", ".htm", ".yml", ".yaml", ".toml", ".ini", ".py", ".ipynb",
                  ".sh", ".xml", ".info", ".doc", ".docx", ".sha256", ".md5", ".db", ".ds_store"}  # fmt: skip
_AUDIO_SUFFIXES = {".wav", ".mp3", ".flac", ".ogg", ".m4a", ".aac", ".opus"}
_VIDEO_SUFFIXES = {".mp4", ".avi", ".mov", ".mkv", ".webm"}
_TABLE_SUFFIXES = {".csv", ".tsv", ".data", ".tab", ".psv"}


def kind_of(path: Path, name: str) -> FileKind:
    """The kind of a file by its content; `name` decides only among plain texts."""
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        return FileKind.EMPTY
    return _binary_kind(path, head) or _named_kind(head, name)


def is_hidden(name: str) -> bool:
    """True for files that systems leave behind: dot files, __MACOSX, Thumbs.db."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1].lower() == "thumbs.db"


def _binary_kind(path: Path, head: bytes) -> FileKind | None:
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _zip_kind(path)
    if head.startswith(b"\x1f\x8b"):
        return _gzip_kind(path)
    if head.startswith((b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf", b"Rar!")) or head[257:262] == b"ustar":
        return FileKind.ARCHIVE
    if head.startswith(b"PAR1"):
        return FileKind.PARQUET
    if _is_idx(head):
        return FileKind.IDX
    if head.startswith(b"RIFF") and head[8:12] in (b"WAVE", b"WEBP", b"AVI "):
        return {b"WAVE": FileKind.AUDIO, b"WEBP": FileKind.IMAGE, b"AVI ": FileKind.VIDEO}[head[8:12]]
    if head.startswith(_IMAGE_MAGIC) and (not head.startswith(b"BM") or b"\x00" in head[:64]):
        return FileKind.IMAGE
    if head.startswith(_AUDIO_MAGIC):
        return FileKind.AUDIO
    return FileKind.VIDEO if head[4:8] == b"ftyp" else None


def _named_kind(head: bytes, name: str) -> FileKind:
    path = PurePosixPath(name.lower())
    utf_16 = head.startswith((b"\xff\xfe", b"\xfe\xff")) or utf_16_of(head) is not None
    if path.suffix in _AUDIO_SUFFIXES:
        return FileKind.AUDIO
    if path.suffix in _VIDEO_SUFFIXES:
        return FileKind.VIDEO
    if path.suffix in _SIDE_SUFFIXES or path.stem in _SIDE_STEMS:
        return FileKind.SIDE
    if b"\x00" in head and not utf_16:
        return FileKind.UNKNOWN
    if path.suffix in {".json", ".jsonl", ".ndjson"} or _looks_like_json(head):
        return FileKind.JSON
    return FileKind.DELIMITED if path.suffix in _TABLE_SUFFIXES else FileKind.PROSE


def _looks_like_json(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith((b'{"', b"[{")) or (start[:1] == b"[" and start[1:].lstrip().startswith(b"{"))


def _is_idx(head: bytes) -> bool:
    if len(head) < 8 or head[:2] != b"\x00\x00" or head[2] not in (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E):
        return False
    return 1 <= head[3] <= 4


def _zip_kind(path: Path) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return FileKind.ARCHIVE  # unpacking says what is wrong with it
    if "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names):
        return FileKind.EXCEL
    return FileKind.NPZ if names and all(name.endswith(".npy") for name in names) else FileKind.ARCHIVE


def _gzip_kind(path: Path) -> FileKind:
    """A gzip file is an archive, unless what it holds is known: then it is that kind, to be unpacked by its reader."""
    try:
        with gzip.open(path) as file:
            inside = file.read(_HEAD_BYTES)
    except (OSError, EOFError, zlib.error):
        return FileKind.ARCHIVE
    return FileKind.IDX if _is_idx(inside) else FileKind.ARCHIVE


def is_tar(path: Path) -> bool:
    """True for tar archives, compressed or not."""
    try:
        return tarfile.is_tarfile(path)
    except (OSError, EOFError, zlib.error):
        return False
