"""What stands on the what-if screen, in the address: the baseline, the tweak in hand, what is pinned, the budget.

The address alone rebuilds the screen in another browser. The session holds a copy, because a browser that is behind
sends an address that was true a moment ago, and because the navigation drops the query.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args
from urllib.parse import quote, unquote

import streamlit as st

from engine.errors import EngineError, ErrorKind
from engine.specs.prediction import ScaleOver
from engine.specs.probe import SEEDS, ProbeBudget
from engine.text import N_
from pages.widgets import state

BASE, TURN, PIN, BOX, KNOBS, TORNADO, MORE = "base", "turn", "pin", "box", "knobs", "tornado", "more"
HOLD = "hold"
KEYS = (BASE, TURN, PIN, BOX, KNOBS, TORNADO, MORE, HOLD)
MOST_PINS = 6
LATE_S = 5.0  # so long an address that this session wrote may still come back from a slow browser
_SESSION, _WRITTEN = "whatif", "whatif/written"
RUN_BASE, DRAFT_BASE = "run", "draft"

Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """One state of the screen. Frozen: a turn of a knob makes a new one."""

    base: str = ""  # "run:<id>" or "draft:<id>"
    changes: tuple[tuple[str, Any], ...] = ()  # the tweak in hand, in the order in which it was made
    pins: tuple[tuple[tuple[str, Any], ...], ...] = ()
    budget: ProbeBudget = field(default_factory=ProbeBudget)
    seeds: int = SEEDS
    knobs: tuple[str, ...] = ()  # paths of knobs that were taken out of the search
    tornado: bool = False  # whether every knob is turned by itself
    hold: bool = False  # whether a turned knob shows what is expected and waits with its probe
    more: str = ""  # of what there shall be more: "data", "epochs", "width", "depth"

    def turned(self, path: str, value: Any) -> Comparison:
        """The same with one more field of the tweak set."""
        return replace(self, changes=(*((p, v) for p, v in self.changes if p != path), (path, value)))

    def without(self, paths: Sequence[str]) -> Comparison:
        """The same with fields back at the baseline's values."""
        return replace(self, changes=tuple((p, v) for p, v in self.changes if p not in paths))

    def with_knob(self, path: str) -> Comparison:
        """The same with one more knob on the screen."""
        return self if path in self.knobs else replace(self, knobs=(*self.knobs, path))

    def holding(self, changes: Changes) -> Comparison:
        """The same with another tweak in hand."""
        return replace(self, changes=tuple(changes.items()))


def to_address(comparison: Comparison) -> dict[str, list[str]]:
    """The values of the address; what is as usual is left out."""
    box = comparison.budget
    usual = ProbeBudget()
    parts = (
        ("steps", box.steps, usual.steps),
        ("seconds", box.seconds, usual.seconds),
        ("data", box.train_fraction, usual.train_fraction),
        ("seeds", comparison.seeds, SEEDS),
    )
    unusual = tuple((name, value) for name, value, common in parts if value != common)
    written = {
        BASE: [comparison.base] if comparison.base else [],
        TURN: [_written(comparison.changes)] if comparison.changes else [],
        PIN: [_written(pin) for pin in comparison.pins],
        BOX: [_written(unusual)] if unusual else [],
        KNOBS: [";".join(comparison.knobs)] if comparison.knobs else [],
        TORNADO: ["1"] if comparison.tornado else [],
        MORE: [comparison.more] if comparison.more else [],
        HOLD: ["1"] if comparison.hold else [],
    }
    return {key: values for key, values in written.items() if values}


def from_address(values: Mapping[str, Sequence[str]]) -> Comparison:
    """Read what `to_address` wrote.

    Raises:
        EngineError: BAD_INPUT where somebody changed the address into something that says nothing.
    """
    try:
        box = dict(_read("".join(values.get(BOX, ())[:1])))
        seeds = int(box.pop("seeds", SEEDS))
        budget = ProbeBudget.model_validate({{"data": "train_fraction"}.get(k, k): v for k, v in box.items()})
        return Comparison(
            base="".join(values.get(BASE, ())[:1]),
            changes=_read("".join(values.get(TURN, ())[:1])),
            pins=tuple(_read(pin) for pin in values.get(PIN, ()))[:MOST_PINS],
            budget=budget,
            seeds=min(max(seeds, 1), 20),
            tornado=bool(values.get(TORNADO)),
            hold=bool(values.get(HOLD)),
            more="".join(over for over in values.get(MORE, ())[:1] if over in get_args(ScaleOver)),
            knobs=tuple(path for path in "".join(values.get(KNOBS, ())[:1]).split(";") if path),
        )
    except ValueError as error:  # pydantic's, json's and int's alike
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The address of this comparison cannot be read."),
            hint=N_("Ask for the link again, or begin anew by choosing a baseline."),
        ) from error


def current() -> Comparison:
    """The state of the screen: the address', unless that is one which this session has already moved on from."""
    held: Comparison | None = st.session_state.get(_SESSION)
    given = {key: list(st.query_params.get_all(key)) for key in KEYS if key in st.query_params}
    if not given:
        if held is not None:
            put(held)  # the navigation dropped the query
        return held or Comparison()
    if held is not None and (given == to_address(held) or _is_late(given)):
        return held
    read = from_address(given)
    st.session_state[_SESSION] = read
    return read


def put(comparison: Comparison) -> None:
    """Make it the state of the screen, here and in the address."""
    address = to_address(comparison)
    now = time.monotonic()
    recent = {text: at for text, at in st.session_state.get(_WRITTEN, {}).items() if now - at < LATE_S}
    for old in (st.session_state.get(_SESSION), comparison):
        if old is not None:
            recent[json.dumps(to_address(old), sort_keys=True)] = now
    st.session_state[_WRITTEN] = recent
    st.session_state[_SESSION] = comparison
    rest = {key: st.query_params.get_all(key) for key in st.query_params if key not in KEYS}
    if {key: list(st.query_params.get_all(key)) for key in KEYS if key in st.query_params} != address:
        st.query_params.from_dict({**rest, **address})  # one message to the browser, not one for each value


def open_with(base: str) -> None:
    """Open the screen with a baseline: "run:<id>" or "draft:<id>"."""
    st.session_state[_SESSION] = Comparison(base=base)
    state.go(state.WHATIF_PAGE)


def _is_late(given: Mapping[str, Sequence[str]]) -> bool:
    at = st.session_state.get(_WRITTEN, {}).get(json.dumps(given, sort_keys=True))
    return at is not None and time.monotonic() - at < LATE_S


def _written(changes: Sequence[tuple[str, Any]]) -> str:
    """`training.batch_size:32;training.optimizer.kind:sgd`: to be read by people too."""
    return ";".join(f"{path}:{_value(value)}" for path, value in changes)


def _value(value: Any) -> str:
    if isinstance(value, str) and not _is_json(value):
        return quote(value, safe=" ")
    return quote(json.dumps(value, separators=(",", ":")), safe="[],.-+\"'")


def _read(text: str) -> tuple[tuple[str, Any], ...]:
    changes = []
    for part in text.split(";"):
        path, colon, value = part.partition(":")
        if not colon:
            if part:
                raise ValueError(part)
            continue
        value = unquote(value)
        changes.append((path, json.loads(value) if _is_json(value) else value))
    return tuple(changes)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
