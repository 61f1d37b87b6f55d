"""Catalogues are read from their source, with the meaning that GNU gettext gives them."""

import io

from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import write_po

from pages.widgets.catalogue import compile_mo, parse_po, translations

HARD = ['a "quoted" text', "two\nlines", "back\\slash", "tab\there", "“curly” → ×", "", " spaces "]


def written(entries: dict[str | tuple[str, str], str | tuple[str, ...]]) -> str:
    catalogue = Catalog(locale="zh_CN")
    for message, translation in entries.items():
        catalogue.add(message, translation)
    out = io.BytesIO()
    write_po(out, catalogue, width=40)
    return out.getvalue().decode()


def test_reads_what_babel_writes() -> None:
    entries = {text: f"→{text}" for text in HARD if text}
    assert {k: v for k, v in parse_po(written(entries)).items() if k} == entries


def test_plural_forms_are_kept_together() -> None:
    entries = parse_po(written({("{n} row", "{n} rows"): ("{n} 行",)}))
    assert entries["{n} row\0{n} rows"] == "{n} 行"


def test_leaves_out_what_is_not_translated_or_only_guessed() -> None:
    text = 'msgid "a"\nmsgstr ""\n\n#, fuzzy\nmsgid "b"\nmsgstr "B"\n\n#~ msgid "c"\n#~ msgstr "C"\n'
    assert parse_po(text) == {}


def test_binary_form_is_what_babel_reads() -> None:
    entries = {"": "Content-Type: text/plain; charset=utf-8\nPlural-Forms: nplurals=1; plural=0;\n", "Train": "训练"}
    catalogue = read_mo(io.BytesIO(compile_mo(entries)))
    assert catalogue["Train"].string == "训练"


def test_translates_and_falls_back_to_english() -> None:
    chinese = translations("zh_CN")
    assert chinese.gettext("Train") == "训练"
    assert chinese.ngettext("{n} row", "{n} rows", 3) == "{n} 行"
    assert chinese.gettext("no such text") == "no such text"
    assert translations("en").ngettext("{n} row", "{n} rows", 1) == "{n} row"
