"""Questions that pages ask the engine, and its answers, kept by the hash of the question."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.errors import EngineError
from engine.store.database import reading, writing
from engine.store.schema import questions

KEPT_S = 24 * 3600.0  # an answer; the next one who asks the same is answered from here
KEPT_COUNT = 2000
_WANTED_S = 30.0  # a page may ask with a short time and come back
_ERRORS_KEPT_S = 2.0  # long enough for all who wait, short enough that trying again is a new try


@dataclass(frozen=True)
class Question:
    """One question as the desk gets it."""

    id: str
    verb: str
    document: dict[str, Any]


def question_id(verb: str, document: Mapping[str, Any], about: str = "") -> str:
    """The hash of a question, of the state of what it is about, and of the version that asks it."""
    text = json.dumps([_version(), verb, document, about], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def put(verb: str, document: Mapping[str, Any], *, timeout_s: float, about: str = "") -> str:
    """Ask, or join those who asked the same; returns the question's id."""
    key, now = question_id(verb, document, about), time.time()
    wanted_until = now + max(timeout_s, _WANTED_S)
    with writing() as connection:
        row = connection.execute(sa.select(questions).where(questions.c.id == key)).first()
        if row is None:
            connection.execute(
                questions.insert().values(
                    id=key,
                    verb=verb,
                    document=json.dumps(document),
                    status="WAITING",
                    asked_at=now,
                    wanted_until=wanted_until,
                )
            )
            return key
        changes: dict[str, Any] = {"wanted_until": max(row.wanted_until, wanted_until)}
        answered_at = row.answered_at or now
        stale = row.status == "ANSWERED" and now - answered_at > KEPT_S
        failed = row.status == "FAILED" and now - answered_at > _ERRORS_KEPT_S
        if stale or failed:
            changes |= {"status": "WAITING", "asked_at": now, "answer": "", "answered_at": None}
        connection.execute(questions.update().where(questions.c.id == key).values(changes))
    return key


def answer_of(key: str) -> dict[str, Any] | None:
    """The answer, or None where it is not there yet.

    Raises:
        EngineError: the one that the desk answered with.
    """
    query = sa.select(questions.c.status, questions.c.answer).where(questions.c.id == key)
    with reading() as connection:
        row = connection.execute(query).first()
    if row is None or row.status not in ("ANSWERED", "FAILED"):
        return None
    document = json.loads(row.answer)
    if row.status == "FAILED":
        raise EngineError.from_record(document)
    return dict(document)


def forget(key: str) -> None:
    """Drop an answer, so that the next one who asks gets a new one."""
    with writing() as connection:
        connection.execute(questions.delete().where(questions.c.id == key))


def waiting(verbs: tuple[str, ...]) -> bool:
    """True where somebody waits for the answer to a question of one of these verbs."""
    query = sa.select(questions.c.id).where(
        questions.c.status == "WAITING", questions.c.verb.in_(verbs), questions.c.wanted_until > time.time()
    )
    with reading() as connection:
        return connection.execute(query.limit(1)).first() is not None


def take(verbs: tuple[str, ...]) -> Question | None:
    """The next question of one of these verbs that somebody still waits for; marks it as taken."""
    query = (
        sa.select(questions.c.id, questions.c.verb, questions.c.document)
        .where(questions.c.status == "WAITING", questions.c.verb.in_(verbs), questions.c.wanted_until > time.time())
        .order_by(questions.c.asked_at.desc())  # whoever edits on waits for the newest; older ones may be moot
        .limit(1)
    )
    with reading() as connection:
        if connection.execute(query).first() is None:
            return None
    with writing() as connection:
        row = connection.execute(query).first()
        if row is None:
            return None
        connection.execute(questions.update().where(questions.c.id == row.id).values(status="ASKED"))
    return Question(row.id, row.verb, json.loads(row.document))


def answer(key: str, result: Mapping[str, Any] | EngineError) -> None:
    """Write an answer or an error."""
    failed = isinstance(result, EngineError)
    document = result.to_record() if isinstance(result, EngineError) else dict(result)
    changes = {
        "status": "FAILED" if failed else "ANSWERED",
        "answer": json.dumps(document),
        "answered_at": time.time(),
    }
    with writing() as connection:
        connection.execute(questions.update().where(questions.c.id == key).values(changes))


def hand_back(*, forget_answers: bool = False) -> None:
    """Questions that a desk took and will not answer wait again.

    Args:
        forget_answers: at the start of an engine, whose code may be another one than that which answered.
    """
    with writing() as connection:
        if forget_answers:
            connection.execute(questions.delete().where(questions.c.status.in_(("ANSWERED", "FAILED"))))
        connection.execute(questions.update().where(questions.c.status == "ASKED").values(status="WAITING"))


def clean_up() -> None:
    """Drop what is too old or too much; the newest answers stay."""
    now = time.time()
    with writing() as connection:
        gone = sa.or_(
            sa.and_(questions.c.answered_at.is_not(None), questions.c.answered_at < now - KEPT_S),
            sa.and_(questions.c.status == "WAITING", questions.c.wanted_until < now - 60.0),
        )
        connection.execute(questions.delete().where(gone))
        oldest = sa.select(questions.c.id).order_by(questions.c.asked_at.desc()).offset(KEPT_COUNT).limit(1_000_000)
        connection.execute(questions.delete().where(questions.c.id.in_(oldest)))


def _version() -> str:
    try:
        return importlib.metadata.version("lathe")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        from engine import __doc__ as about

        return about or ""
