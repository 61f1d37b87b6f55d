"""Every text that a person may read is there in every language, with the same gaps to fill in."""

import importlib.util
import string
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def messages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lathe_messages", ROOT / "locale" / "messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def gaps(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


def pairs(messages: ModuleType, locale: str) -> dict[str | tuple[str, str], str]:
    with messages.catalogue_file(locale).open("rb") as file:
        catalogue = read_po(file, locale=locale)
    return {
        message.id if isinstance(message.id, str) else tuple(message.id): (
            message.string if isinstance(message.string, str) else message.string[0]
        )
        for message in catalogue
        if message.id and not message.fuzzy
    }


@pytest.mark.parametrize("locale", ["zh_CN"])
def test_every_text_is_translated(messages: ModuleType, locale: str) -> None:
    known = pairs(messages, locale)
    wanted = {
        message.id if isinstance(message.id, str) else tuple(message.id): [file for file, _line in message.locations]
        for message in messages.template()
        if message.id
    }
    assert len(wanted) > 900  # the collector itself works
    left = {text: files for text, files in wanted.items() if not known.get(text)}
    assert not left, f"texts without a translation into {locale} (run `make messages`, then translate): {left}"


@pytest.mark.parametrize("locale", ["zh_CN"])
def test_translations_have_the_same_gaps(messages: ModuleType, locale: str) -> None:
    wrong = {}
    for text, translation in pairs(messages, locale).items():
        sources = [text] if isinstance(text, str) else list(text)
        if all("{" not in source for source in sources) and "{" not in translation:
            continue
        if gaps(translation) != set().union(*(gaps(source) for source in sources)):
            wrong[text] = translation
    assert not wrong, f"translations whose {{gaps}} differ from the text: {wrong}"


def test_collects_texts_inside_of_f_strings(messages: ModuleType) -> None:
    texts = {text for text, _file, _line in messages.marked()}
    assert "No GPU; training uses the CPU." in texts
    assert ("{n} row", "{n} rows") in texts


def test_collects_the_values_of_closed_lists(messages: ModuleType) -> None:
    names = {text for text, _file, _line in messages.listed_values()}
    assert {"Piecewise linear", "Leaky ReLU", "Balanced"} <= names
