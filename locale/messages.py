"""Collects every text that a person may read, and brings the catalogues up to date (`make messages`).

Texts are found by their marks: `_("…")`, `ngettext(…)`, `say(…)` in pages, `N_("…")` in the engine. The values of
closed lists (`Literal["adam", …]`) are named by `pages.widgets.fields.value_label`, so they are collected from there.
"""

from __future__ import annotations

import ast
import importlib
import io
import pkgutil
import sys
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
LOCALES = ("zh_CN",)
HEADER = (
    "# Lathe in 简体中文. Texts come from the source by `make messages`; write only the lines that begin with msgstr."
)
FIRST_DAY = datetime(2026, 11, 23, tzinfo=UTC)
KEYWORDS = {"_": 1, "N_": 1, "say": 1, "say_raw": 1, "translate": 1, "ngettext": 2}  # how many texts each takes


def sources() -> list[Path]:
    """The files with texts."""
    return sorted([ROOT / "app.py", *ROOT.glob("pages/**/*.py"), *ROOT.glob("engine/**/*.py")])


def marked() -> Iterator[tuple[str | tuple[str, str], str, int]]:
    """Every marked text with the file and line where it stands; a plural is a pair.

    Read from the syntax tree: extractors that read tokens miss what stands inside of f-strings.
    """
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _called(node) in KEYWORDS:
                needed = KEYWORDS[_called(node)]
                texts = [arg.value for arg in node.args[:needed] if isinstance(arg, ast.Constant)]
                words = tuple(text for text in texts if isinstance(text, str))
                if len(words) == needed:
                    text = words if needed == 2 else words[0]
                    yield text, file.relative_to(ROOT).as_posix(), node.lineno  # type: ignore[misc]


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def listed_values() -> Iterator[tuple[str, str, int]]:
    """The names of the values of closed lists in all documents, and of the sizes that model families offer."""
    sys.path.insert(0, str(ROOT))
    import engine.specs
    from engine.specs.base import Document
    from engine.specs.models import ModelSpec

    def below(cls: type) -> Iterator[type]:
        yield cls
        for child in cls.__subclasses__():
            yield from below(child)

    for module in pkgutil.walk_packages(engine.specs.__path__, "engine.specs."):
        importlib.import_module(module.name)  # all of them, so that the list does not depend on who asked before
    for cls in below(Document):
        if not cls.__module__.startswith("engine.specs") or cls.__module__ == "engine.specs.records":
            continue  # records are read, not filled in: their values never stand on a form
        for name, info in cls.model_fields.items():  # type: ignore[attr-defined]
            if name == "kind":  # shown by the label of its class
                continue
            for value in closed_list(info.annotation):
                yield name_of(value), "engine/specs", 1
    for family in ModelSpec.alternatives.values():
        for size in getattr(family, "presets", {}):
            yield name_of(size), "engine/specs/models", 1


def closed_list(annotation: Any) -> list[Any]:
    """The values of a `Literal` or an enum, also inside unions, tuples and annotations."""
    if get_origin(annotation) is Literal:
        return [value for value in get_args(annotation) if isinstance(value, str)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return list(annotation)
    return [value for part in get_args(annotation) if part is not typing.Any for value in closed_list(part)]


def name_of(value: Any) -> str:
    """The English name of a value, as a form shows it."""
    from pages.widgets.fields import english_label

    return english_label(value)


def template() -> Catalog:
    """Every text of the source, with the places where it stands."""
    catalogue = Catalog(project="Lathe", charset="utf-8", header_comment="# Texts of Lathe.")
    for text, file, line in [*marked(), *listed_values()]:
        if text and all(text):
            catalogue.add(text, locations=[(file, line)])
    return catalogue


def catalogue_file(locale: str) -> Path:
    """Where the translations of a language lie."""
    return ROOT / "locale" / locale / "LC_MESSAGES" / "lathe.po"


def update(locale: str) -> Catalog:
    """Bring one catalogue up to date: new texts empty, unused ones out, nothing guessed."""
    file = catalogue_file(locale)
    file.parent.mkdir(parents=True, exist_ok=True)
    old = read_po(io.BytesIO(file.read_bytes()), locale=locale) if file.exists() else Catalog(locale=locale)
    old.update(template(), no_fuzzy_matching=True)
    old.obsolete.clear()
    old.fuzzy = False
    old.header_comment = HEADER
    # a date that changes with every run would make every run a change
    old.creation_date = old.revision_date = FIRST_DAY
    old.project, old.version, old.msgid_bugs_address = "Lathe", "1", ""
    old.last_translator, old.language_team = "", ""
    with file.open("wb") as out:
        # no line numbers: they change with every edit and would make every change of the code one of the catalogue
        write_po(out, old, width=120, sort_output=True, no_location=True, ignore_obsolete=True)
    return old


def missing(catalogue: Catalog) -> list[str]:
    """The texts without a translation."""
    return [
        str(message.id)
        for message in catalogue
        if message.id and (not all(message.string) if isinstance(message.string, tuple) else not message.string)
    ]


def main() -> int:
    """Update all catalogues and say what is still to be translated."""
    for locale in LOCALES:
        left = missing(update(locale))
        sys.stdout.write(f"{locale}: {len(left)} texts to translate\n" + "".join(f"  {text}\n" for text in left))
    return 0


if __name__ == "__main__":
    sys.exit(main())
