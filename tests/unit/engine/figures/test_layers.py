"""The drawing of a model."""

import pytest

from engine.figures.layers import boxes_of, layer_diagram, place
from engine.specs.records import LayerRecord, ModelDescription


def layer(name: str, kind: str, *inputs: str, group: str = "", parameters: int = 0) -> LayerRecord:
    return LayerRecord(
        name=name,
        kind=kind,
        output_shape="(batch, 8, 8, 4)",
        parameters=parameters,
        flops=0,
        inputs=inputs,
        group=group,
    )


def describe(layers: list[LayerRecord]) -> ModelDescription:
    total = sum(one.parameters for one in layers)
    return ModelDescription(
        layers=tuple(layers),
        parameters=total,
        trainable_parameters=total,
        flops=0,
        memory_bytes=0,
        available_bytes=1,
        seconds_per_epoch=None,
        fits=True,
    )


def residual_net(blocks: int, *, grouped: bool) -> list[LayerRecord]:
    layers = [layer("input", "InputLayer")]
    for number in range(blocks):
        before, group = layers[-1].name, f"block {number}" if grouped else ""
        layers += [
            layer(f"conv{number}", "Conv2D", before, group=group, parameters=100),
            layer(f"norm{number}", "BatchNormalization", f"conv{number}", group=group),
            layer(f"relu{number}", "Activation", f"norm{number}", group=group),
            layer(f"add{number}", "Add", f"relu{number}", before, group=group),
        ]
    return layers


def test_a_small_model_has_a_box_a_layer() -> None:
    layers = residual_net(3, grouped=True)
    assert [box.title for box in boxes_of(layers)] == [one.name for one in layers]


def test_a_large_model_has_a_box_a_block() -> None:
    boxes = boxes_of(residual_net(50, grouped=True))
    assert len(boxes) == 51
    assert boxes[1].title == "block 0"
    assert boxes[2].inputs == {1}


def test_small_layers_fold_into_the_one_before_where_there_are_no_blocks() -> None:
    boxes = boxes_of(residual_net(20, grouped=False))
    assert len(boxes) == 41
    assert [one.kind for one in boxes[1].layers] == ["Conv2D", "BatchNormalization", "Activation"]


def test_no_layer_is_lost_or_drawn_twice() -> None:
    layers = residual_net(49, grouped=True)
    drawn = [one.name for box in boxes_of(layers) for one in box.layers]
    assert sorted(drawn) == sorted(one.name for one in layers)


def test_arrows_point_down_and_branches_stand_side_by_side() -> None:
    layers = [
        layer("in", "InputLayer"),
        layer("left", "Conv2D", "in"),
        layer("right", "Conv2D", "in"),
        layer("join", "Concatenate", "left", "right"),
    ]
    boxes = boxes_of(layers)
    assert place(boxes) == 2
    left, right, join = boxes[1], boxes[2], boxes[3]
    assert left.row == right.row == 1
    assert left.lane != right.lane
    assert join.row == 2


@pytest.mark.parametrize("blocks", [1, 10, 49])
def test_height_stays_on_a_screen(blocks: int) -> None:
    figure = layer_diagram(describe(residual_net(blocks, grouped=True)))
    assert 100 < figure.layout.height <= 1200
    assert figure.data[-1].mode == "text"


def test_no_layers() -> None:
    assert layer_diagram(describe([])).layout.annotations[0].text == "No layers yet"
