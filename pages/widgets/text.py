"""Every visible text: translated, filled in, and harmless where a person wrote it.

`_("Train")` translates; `say("{n} rows", n=…)` translates the template and fills it in afterwards; `plain(name)`
makes a text that a person gave safe to stand in a label, a heading or any other markdown.
"""

from __future__ import annotations

import re
import string
from typing import Any

import streamlit as st

from engine.errors import EngineError
from pages.widgets.catalogue import translations

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
LANGUAGE_KEY = "language"  # in the address and, as its mirror, in the session

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$&^=:])")
_JOINER = "\u2060"  # word joiner: no width, breaks no line
# What Streamlit rewrites after the markdown was read, where a backslash no longer helps: emoji and icon codes,
# typographic arrows and dashes, bare addresses.
_REWRITTEN = re.compile(r":(?=[\w+/\-]+:)|[<\-](?=[\->])|[<>~](?==)|(?<=\b[wW]{3})(?=\.)|:(?=//)|@(?=\w)")


def language() -> str:
    """The language of this session: chosen in the sidebar, else the browser's, else English."""
    chosen = st.session_state.get(LANGUAGE_KEY) or st.query_params.get(LANGUAGE_KEY)
    if chosen in LANGUAGES:
        return str(chosen)
    return "zh_CN" if (st.context.locale or "").lower().startswith("zh") else "en"


def _(text: str) -> str:
    """`text` in the language of this session; English where there is no translation."""
    return translations(language()).gettext(text) if text else ""


def ngettext(one: str, many: str, n: int) -> str:
    """The form for `n`, translated and with `{n}` filled in."""
    return translations(language()).ngettext(one, many, n).format(n=f"{n:,}")


def say(template: str, /, **values: Any) -> str:
    """Translate a template, then fill it in. The values are made `plain`: the result may stand in markdown."""
    return _fill(_(template), {name: plain(value) for name, value in values.items()})


def say_raw(template: str, /, **values: Any) -> str:
    """As `say`, for places that draw no markdown (table cells, options, `st.text`)."""
    return _fill(_(template), values)


def _fill(template: str, values: dict[str, Any]) -> str:
    try:
        return template.format(**values)
    except (KeyError, IndexError, ValueError, AttributeError):  # the person still reads the sentence, with its gaps
        return template


def plain(text: object) -> str:
    """A text that a person gave, made to show as it is in markdown: no format, link, formula, icon or HTML.

    Example:
        >>> plain("a*b <b>")
        'a\\\\*b \\\\<b\\\\>'
    """
    one_line = " ".join(str(text).split())
    printable = "".join(sign for sign in one_line if sign.isprintable() or sign == _JOINER)
    return _MARKDOWN.sub(r"\\\1", _REWRITTEN.sub(lambda found: found.group() + _JOINER, printable))


def shorten(text: object, length: int = 60) -> str:
    """The first `length` signs, with an ellipsis where there are more."""
    whole = str(text)
    return whole if len(whole) <= length else whole[: length - 1].rstrip() + "…"


def error_text(error: EngineError) -> tuple[str, str]:
    """The message and the hint of an error in the person's language, safe in markdown."""
    return say(error.message, **error.values), say(error.hint, **error.values)


def placeholders(template: str) -> set[str]:
    """The names in braces of a template."""
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(template) if name}


def choose_language() -> None:
    """The switch in the sidebar; what is chosen stands in the address from then on."""
    current = language()

    def remember() -> None:
        chosen = st.session_state["language_choice"]
        st.session_state[LANGUAGE_KEY] = chosen
        st.query_params[LANGUAGE_KEY] = chosen

    st.selectbox(
        _("Language"),
        list(LANGUAGES),
        index=list(LANGUAGES).index(current),
        format_func=LANGUAGES.__getitem__,
        key="language_choice",
        on_change=remember,
        label_visibility="collapsed",
    )
