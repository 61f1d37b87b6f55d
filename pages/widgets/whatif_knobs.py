"""The knobs of a document, drawn from its fields: turning one changes the tweak in the address and nothing else.

A turn draws two small parts of the page again (the answer, then the knobs), never the whole page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.errors import EngineError
from engine.specs import RunSpec
from engine.specs.knobs import Knob, knobs
from engine.text import N_
from pages.widgets import documents, whatif_state
from pages.widgets.text import _, plain, say
from pages.widgets.whatif_ladder import ladder
from pages.widgets.whatif_words import edited, knob_value

KNOBS_PART, STAGE_PART = "whatif_knobs", "whatif_stage"  # what a turn draws again
SEGMENTS, SEGMENTS_LETTERS = 3, 20  # so many short values stand beside each other, more go into a list
MIN_KNOB_WIDTH_PX = 150

# What people turn first, by the last part of the path, the most telling first (Godbole et al. 2023, "Deep Learning
# Tuning Playbook", ranks rate, optimizer, schedule, batch and regularisation so). Everything else follows in the order
# of the document.
TELLING = (
    "learning_rate",
    "optimizer.kind",
    "batch_size",
    "schedule.kind",
    "weight_decay",
    "warmup_fraction",
    "dropout",
    "label_smoothing",
    "model.kind",
    "units",
    "filters",
    "width",
    "depth",
    "blocks",
    "layers",
    "num_heads",
    "dense_units",
    "activation",
    "train_fraction",
    "image_size_px",
    "max_tokens",
    "number_encoding",
    "shift_fraction",
    "rotation_degrees",
    "horizontal_flip",
    "clip_norm",
)
GROUPS = {
    "training": (N_("Training"), ":material/model_training:", 6),
    "model": (N_("Model"), ":material/schema:", 6),
    "data": (N_("Data"), ":material/table_chart:", 4),
}


def panel(baseline: RunSpec) -> None:
    """Draw the knobs in a part of the page of their own."""

    @st.fragment(key=KNOBS_PART)
    def part() -> None:
        draw(baseline)

    part()


def draw(baseline: RunSpec) -> None:
    """The most telling knobs by group, those taken out of the search, and the search."""
    comparison = whatif_state.current()
    try:
        spec = edited(baseline, dict(comparison.changes))
    except EngineError:  # the answer beside the knobs says what is wrong
        spec = baseline
    at_rest = {knob.path: knob for knob in knobs(baseline)}
    turnable = [knob for knob in knobs(spec) if knob.in_probe]
    names = names_of(spec, turnable)
    shown, rest = chosen(turnable, (*comparison.knobs, *dict(comparison.changes)))
    for name, (title, icon, _most) in GROUPS.items():
        group = [knob for knob in shown if group_of(knob) == name]
        if not group:
            continue
        st.markdown(f"{icon} **{_(title)}**")
        with st.grid(columns=2, min_column_width=MIN_KNOB_WIDTH_PX, gap="small"):
            for knob in group:
                _draw_knob(knob, names[knob.path], at_rest.get(knob.path), baseline.digest())
    _search({knob.path: names[knob.path] for knob in rest})
    _exact([knob for knob in turnable if knob.kind in ("int", "float")], names, at_rest)


def names_of(spec: RunSpec, found: Sequence[Knob]) -> dict[str, str]:
    """The name of each knob by its path: its title, or where several have the same, with what it stands in.

    Translated; no markdown.
    """
    titles = [_(knob.title) for knob in found]
    names = {}
    for knob, title in zip(found, titles, strict=True):
        full = documents.path_title(spec, knob.path).removesuffix(f" › {title}")
        names[knob.path] = title if titles.count(title) == 1 else f"{full.rpartition(' › ')[2]} › {title}"
    return names


def chosen(turnable: Sequence[Knob], wanted: Sequence[str]) -> tuple[list[Knob], list[Knob]]:
    """Which knobs stand on the screen, and which are to be searched for."""
    ordered = sorted(turnable, key=_rank)
    shown: list[Knob] = []
    for name, (_title, _icon, most) in GROUPS.items():
        group = [knob for knob in ordered if group_of(knob) == name]
        telling = [knob for knob in group if _rank(knob) < len(TELLING) or not knob.advanced][:most]
        shown += telling + [knob for knob in group if knob.path in wanted and knob not in telling]
    return shown, [knob for knob in turnable if knob not in shown]


def group_of(knob: Knob) -> str:
    """The group in which a knob stands: chance and split belong to the data."""
    first = knob.path.partition(".")[0]
    return first if first in GROUPS else "data"


def _rank(knob: Knob) -> int:
    for place, name in enumerate(TELLING):
        if knob.path == name or knob.path.endswith(f".{name}"):
            return place
    return len(TELLING) + (100 if knob.advanced else 0)


def _draw_knob(knob: Knob, title: str, at_rest: Knob | None, baseline: str) -> None:
    """One knob; where it is turned its label says what the baseline has."""
    key = f"knob_{knob.path}~{baseline[:6]}"
    rest = at_rest.value if at_rest is not None else None
    label = plain(title)
    if at_rest is not None and knob.value != rest:
        label = f"**{plain(title)}** :gray[{say('was {value}', value=knob_value(at_rest, rest))}]"
    help_text = _(knob.help) or None
    values = positions(at_rest if at_rest is not None else knob, knob.value)
    call = {"key": key, "help": help_text, "on_change": turned, "args": (knob.path, key, rest, values)}
    if knob.kind == "bool":
        st.session_state[key] = bool(knob.value)
        st.toggle(label, **call)  # type: ignore[arg-type]
        return
    texts = [knob_value(knob, value) for value in values]
    st.session_state[key] = values.index(knob.value)
    if knob.kind in ("int", "float"):
        st.select_slider(label, range(len(values)), format_func=texts.__getitem__, **call)  # type: ignore[arg-type,call-overload]
    elif len(values) <= SEGMENTS and sum(map(len, texts)) <= SEGMENTS_LETTERS:
        st.segmented_control(label, range(len(values)), format_func=texts.__getitem__, required=True, **call)  # type: ignore[arg-type,call-overload]
    else:
        st.selectbox(label, range(len(values)), format_func=texts.__getitem__, **call)  # type: ignore[arg-type,call-overload]


def positions(knob: Knob, present: Any) -> list[Any]:
    """The values of a knob in the order in which they stand; the present one is always among them."""
    if knob.kind == "bool":
        return [False, True]
    if knob.kind == "choice":
        values = list(knob.choices)
        return values if present in values else [*values, present]
    return ladder(knob, (present,))


def turned(path: str, key: str, rest: Any, values: Sequence[Any]) -> None:
    """A knob was turned: remember it, and draw the answer again."""
    place = st.session_state[key]
    set_to(path, values[int(place)], rest)
    st.rerun([STAGE_PART, KNOBS_PART])


def set_to(path: str, value: Any, rest: Any) -> None:
    """Put a value into the tweak in hand; another kind takes its own fields with it."""
    comparison = whatif_state.current()
    if path.endswith(".kind"):
        prefix = path.removesuffix("kind")
        comparison = comparison.without([p for p, _value in comparison.changes if p.startswith(prefix)])
    whatif_state.put(comparison.without([path]) if value == rest else comparison.turned(path, value))


def _search(titles: dict[str, str]) -> None:
    """All other knobs, found by their name."""
    if not titles:
        return
    key = "knob_search"

    def take() -> None:
        path = st.session_state[key]
        st.session_state[key] = None
        if path:
            whatif_state.put(whatif_state.current().with_knob(path))
        st.rerun(KNOBS_PART)

    st.selectbox(
        _("More knobs"),
        list(titles),
        index=None,
        format_func=lambda path: titles.get(path, path),
        placeholder=say("Search {n} more by name", n=len(titles)),
        key=key,
        on_change=take,
    )


def _exact(numeric: Sequence[Knob], names: dict[str, str], at_rest: dict[str, Knob]) -> None:
    """Any value of a numeric knob, typed."""
    if not numeric:
        return
    by_path = {knob.path: knob for knob in numeric}
    with st.popover(_("Type a value"), icon=":material/keyboard:", key="knob_exact_box"):
        path = st.selectbox(_("Knob"), list(by_path), format_func=lambda name: names.get(name, name), key="knob_exact")
        knob = by_path[path]
        st.text_input(_("Value"), placeholder=knob_value(knob, knob.value), key="knob_exact_value")
        rest = at_rest[path].value if path in at_rest else None
        st.button(_("Set"), key="knob_exact_set", type="primary", on_click=typed, args=(knob, rest))
        problem = st.session_state.pop("knob_exact_problem", "")
        if problem:
            st.caption(f":red[:material/error: {problem}]")


def typed(knob: Knob, rest: Any) -> None:
    """A value was typed: take it where it is a number within the bounds."""
    text = str(st.session_state.get("knob_exact_value") or "").strip().replace(",", ".")
    try:
        number: float = int(text) if knob.kind == "int" else float(text)
    except ValueError:
        st.session_state["knob_exact_problem"] = say(
            "Expected a number such as 0.001 or 1e-3, got “{typed}”.", typed=text
        )
        st.rerun(KNOBS_PART)
    low, high = knob.low, knob.high
    if number != number or (low is not None and number < low) or (high is not None and number > high):
        allowed = " – ".join("…" if bound is None else f"{bound:g}" for bound in (low, high))
        st.session_state["knob_exact_problem"] = say(
            "Must be within {allowed}; got {number}.", allowed=allowed, number=text
        )
        st.rerun(KNOBS_PART)
    st.session_state["knob_exact_value"] = ""
    set_to(knob.path, number, rest)
    st.rerun([STAGE_PART, KNOBS_PART])
