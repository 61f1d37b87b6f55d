"""What tweaks are compared with: a run, or the document that stands in Design."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from engine import api
from engine.specs import RunSpec
from engine.specs.records import RunRecord
from pages.widgets import layout, live, numbers, state, whatif_state
from pages.widgets.text import _
from pages.widgets.tokens import given_name
from pages.widgets.whatif_state import DRAFT_BASE, RUN_BASE, Comparison

RUNS_LISTED = 30
ALONE = {"parent_run": "", "branch_step": 0, "search": None}  # a probe begins at the beginning, and is no search


@dataclass(frozen=True)
class Baseline:
    """The document that tweaks are laid over."""

    key: str  # "run:<id>" or "draft:<id>"
    name: str  # as a person gave it
    spec: RunSpec
    run: RunRecord | None = None


def choose(comparison: Comparison) -> Baseline | None:
    """The selector; returns what is chosen, or None where there is nothing to choose or it is not there any more."""
    draft = state.get(state.DRAFT) if state.current_draft() is not None else ""
    listed = {f"{RUN_BASE}:{run.id}": run for run in api.runs(limit=RUNS_LISTED)}
    chosen = comparison.base or _proposed(draft, listed)
    found = None
    if chosen:
        with layout.errors_shown("whatif_base_error"):
            found = read(chosen)
    options = [f"{DRAFT_BASE}:{draft}"] if draft else []
    options += list(listed)
    if found is not None and chosen not in options:
        options.insert(0, chosen)
    if not options:
        return None
    titles = {key: _line(run) for key, run in listed.items()} | _draft_titles(options, draft)
    if found is not None and found.run is not None:
        titles.setdefault(chosen, _line(found.run))
    picked = st.selectbox(
        _("Baseline"),
        options,
        index=options.index(chosen) if found is not None else None,
        format_func=lambda key: titles.get(key, key),
        placeholder=_("Choose a run or a design"),
        key=f"whatif_base~{chosen}",
        help=_("Every tweak is compared with it, seed by seed."),
    )
    if picked and picked != chosen:
        whatif_state.put(Comparison(base=picked, budget=comparison.budget, seeds=comparison.seeds))
        st.rerun()
    if found is not None and comparison.base != chosen:
        whatif_state.put(Comparison(base=chosen, budget=comparison.budget, seeds=comparison.seeds))
    return found


def read(key: str) -> Baseline:
    """The document behind a key of the address.

    Raises:
        EngineError: NOT_FOUND where it is not there any more.
    """
    kind, _colon, name = key.partition(":")
    if kind == RUN_BASE:
        run = api.run(name)
        return Baseline(key, run.name or run.id[:8], run.spec.model_copy(update=ALONE), run)
    spec = api.draft(name).model_copy(update=ALONE)
    return Baseline(key, given_name(spec) or spec.data.name, spec)


def _proposed(draft: str, listed: dict[str, RunRecord]) -> str:
    """What a person most likely means: the run in the address, the design, else the newest run."""
    run = state.get(state.RUN)
    if f"{RUN_BASE}:{run}" in listed:
        return f"{RUN_BASE}:{run}"
    return f"{DRAFT_BASE}:{draft}" if draft else next(iter(listed), "")


def _draft_titles(options: list[str], draft: str) -> dict[str, str]:
    drafts = [key for key in options if key.startswith(f"{DRAFT_BASE}:")]
    return {
        key: _("What stands in Design") if key == f"{DRAFT_BASE}:{draft}" else _("An earlier design") for key in drafts
    }


def _line(run: RunRecord) -> str:
    """A run in the list: name, data, its best figure, age."""
    key = live.objective_key(run)
    figure = [f"{layout.metric_title_raw(key)} {numbers.figure(run.best[key])}"] if key else [_(run.status.label)]
    return "  ·  ".join([run.name or run.id[:8], *figure, numbers.ago(run.created_at)])
