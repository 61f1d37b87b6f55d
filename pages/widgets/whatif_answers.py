"""Asks the engine what a tweak does, remembers what is known for good, and writes the ledger."""

from __future__ import annotations

import getpass
import json
import uuid
from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.prediction import Effect
from engine.specs.probe import WhatIf
from pages.widgets.whatif_state import Comparison
from pages.widgets.whatif_words import ordered

KEPT = 200  # answers a session remembers: some 40 kB each
_WANTED = "whatif/wanted"
LOOPBACK = ("127.0.0.1", "::1", "localhost", None)


def session() -> str:
    """The name under which this visit asks; what it no longer asks for is cancelled."""
    return str(st.session_state.setdefault("whatif/session", uuid.uuid4().hex))


def ask(baseline: RunSpec, changes: Mapping[str, Any], comparison: Comparison, *, place: str = "hand") -> WhatIf:
    """All that is known so far of a tweak; what was finished once is not read again.

    Args:
        baseline: the document that is compared with.
        changes: the tweak; empty: the baseline by itself.
        comparison: budget and seeds.
        place: which of the comparisons that live beside each other; a new tweak in the same place cancels the older.

    Raises:
        EngineError: BAD_INPUT where the tweak does not fit the document.
    """
    kept: dict[str, WhatIf] = st.session_state.setdefault("whatif/answers", {})
    key = _key(baseline, changes, comparison)
    if key in kept:
        _give_up(place, key)
        return kept[key]
    found = api.what_if(
        baseline,
        ordered(changes),
        comparison.budget,
        seeds=comparison.seeds,
        session=f"{session()}/{place}",
    )
    st.session_state[f"whatif/asked/{place}"] = key
    if found.done:
        while len(kept) >= KEPT:
            kept.pop(next(iter(kept)))
        kept[key] = found
    return found


def waits(baseline: RunSpec, changes: Mapping[str, Any], comparison: Comparison) -> bool:
    """Whether the tweak is to be foretold only, until a person wants it probed."""
    key = _key(baseline, changes, comparison)
    kept = st.session_state.get("whatif/answers", {})
    return comparison.hold and bool(changes) and key not in kept and key not in st.session_state.get(_WANTED, ())


def want(baseline: RunSpec, changes: Mapping[str, Any], comparison: Comparison) -> None:
    """Probe the tweak although knobs do not probe at once."""
    st.session_state.setdefault(_WANTED, set()).add(_key(baseline, changes, comparison))


def _key(baseline: RunSpec, changes: Mapping[str, Any], comparison: Comparison) -> str:
    """What decides an answer."""
    return json.dumps([baseline.digest(), ordered(changes), comparison.budget.model_dump(), comparison.seeds])


def _give_up(place: str, key: str) -> None:
    """What was asked for in this place before is not wanted any more, although nothing new is asked for."""
    asked = st.session_state.get(f"whatif/asked/{place}")
    if asked is not None and asked != key:
        api.cancel_probes(f"{session()}/{place}")
        st.session_state[f"whatif/asked/{place}"] = None


def foretold(baseline: RunSpec, changes: Mapping[str, Any], comparison: Comparison) -> Effect | None:
    """What the tweak is expected to do before it is measured; None while the engine still thinks about it.

    It is asked with no wait at all: a turned knob never stands still for it.
    """
    kept: dict[str, Effect] = st.session_state.setdefault("whatif/foretold", {})
    key = json.dumps([baseline.digest(), ordered(changes), comparison.budget.model_dump()])
    if key not in kept:
        try:
            kept[key] = api.predict_effect(baseline, ordered(changes), comparison.budget, timeout_s=0.0)
        except EngineError as error:
            if error.kind is not ErrorKind.UNAVAILABLE:
                raise
            return None
        while len(kept) > KEPT:
            kept.pop(next(iter(kept)))
    return kept[key]


def note(baseline: RunSpec, changes: Mapping[str, Any], comparison: Comparison, found: WhatIf) -> None:
    """Write the tweak into the ledger as soon as something is known of it, and again when more is."""
    if not changes or (not found.verdict.pairs and not found.done):
        return
    noted: dict[str, str] = st.session_state.setdefault("whatif/noted", {})
    key = json.dumps([baseline.digest(), ordered(changes), comparison.budget.model_dump()])
    said = found.verdict.model_dump_json()
    if noted.get(key) != said:
        api.note_tweak(baseline, ordered(changes), comparison.budget, found.verdict, who=who())
        noted[key] = said


def who() -> str:
    """Whose tweak it is: the name given on this visit, else the owner of this machine where they sit at it."""
    given = str(st.session_state.get("whatif/who", "")).strip()
    if given or st.context.ip_address not in LOOPBACK:
        return given[:80]
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return ""
