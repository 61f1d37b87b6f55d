"""The layer editor: layers added, moved, duplicated and deleted; each with the fields of its kind."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.specs import RunSpec
from engine.specs.models import graph as graphs
from engine.specs.models.layers import PREVIOUS, LayerSpec
from pages.widgets import fields, forms
from pages.widgets.text import _, plain, say_raw

KIND = "graph"


def starting_graph(spec: RunSpec) -> graphs.LayerGraphSpec:
    """A small graph that works for the task, to begin with."""
    return graphs.starting_graph(spec.data.task.modality)


def edit(graph: graphs.LayerGraphSpec, *, key: str) -> graphs.LayerGraphSpec:
    """Draw the editor and return the graph as edited."""
    st.caption(_("Layers run from top to bottom. A layer takes the one above it unless other inputs are chosen."))
    for place, node in enumerate(graph.nodes):
        changed = _layer(graph, place, node, key=f"{key}_{node.id}")
        if changed != graph:
            return changed
    return _add(graph, key=key)


def _layer(graph: graphs.LayerGraphSpec, place: int, node: Any, *, key: str) -> graphs.LayerGraphSpec:
    """One layer: what it is, buttons to move, copy and delete it, and its fields behind a fold."""
    with st.container(border=True, key=f"{key}_box", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown(f"{place + 1}. **{_(type(node).label)}** · {plain(node.id)}", width="stretch")
            up = st.button(
                "", icon=":material/arrow_upward:", type="tertiary", key=f"{key}_up", help=_("Up"), disabled=place == 0
            )
            last = place == len(graph.nodes) - 1
            down = st.button(
                "", icon=":material/arrow_downward:", type="tertiary", key=f"{key}_down", help=_("Down"), disabled=last
            )
            copy = st.button(
                "", icon=":material/content_copy:", type="tertiary", key=f"{key}_copy", help=_("Duplicate")
            )
            only = len(graph.nodes) == 1
            gone = st.button(
                "", icon=":material/delete:", type="tertiary", key=f"{key}_delete", help=_("Delete"), disabled=only
            )
        if up or down:
            return graphs.move(graph, node.id, -1 if up else 1)
        if copy:
            return graphs.duplicate(graph, node.id)
        if gone:
            return graphs.delete(graph, node.id)
        with st.expander(_summary(node), key=f"{key}_fold"):
            before = [entry.id for entry in graph.nodes[:place]]
            edited = forms.draw(
                node,
                key=f"{key}_form",
                without=("kind", "id"),
                options={"inputs": [PREVIOUS, graphs.INPUT, *before]},
            )
    return graphs.replace(graph, node.id, edited)


def _summary(node: Any) -> str:
    """The settings of a layer in one line."""
    parts = []
    for name, info in type(node).model_fields.items():
        value = getattr(node, name)
        if (
            name not in ("kind", "id", "inputs")
            and isinstance(value, int | float | str)
            and not isinstance(value, bool)
        ):
            parts.append(f"{_(info.title or name)} {fields.value_label(value) if isinstance(value, str) else value}")
    return plain(" · ".join(parts[:4])) or _("Settings")


def _add(graph: graphs.LayerGraphSpec, *, key: str) -> graphs.LayerGraphSpec:
    """Choose a kind of layer and put it at a place."""
    kinds = LayerSpec.alternatives
    with st.container(border=True, key=f"{key}_add_box"), st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox(
            _("New layer"),
            list(kinds),
            index=list(kinds).index("dense"),
            format_func=lambda name: _(kinds[name].label) or name,
            key=f"{key}_kind",
        )
        ids = [node.id for node in graph.nodes]
        after = st.selectbox(
            _("After"),
            ids,
            index=len(ids) - 1,
            format_func=lambda node_id: say_raw("{place}. {name}", place=ids.index(node_id) + 1, name=node_id),
            key=f"{key}_after~{len(ids)}",
        )
        if st.button(_("Add"), icon=":material/add:", key=f"{key}_add"):
            return graphs.add(graph, graphs.new_layer(graph, kind), after=after)
    return graph
