"""A search before it starts: over which document, which space, which algorithm, what counts, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from pydantic import ValidationError

from engine import api
from engine.errors import EngineError
from engine.specs import RunSpec, RunStatus
from engine.specs.records import RunRecord
from engine.specs.search import Objective, SearchSpec
from engine.specs.search_records import SearchPreset, SpaceSize
from engine.text import N_
from pages.widgets import forms, layout, live, numbers, state, tuning_actions, tuning_space
from pages.widgets.text import _, error_text, plain, say, shorten
from pages.widgets.tokens import given_name, submit_token
from pages.widgets.tuning_board import metric_name
from pages.widgets.tuning_condition import said
from pages.widgets.tuning_fields import Field, searchable
from pages.widgets.tuning_space import sentence

BASES_SHOWN = 30
DIRECTIONS = {"auto": N_("As usual"), "max": N_("Higher is better"), "min": N_("Lower is better")}
AUTO = "auto"


def screen() -> None:
    """Everything about a search that is not started yet."""
    spec = base()
    if spec is None:
        return
    if spec.search is None:
        presets = api.search_presets(spec)
        first = SearchSpec.model_validate(presets[0].search) if presets else SearchSpec()
        spec = spec.model_copy(update={"search": first})
    search = spec.search or SearchSpec()
    known = searchable(spec, search)
    size = api.space_size(spec)
    left, right = st.columns([3, 2], gap="large")
    with left:
        layout.section(_("Search space"), _("Each row is a field of the document and the values that may be tried."))
        search = presets_of(spec, search)
        dimensions, fits = tuning_space.edit(spec, search, known, problems=by_path(size, search), key="tuning_space")
    with right:
        start_place = st.container()
        changes, options_fit = options(spec, search, size)
    edited = combined(search, {"dimensions": dimensions, **changes}, known)
    if edited is not None and edited != spec.search:
        state.put_draft(spec.model_copy(update={"search": edited}))
        st.rerun()
    with start_place:
        start_panel(spec, size, known, fits and options_fit and edited is not None)


def combined(search: SearchSpec, changes: dict[str, Any], known: dict[str, Field]) -> SearchSpec | None:
    """The search with the changes; None, and the sentence why, where they do not fit together."""
    try:
        return SearchSpec.model_validate(dict(search) | changes)
    except ValidationError as error:
        titles = {path: field.title() for path, field in known.items()}
        for problem in error.errors(include_url=False)[:3]:
            said(sentence(problem, titles))
        return None


# ---- over which document --------------------------------------------------------------------------------------------
def base() -> RunSpec | None:
    """The document that is searched: the draft in the address, else one chosen from the runs."""
    spec = state.current_draft()
    listed = {run.id: run for run in api.runs(status=RunStatus.FINISHED, limit=BASES_SHOWN)}
    if spec is None and (first := _first(listed)) is not None:
        state.begin_draft(first)
        spec = state.current_draft()
    if spec is None:
        if layout.empty_state(
            ":material/tune:",
            _("A search begins with a document"),
            _("Design a model first, or train one; then choose here which of its fields are to be searched."),
            action=_("Go to Design"),
            key="tuning_empty",
        ):
            state.go(state.DESIGN_PAGE)
        return None
    draft = ""
    picked = st.selectbox(
        _("Search over"),
        [draft, *listed],
        format_func=lambda run_id: _run_line(listed[run_id]) if run_id else _draft_line(spec),
        key=f"tuning_base~{state.get(state.DRAFT)}",
        help=_("The document that is searched: all fields that are not searched stay as they are in it."),
    )
    if picked:
        state.begin_draft(_of_run(listed[picked]))
        st.rerun()
    return spec


def _first(listed: Mapping[str, RunRecord]) -> RunSpec | None:
    """Where nothing is designed: the document of the run in the address, else what is proposed for the data in the
    address, else the newest run's."""
    run, data = state.current_run(), state.current_dataset()
    if run is not None:
        return _of_run(run)
    if data is not None:
        return api.default_spec(data.id)
    return _of_run(next(iter(listed.values()))) if listed else None


def _of_run(run: RunRecord) -> RunSpec:
    return run.spec.model_copy(update={"parent_run": "", "branch_step": 0})


def _draft_line(spec: RunSpec) -> str:
    return f"{_('The design')}: {given_name(spec) or spec.data.name} · {_(type(spec.model).label)}"


def _run_line(run: RunRecord) -> str:
    figures = live.best_figures(run, 1)
    best = f" · {figures[0][1]}" if figures else ""
    return f"{_('Run')}: {run.name or run.id[:8]} · {layout.data_name(run)}{best}"


# ---- the space ------------------------------------------------------------------------------------------------------
def presets_of(spec: RunSpec, search: SearchSpec) -> SearchSpec:
    """Ready-made spaces for this document; picking one takes the place of the rows below."""
    presets: dict[str, SearchPreset] = {preset.id: preset for preset in api.search_presets(spec)}
    if not presets:
        return search
    made = {name: SearchSpec.model_validate(preset.search) for name, preset in presets.items()}
    now = next((name for name, other in made.items() if other.dimensions == search.dimensions), None)
    picked = st.pills(
        _("Ready-made spaces"),
        list(presets),
        default=now,
        format_func=lambda name: _(presets[name].name),
        key=f"tuning_preset~{now}~{len(search.dimensions)}",
        wrap=True,
        help="\n\n".join(f"**{_(preset.name)}**: {_(preset.summary)}" for preset in presets.values()),
    )
    if picked and picked != now:
        return search.model_copy(update={"dimensions": made[picked].dimensions, "start_points": ()})
    return search


def by_path(size: SpaceSize, search: SearchSpec) -> dict[str, EngineError]:
    """The engine's objection against a dimension, by the path of that dimension."""
    part, _dot, place = size.field.partition(".")
    place = place.partition(".")[0]
    if size.problem and part == "dimensions" and place.isdigit() and int(place) < len(search.dimensions):
        return {search.dimensions[int(place)].path: EngineError.from_record(size.problem)}
    return {}


def problem_at(size: SpaceSize, *parts: str) -> None:
    """The engine's objection below the field that it is about."""
    if size.problem and size.field.startswith(parts):
        said(" ".join(error_text(EngineError.from_record(size.problem))))


# ---- how ------------------------------------------------------------------------------------------------------------
def options(spec: RunSpec, search: SearchSpec, size: SpaceSize) -> tuple[dict[str, Any], bool]:
    """Algorithm, objectives, budget and the rest; what was changed, and whether everything fits."""
    titles = {"algorithm": _("Algorithm"), "trials": _("Each trial"), "start": _("Beginning")}
    changes: dict[str, Any] = {}
    for name, place in layout.open_tabs(titles, key="tuning_options"):
        with place:
            if name == "algorithm":
                edited = forms.draw(search, key="tuning_algorithm", only=("algorithm", "budget"))
                changes |= {"algorithm": edited.algorithm, "budget": edited.budget}
                problem_at(size, "algorithm", "budget")
            elif name == "trials":
                changes |= {"objectives": objectives(spec, search, size)}
                only = ("repeats", "folds", "median_stopping", "median_grace_epochs", "median_after_trials")
                edited = forms.draw(search, key="tuning_trials", only=only)
                changes |= {field: getattr(edited, field) for field in only}
                problem_at(size, "repeats", "folds", "median")
            else:
                changes |= beginning(spec, search, size)
    return changes, not (size.problem and not size.field.startswith("dimensions"))


def objectives(spec: RunSpec, search: SearchSpec, size: SpaceSize) -> tuple[Objective, ...]:
    """One or two things that are to become better."""
    known = api.search_metrics(spec)
    first, *rest = search.objectives
    made = [_objective(first, (AUTO, *known), _("Objective"), "tuning_objective")]
    two = st.toggle(
        _("A second objective"),
        bool(rest),
        key=f"tuning_two~{bool(rest)}",
        help=_("Such as accuracy against the number of parameters: the search then shows the best trade-offs."),
    )
    if two:
        taken = made[0].metric if made[0].metric != AUTO else known[0]
        free = tuple(metric for metric in known if metric not in (taken, "judgement"))
        second = rest[0] if rest and rest[0].metric in free else Objective(metric=_cheapest(free))
        made.append(_objective(second, free, _("Against"), "tuning_objective_2"))
    problem_at(size, "objectives")
    return tuple(made)


def _cheapest(metrics: tuple[str, ...]) -> str:
    return "parameters" if "parameters" in metrics else metrics[0]


def _objective(now: Objective, known: tuple[str, ...], title: str, key: str) -> Objective:
    listed = list(known) if now.metric in known else [now.metric, *known]
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    metric = left.selectbox(
        title,
        listed,
        index=listed.index(now.metric),
        format_func=lambda name: _("The usual for this task") if name == AUTO else metric_name(name),
        key=f"{key}~{now.metric}",
    )
    direction = right.selectbox(
        _("Better is"),
        list(DIRECTIONS),
        index=list(DIRECTIONS).index(now.direction),
        format_func=lambda name: _(DIRECTIONS[name]),
        key=f"{key}_direction~{now.direction}",
    )
    return now.model_copy(update={"metric": metric, "direction": direction})


def beginning(spec: RunSpec, search: SearchSpec, size: SpaceSize) -> dict[str, Any]:
    """What the algorithm is told before it proposes: earlier runs, points to try first; and its seed."""
    alike = {
        run.id: run
        for run in api.runs(status=RunStatus.FINISHED, dataset_id=spec.data.dataset, limit=BASES_SHOWN)
        if run.spec.data.task is spec.data.task
    }
    listed = [*alike, *(run_id for run_id in search.warm_runs if run_id not in alike)]
    warm = st.multiselect(
        _("Learn from earlier runs"),
        listed,
        default=[run_id for run_id in search.warm_runs if run_id in listed],
        format_func=lambda run_id: _run_line(alike[run_id]) if run_id in alike else run_id[:8],
        key="tuning_warm",
        placeholder=_("Choose runs") if listed else _("There are no finished runs of these data yet"),
        help=_("Their results are told to the algorithm first."),
    )
    problem_at(size, "warm_runs")
    points = start_points(spec, search, size)
    edited = forms.draw(search, key="tuning_seed", only=("seed", "parallel"))
    return {"warm_runs": tuple(warm), "start_points": points, "seed": edited.seed, "parallel": edited.parallel}


def start_points(spec: RunSpec, search: SearchSpec, size: SpaceSize) -> tuple[dict[str, Any], ...]:
    """The points that are tried before the algorithm proposes its own, such as variants sent from What if."""
    known = searchable(spec, search)
    points = list(search.start_points)
    if points:
        st.markdown(f"**{_('Tried first')}**")
    for place, point in enumerate(search.start_points):
        with st.container(horizontal=True, vertical_alignment="center"):
            words = " · ".join(_words(known, path, value) for path, value in point.items())
            st.markdown(f"{place + 1}. {words}", width="stretch")
            if st.button("", icon=":material/close:", key=f"tuning_start_{place}", type="tertiary", help=_("Remove")):
                points.remove(point)
        problem_at(size, f"start_points.{place}")
    dimensions = {dimension.path for dimension in search.dimensions}
    here = {path: field.knob.value for path, field in known.items() if path in dimensions and not field.when}
    if (
        here
        and here not in points
        and st.button(_("Try the document as it is first"), icon=":material/add:", key="tuning_start_base")
    ):
        points.append(here)
    return tuple(points)


def _words(known: dict[str, Field], path: str, value: Any) -> str:
    if path not in known:
        return f"{plain(path)} **{plain(shorten(value))}**"
    return f"{plain(known[path].short_title())} **{plain(shorten(known[path].label_of(value)))}**"


# ---- the start ------------------------------------------------------------------------------------------------------
def start_panel(spec: RunSpec, size: SpaceSize, known: dict[str, Field], fits: bool) -> None:
    """What the search takes, its name, and the button that starts it."""
    with st.container(border=True, key="tuning_start_box"):
        layout.metric_row(
            (
                (_("Combinations"), combinations_text(size), _("∞: a range without a step has no end of values.")),
                (_("Trials"), "∞" if size.trials is None else numbers.count(size.trials), runs_text(size)),
                (_("Time"), numbers.duration(size.seconds), _("Estimated for the workers of this machine.")),
            ),
            width_px=100,
        )
        if size.problem and not size.field.startswith(("dimensions.", "objectives", "start_points", "warm_runs")):
            message, hint = error_text(EngineError.from_record(size.problem))
            st.warning(f"{message} {hint}", icon=":material/info:")
        left, right = st.columns([3, 2])
        name = left.text_input(
            _("Name of the search"),
            given_name(spec),
            key="tuning_name",
            max_chars=200,
            placeholder=f"{spec.data.name} · {_(type(spec.model).label)}",
        )
        with right:
            there, wanted = tuning_actions.workers(key="tuning_start_workers")
        blocked = not fits or bool(size.problem)
        if st.button(
            _("Start the search"), type="primary", icon=":material/play_arrow:", disabled=blocked, key="tuning_start"
        ):
            started = spec.model_copy(update={"name": (name or "").strip() or given_name(spec)})
            search_id = api.start_search(started, token=submit_token("tuning_submit", started))
            if wanted != there:
                api.set_workers(wanted)
            state.put(state.SEARCH, search_id)
            st.rerun()
        if blocked:
            st.caption(_("Correct what is marked in red, then start."))


def combinations_text(size: SpaceSize) -> str:
    """`1,536`, or ∞ for a continuum."""
    return "∞" if size.combinations is None else numbers.short(size.combinations)


def runs_text(size: SpaceSize) -> str:
    """What the trials are made of."""
    parts = []
    if size.runs is not None:
        parts.append(say("{n} trainings", n=numbers.count(size.runs)))
    if size.epochs is not None:
        parts.append(say("{n} epochs", n=numbers.count(size.epochs)))
    if size.seconds_a_trial is not None:
        parts.append(say("{time} a trial", time=numbers.duration(size.seconds_a_trial)))
    return " · ".join(parts)
