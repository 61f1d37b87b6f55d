"""Which encoding a text file is in, found from its bytes, and a copy in UTF-8 where it is in another."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from engine.data.readers.base import bad_file
from engine.text import N_

_CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 4 << 20  # enough to tell Chinese from Western text
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def encoding_of(path: Path) -> str:
    """The Python name of a text file's encoding: utf-8, utf-8-sig, utf-16…, gb18030 or cp1252.

    UTF-8 is taken where the whole file is valid UTF-8. Else it is GB18030 (of which GBK and GB2312 are parts) where the
    bytes decode to common Chinese, else Western (cp1252, Latin-1 with printable quotes).
    """
    with open(path, "rb") as file:
        head = file.read(_SAMPLE_BYTES)
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name
    if wide := utf_16_of(head[:4096]):
        return wide
    if _is_valid(path, "utf-8"):
        return "utf-8"
    return "gb18030" if _looks_chinese(head) and _is_valid(path, "gb18030") else _western(head)


def utf_16_of(head: bytes) -> str | None:
    """utf-16-le or utf-16-be where bytes with zeros among them read as lines of assigned characters, else None."""
    if b"\x00" not in head:
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = head[: len(head) // 2 * 2 - 2].decode(encoding)
        except UnicodeDecodeError:
            continue
        odd = sum(unicodedata.category(char) in ("Cn", "Co", "Cc") and char not in "\r\n\t" for char in text)
        if "\n" in text and odd <= 0.01 * len(text):
            return encoding
    return None


def as_utf8(path: Path, encoding: str, copy: Path, name: str) -> Path:
    """The file itself where it is plain UTF-8, else `copy`, written in UTF-8 without a byte order mark."""
    if encoding == "utf-8" and not _has_nul(path):
        return path
    try:
        with open(copy, "w", encoding="utf-8", newline="") as out:
            for text in _decoded(path, encoding):
                out.write(text.replace("\x00", ""))
    except (UnicodeDecodeError, LookupError) as error:
        raise bad_file(name, f"not in {encoding}", N_("Save it as UTF-8, or choose its encoding.")) from error
    return copy


def sample_text(path: Path, *, size_bytes: int) -> str:
    """The beginning of a UTF-8 file."""
    with open(path, "rb") as file:
        return file.read(size_bytes).decode("utf-8", errors="ignore")


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)


def _is_valid(path: Path, encoding: str) -> bool:
    try:
        for _ in _decoded(path, encoding):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _has_nul(path: Path) -> bool:
    with open(path, "rb") as file:
        return b"\x00" in file.read(_SAMPLE_BYTES)


def _looks_chinese(head: bytes) -> bool:
    """High bytes come in pairs in GBK, mostly alone (é, ü) in Western text; and they decode to common characters."""
    text = head.decode("gb18030", errors="ignore")
    foreign = [char for char in text if ord(char) > 127]
    common = sum("\u4e00" <= char <= "\u9fa5" or "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uffef"
                 for char in foreign)  # fmt: skip
    high = sum(byte > 127 for byte in head)
    paired = sum(2 for char in foreign if len(raw := char.encode("gb18030")) == 2 and raw[1] > 127)
    return bool(foreign) and common >= 0.8 * len(foreign) and paired >= 0.7 * high


def _western(head: bytes) -> str:
    try:
        head.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"  # every byte is a character there
    return "cp1252"
