"""Kinds of layers are said in the person's language; what has no word stays as it is."""

from engine.figures.layer_kinds import KINDS, OTHER_WORDS, kind_title
from engine.figures.theme import untranslated
from pages.widgets.catalogue import translations


def test_every_kind_has_a_chinese_word_or_is_the_same_word() -> None:
    chinese = translations("zh_CN").gettext
    same = {kind for kind in KINDS if kind_title(kind, chinese) == kind}
    assert same <= {"Softmax", "Dropout"}
    assert kind_title("Add", chinese) == chinese(OTHER_WORDS["Add"]) != chinese("Add")


def test_other_kinds_and_english_stay() -> None:
    assert kind_title("Conv2D", untranslated) == "Conv2D"
    assert kind_title("MyOwnLayer", translations("zh_CN").gettext) == "MyOwnLayer"
