"""What a person gave shows as it is; templates are translated before they are filled in."""

import pytest
from markdown_it import MarkdownIt

from engine.errors import EngineError, ErrorKind
from pages.widgets import text

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](http://example.com/a.png)",
    "**bold** _em_ `code` ~~gone~~",
    "# heading",
    "- item",
    "1. item",
    "$x^2$ and $$y$$",
    ":red[text] :material/delete: :smile:",
    "a | b\n--- | ---\n1 | 2",
    "&lt;b&gt; &amp; &#60;",
    "trailing \\",
    "> quote",
]


@pytest.mark.parametrize("given", HOSTILE)
def test_markdown_shows_the_text_itself(given: str) -> None:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text.plain(given))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    assert all(child.type in ("text", "text_special") for child in children)
    shown = "".join(child.content for child in children).replace("\u2060", "")
    assert shown == " ".join(given.split())


@pytest.mark.parametrize(("given", "pattern"), [(":smile:", ":smile:"), (":material/x:", ":material/x:"),
                                                ("http://e.com", "://"), ("www.e.com", "www."), ("<=50K", "<="),
                                                ("a--b", "--"), ("a->b", "->")])  # fmt: skip
def test_breaks_what_is_rewritten_after_markdown_was_read(given: str, pattern: str) -> None:
    without_escapes = text.plain(given).replace("\\", "")
    assert pattern not in without_escapes
    assert without_escapes.replace("\u2060", "") == given


def test_control_signs_are_left_out() -> None:
    assert text.plain("a\u202eb\x00c") == "abc"


def test_values_are_filled_in_after_translation_and_made_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "language", lambda: "zh_CN")
    said = text.say("{name} was deleted.", name="<b>*x*</b>")
    assert said == "\\<b\\>\\*x\\*\\</b\\> 已删除。"
    assert text.say_raw("{name} was deleted.", name="*x*") == "*x* 已删除。"


def test_a_value_cannot_open_a_gap_of_its_own() -> None:
    assert "{secret}" in text.say("{field}: {problem}", field="a", problem="{secret}", secret="x").replace("\\", "")


def test_a_template_with_missing_values_still_reaches_the_person() -> None:
    assert text.say("{gone} and {there}", there=1) == "{gone} and {there}"


def test_errors_speak_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "language", lambda: "zh_CN")
    error = EngineError(ErrorKind.BAD_INPUT, "{file} is empty.", hint="Choose another file.", file="a_b.csv")
    assert text.error_text(error) == ("a\\_b\\.csv 是空的。", "请选择其他文件。")


def test_shorten_keeps_the_beginning() -> None:
    assert text.shorten("abcdef", 4) == "abc…"
    assert text.shorten("abc", 4) == "abc"
