"""Errors reach a person whole: filled in, through JSON, through pickle."""

import pickle

import pytest

from engine.errors import EngineError, ErrorKind


@pytest.fixture
def error() -> EngineError:
    return EngineError(ErrorKind.BAD_INPUT, "{file} is empty.", hint="Choose another file.", file="a {b}.csv")


def test_message_and_hint_are_filled_in(error: EngineError) -> None:
    assert str(error) == "a {b}.csv is empty. Choose another file."


def test_survives_json_and_pickle(error: EngineError) -> None:
    for copy in (EngineError.from_record(error.to_record()), pickle.loads(pickle.dumps(error))):
        assert (str(copy), copy.kind) == (str(error), ErrorKind.BAD_INPUT)


def test_values_that_do_not_fit_leave_the_sentence_readable() -> None:
    assert str(EngineError(ErrorKind.INTERNAL, "lost {what} at {place}", what="it")) == "lost {what} at {place}"
