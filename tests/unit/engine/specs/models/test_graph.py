"""The layer editor's document: it stays valid whatever is done to it."""

import pytest
from pydantic import ValidationError

from engine.errors import EngineError
from engine.specs import Modality, RunSpec
from engine.specs.models import graph as g
from engine.specs.models import layers as kinds


def ids(graph: g.LayerGraphSpec) -> list[str]:
    return [node.id for node in graph.nodes]


def small() -> g.LayerGraphSpec:
    return g.LayerGraphSpec(
        nodes=(
            kinds.DenseLayer(id="a", units=8),
            kinds.DenseLayer(id="b", units=8),
            kinds.DenseLayer(id="c", units=8, inputs=("a",)),
            kinds.AddLayer(id="sum", inputs=("previous", "b")),
        )
    )


def test_inputs_are_resolved() -> None:
    graph = small()
    assert [g.resolved_inputs(graph, name) for name in ids(graph)] == [("input",), ("a",), ("a",), ("c", "b")]


def test_a_layer_is_added_between_two() -> None:
    graph = small()
    bigger = g.add(graph, g.new_layer(graph, "dropout", rate=0.5), after="a")
    assert ids(bigger) == ["a", "dropout_1", "b", "c", "sum"]
    assert g.resolved_inputs(bigger, "b") == ("dropout_1",)
    assert g.resolved_inputs(bigger, "c") == ("a",)
    assert ids(g.add(graph, g.new_layer(graph, "dense"))) == ["a", "b", "c", "sum", "dense_1"]
    assert ids(g.add(graph, g.new_layer(graph, "dense"), after=""))[0] == "dense_1"
    assert ids(graph) == ["a", "b", "c", "sum"]  # the old document is as it was


def test_who_named_a_deleted_layer_takes_what_fed_it() -> None:
    without_b = g.delete(small(), "b")
    assert g.resolved_inputs(without_b, "sum") == ("c", "a")
    without_c = g.delete(small(), "c")
    assert g.resolved_inputs(without_c, "sum") == ("a", "b")
    without_a = g.delete(small(), "a")
    assert g.resolved_inputs(without_a, "c") == ("input",)
    assert g.resolved_inputs(without_a, "b") == ("input",)


def test_a_copy_follows_the_original() -> None:
    graph = g.duplicate(small(), "b")
    assert ids(graph) == ["a", "b", "dense_1", "c", "sum"]
    assert g.resolved_inputs(graph, "dense_1") == ("b",)
    assert graph.nodes[2].units == 8  # type: ignore[attr-defined]
    branches = g.duplicate(small(), "sum")
    assert g.resolved_inputs(branches, ids(branches)[-1]) == ("c", "b")


def test_moving_lets_go_of_references_that_would_point_forward() -> None:
    graph = g.move(small(), "b", 2)
    assert ids(graph) == ["a", "c", "sum", "b"]
    assert g.resolved_inputs(graph, "sum") == ("c", "c")
    assert ids(g.move(small(), "a", -5)) == ["a", "b", "c", "sum"]
    assert ids(g.move(small(), "a", 99)) == ["b", "c", "sum", "a"]


def test_a_new_name_is_carried_on() -> None:
    graph = g.replace(small(), "b", kinds.DenseLayer(id="broad", units=8))
    assert g.resolved_inputs(graph, "sum") == ("c", "broad")


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ([{"kind": "dense", "id": "a"}, {"kind": "dense", "id": "a"}], "“a” is taken"),
        ([{"kind": "dense", "id": "input"}], "is taken"),
        ([{"kind": "dense", "id": "head_x"}], "is taken"),
        ([{"kind": "dense", "id": "a", "inputs": ["later"]}, {"kind": "dense", "id": "later"}], "no layer before it"),
        ([{"kind": "flatten", "id": "f", "inputs": ["input", "input"]}], "takes at most 1 input"),
        ([{"kind": "dense", "id": "No Spaces"}], "pattern"),
    ],
)
def test_what_cannot_be_is_refused(nodes: list[dict[str, object]], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        g.LayerGraphSpec.model_validate({"kind": "graph", "nodes": nodes})


def test_unknown_names_are_named() -> None:
    with pytest.raises(EngineError, match="no layer z"):
        g.delete(small(), "z")
    with pytest.raises(EngineError, match="got “nothing”"):
        g.new_layer(small(), "nothing")
    with pytest.raises(EngineError, match="rate must be at most"):
        g.new_layer(small(), "dropout", rate=2.0)


@pytest.mark.parametrize("modality", list(Modality))
def test_a_starting_graph_survives_json(modality: Modality) -> None:
    task = {"image": "image_classification", "text": "text_classification", "table": "table_classification"}[modality]
    spec = RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "task": task, "preprocessing": {"kind": modality.value}},
            "model": g.starting_graph(modality),
        }
    )
    assert RunSpec.parse(spec.to_json()) == spec
    assert spec.edit({"model.nodes.1.id": "second"}).model.nodes[1].id == "second"  # type: ignore[attr-defined]
