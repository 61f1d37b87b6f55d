import time

import pytest
import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.store import questions
from engine.store.database import writing

VERBS = ("describe",)


def test_the_same_question_is_asked_once_and_its_answer_kept() -> None:
    key = questions.put("describe", {"a": 1, "b": 2}, timeout_s=10)
    assert questions.put("describe", {"b": 2, "a": 1}, timeout_s=10) == key
    assert questions.answer_of(key) is None
    taken = questions.take(VERBS)
    assert taken is not None
    assert (taken.id, taken.verb, taken.document) == (key, "describe", {"a": 1, "b": 2})
    assert questions.take(VERBS) is None  # the desk has it
    questions.answer(key, {"result": [1, 2]})
    assert questions.answer_of(key) == {"result": [1, 2]}
    assert questions.put("describe", {"a": 1, "b": 2}, timeout_s=10) == key
    assert questions.take(VERBS) is None
    assert questions.put("describe", {"a": 1}, timeout_s=10) != key


def test_an_error_comes_back_as_it_was_and_is_tried_anew_later(monkeypatch: pytest.MonkeyPatch) -> None:
    key = questions.put("describe", {}, timeout_s=10)
    questions.take(VERBS)
    questions.answer(key, EngineError(ErrorKind.BAD_INPUT, "{field} is wrong.", hint="Mend it.", field="units"))
    with pytest.raises(EngineError) as error:
        questions.answer_of(key)
    assert str(error.value) == "units is wrong. Mend it."
    monkeypatch.setattr(questions, "_ERRORS_KEPT_S", -1.0)
    questions.put("describe", {}, timeout_s=10)
    assert questions.answer_of(key) is None
    assert questions.take(VERBS) is not None


def test_the_newest_question_goes_first_and_moot_ones_are_left() -> None:
    old = questions.put("describe", {"n": 1}, timeout_s=10)
    new = questions.put("describe", {"n": 2}, timeout_s=10)
    gone = questions.put("describe", {"n": 3}, timeout_s=10)
    with writing() as connection:
        update = questions.questions.update().where(questions.questions.c.id == gone)
        connection.execute(update.values(wanted_until=time.time() - 100))
    assert [taken.id for taken in (questions.take(VERBS), questions.take(VERBS)) if taken] == [new, old]
    assert questions.take(VERBS) is None
    assert not questions.waiting(VERBS)
    questions.clean_up()
    with writing() as connection:
        left = set(connection.execute(sa.select(questions.questions.c.id)).scalars())
    assert left == {old, new}


def test_what_a_dead_desk_had_taken_waits_again() -> None:
    key = questions.put("describe", {}, timeout_s=10)
    questions.take(VERBS)
    questions.hand_back()
    taken = questions.take(VERBS)
    assert taken is not None
    assert taken.id == key


def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "KEPT_COUNT", 3)
    keys = [questions.put("describe", {"n": n}, timeout_s=10) for n in range(5)]
    for key in keys:
        questions.answer(key, {"n": key})
    questions.clean_up()
    assert [questions.answer_of(key) is not None for key in keys] == [False, False, True, True, True]
