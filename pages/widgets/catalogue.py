"""Translations straight from the `.po` files, so that no compiled catalogue can lag behind its source.

See docs/decisions/0005-languages.md. The text is turned into the binary form in memory and handed to the standard
library's `gettext`, which then does the looking up and the plurals as everywhere else.
"""

from __future__ import annotations

import ast
import gettext
import io
import re
import struct
from functools import lru_cache
from pathlib import Path

LOCALE_DIR = Path(__file__).resolve().parents[2] / "locale"
MAGIC = 0x950412DE  # of a binary catalogue, little endian (GNU gettext manual, "MO files")


def parse_po(text: str) -> dict[str, str]:
    """The entries of a `.po` file, as a binary catalogue keys them; fuzzy, obsolete and empty ones are left out.

    A plural's key is `singular NUL plural`, its value the forms joined by NUL (GNU gettext manual, "MO files").

    Example:
        >>> parse_po('msgid "Train"\\nmsgstr "训练"\\n')
        {'Train': '训练'}
    """
    entries: dict[str, str] = {}
    for block in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        current, fuzzy = "", False
        for line in (raw.strip() for raw in block.splitlines()):
            if line.startswith("#"):
                fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            elif line.startswith('"') and current:
                fields[current] += _unquote(line)
            elif line:
                current, _, quoted = line.partition(" ")
                fields[current] = _unquote(quoted)
        if "msgid" in fields:
            _keep(entries, fields, fuzzy)
    return entries


def _keep(entries: dict[str, str], fields: dict[str, str], fuzzy: bool) -> None:
    forms = [fields[name] for name in sorted(fields) if name.startswith("msgstr")]
    is_header = fields["msgid"] == ""
    if not all(forms) or (fuzzy and not is_header):
        return
    key = fields["msgid"]
    if "msgid_plural" in fields:
        key += "\0" + fields["msgid_plural"]
    entries[key] = "\0".join(forms)


def _unquote(quoted: str) -> str:
    value = ast.literal_eval(quoted.strip())
    if not isinstance(value, str):
        raise ValueError(f"expected a quoted text in the catalogue, got {quoted}")
    return value


def compile_mo(entries: dict[str, str]) -> bytes:
    """The binary catalogue of `entries` (GNU gettext manual, "MO files")."""
    keys = sorted(entries, key=str.encode)
    ids = [key.encode() for key in keys]
    texts = [entries[key].encode() for key in keys]
    table = 7 * 4  # bytes of the header
    offset = table + 16 * len(keys)
    head = struct.pack("<7I", MAGIC, 0, len(keys), table, table + 8 * len(keys), 0, 0)
    rows, blob = [], b""
    for item in [*ids, *texts]:
        rows.append(struct.pack("<2I", len(item), offset + len(blob)))
        blob += item + b"\0"
    return head + b"".join(rows) + blob


@lru_cache(maxsize=8)
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language; English, the source, needs none."""
    file = LOCALE_DIR / language / "LC_MESSAGES" / "lathe.po"
    if language == "en" or not file.is_file():
        return gettext.NullTranslations()
    return gettext.GNUTranslations(io.BytesIO(compile_mo(parse_po(file.read_text("utf-8")))))
