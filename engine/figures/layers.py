"""A model as a drawing: blocks from top to bottom, branches side by side, long models in columns.

Up to about 30 layers each is a box of its own. Above that a block of the architecture is one box, and small layers
(activation, normalisation, dropout) stand in the box of the layer they follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go

from engine.figures.layer_kinds import kind_title
from engine.figures.theme import COLOURS, MUTED, Translate, empty_figure, new_figure, safe, untranslated
from engine.specs.records import LayerRecord, ModelDescription
from engine.text import N_

MANY_LAYERS = 30
ROWS_A_COLUMN = 24  # what fits on a screen with readable text
ROW_PX = 46
MIN_LANES = 1.7
WIDEST = 2.0  # lanes that a box may take where it stands alone in its row
BOX_WIDTH, BOX_HEIGHT = 0.92, 0.66  # of a lane and of a row
FOLDED = ("activation", "relu", "normalization", "dropout", "padding", "depth", "rescaling", "softmax", "reshape")
FAMILIES = (  # words in a layer's kind → number of the colour; what is not found is muted
    (("conv",), 0),
    (("dense", "einsum", "linear"), 1),
    (("attention", "transformer"), 2),
    (("lstm", "gru", "rnn", "bidirectional"), 3),
    (("embedding",), 4),
    (("pool", "flatten"), 5),
    (("add", "concatenate", "multiply"), 6),
)


@dataclass
class Box:
    """One box of the drawing: one or several layers."""

    layers: list[LayerRecord]
    title: str
    inputs: set[int] = field(default_factory=set)  # numbers of the boxes before it
    row: int = 0
    lane: float = 0.0
    width: float = 0.0  # in lanes
    column: int = 0


def layer_diagram(description: ModelDescription, *, translate: Translate = untranslated) -> go.Figure:
    """Draw the layers of a model.

    Args:
        description: as Design shows it; `group` of a layer names its block.
        translate: for the words of the figure.
    """
    if not description.layers:
        return empty_figure(translate(N_("No layers yet")))
    boxes = boxes_of(description.layers)
    lanes = place(boxes)
    columns = max(box.column for box in boxes) + 1
    rows = max(box.row for box in boxes) + 1
    figure = new_figure(height_px=40 + rows * ROW_PX, showlegend=False, hovermode="closest")
    _draw_edges(figure, boxes)
    _draw_boxes(figure, boxes, narrow=lanes * columns > 2, translate=translate)
    margin = max(0.0, MIN_LANES - lanes * columns) / 2  # a single column is not drawn as wide as the page
    figure.update_xaxes(
        visible=False, range=[-0.6 - margin, lanes * columns - 0.4 + margin], fixedrange=columns * lanes < 6
    )
    figure.update_yaxes(visible=False, range=[rows - 0.4, -0.6], fixedrange=True)
    figure.update_layout(margin={"l": 0, "r": 0, "t": 4, "b": 4}, dragmode="pan")
    return figure


def boxes_of(layers: Sequence[LayerRecord]) -> list[Box]:
    """Layers gathered into boxes, in the order of the model."""
    many = len(layers) > MANY_LAYERS
    boxes: list[Box] = []
    box_of: dict[str, int] = {}
    followers = _followers(layers)
    for layer in layers:
        number = _joins(layer, boxes, box_of, followers) if many else None
        if number is None:
            number = len(boxes)
            boxes.append(Box([], layer.group if many and layer.group else layer.name))
        box = boxes[number]
        box.layers.append(layer)
        box.inputs |= {box_of[name] for name in layer.inputs if name in box_of and box_of[name] != number}
        box_of[layer.name] = number
    return boxes


def place(boxes: list[Box]) -> int:
    """Give each box its row, lane and column; returns the number of lanes of a column."""
    depth: list[int] = []
    for box in boxes:  # the longest way from the input, so that every arrow points down
        depth.append(1 + max((depth[number] for number in box.inputs if number < len(depth)), default=-1))
    on_row: dict[int, list[int]] = {}
    for number, row in enumerate(depth):
        on_row.setdefault(row, []).append(number)
    lanes = max(len(numbers) for numbers in on_row.values())
    columns = -(-len(on_row) // ROWS_A_COLUMN)
    rows_a_column = -(-len(on_row) // columns)  # columns of equal height
    for row, numbers in on_row.items():
        for order, number in enumerate(numbers):
            box = boxes[number]
            box.column, box.row = divmod(row, rows_a_column)
            box.lane = box.column * lanes + order + (lanes - len(numbers)) / 2
            box.width = BOX_WIDTH * (min(lanes, WIDEST) if len(numbers) == 1 else 1.0)
    return lanes


def _followers(layers: Sequence[LayerRecord]) -> dict[str, int]:
    count: dict[str, int] = {}
    for layer in layers:
        for name in layer.inputs:
            count[name] = count.get(name, 0) + 1
    return count


def _joins(layer: LayerRecord, boxes: list[Box], box_of: dict[str, int], followers: dict[str, int]) -> int | None:
    """The box that a layer belongs into where there are many, or None for a new one."""
    before = [box_of[name] for name in layer.inputs if name in box_of]
    if layer.group:
        last = len(boxes) - 1
        return last if boxes and boxes[last].layers[-1].group == layer.group else None
    small = any(word in layer.kind.lower() for word in FOLDED)
    alone = len(before) == 1 and followers.get(layer.inputs[0], 0) == 1
    return before[0] if small and alone and not boxes[before[0]].layers[-1].group else None


def _draw_edges(figure: go.Figure, boxes: list[Box]) -> None:
    xs: list[float | None] = []
    ys: list[float | None] = []
    shortcuts = 0
    for box in boxes:
        for number in sorted(box.inputs):
            source = boxes[number]
            if source.column != box.column:  # to the head of the next column: down, across between the columns, down
                middle = (source.lane + box.lane) / 2
                xs += [source.lane, source.lane, middle, middle, box.lane, box.lane, None]
                bottom, top = source.row + 0.5, box.row - 0.5
                ys += [source.row + BOX_HEIGHT / 2, bottom, bottom, top, top, box.row - BOX_HEIGHT / 2, None]
            elif box.row - source.row > 1 and source.lane == box.lane:  # a shortcut past the boxes between
                right = max(source.width, box.width) / 2
                side = source.lane + right + (0.03, 0.06)[shortcuts % 2]  # so that two in a row stay apart
                shortcuts += 1
                xs += [source.lane + source.width / 2, side, side, box.lane + box.width / 2, None]
                ys += [source.row + 0.12, source.row + 0.12, box.row - 0.12, box.row - 0.12, None]
            else:
                xs += [source.lane, box.lane, None]
                ys += [source.row + BOX_HEIGHT / 2, box.row - BOX_HEIGHT / 2, None]
    figure.add_scatter(x=xs, y=ys, mode="lines", line={"color": MUTED, "width": 1.3}, hoverinfo="skip")


def _draw_boxes(figure: go.Figure, boxes: list[Box], *, narrow: bool, translate: Translate) -> None:
    by_colour: dict[str, list[Box]] = {}
    for box in boxes:
        by_colour.setdefault(_colour(box), []).append(box)
    for colour, members in by_colour.items():
        xs: list[float | None] = []
        ys: list[float | None] = []
        for box in members:
            left, right = box.lane - box.width / 2, box.lane + box.width / 2
            top, bottom = box.row - BOX_HEIGHT / 2, box.row + BOX_HEIGHT / 2
            xs += [left, right, right, left, left, None]
            ys += [top, top, bottom, bottom, top, None]
        figure.add_scatter(
            x=xs,
            y=ys,
            mode="lines",
            fill="toself",
            fillcolor=_faint(colour),
            line={"color": colour, "width": 1.2},
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=[box.lane for box in boxes],
        y=[box.row for box in boxes],
        mode="text",
        text=[_label(box, narrow=narrow, translate=translate) for box in boxes],
        textfont={"size": 10 if narrow else 11},
        hovertext=[_hover(box, translate) for box in boxes],
        hoverinfo="text",
    )


def _label(box: Box, *, narrow: bool, translate: Translate) -> str:
    last = box.layers[-1]
    kinds = _kinds(box, translate)
    if narrow:
        return f"<b>{safe(kinds, 18)}</b><br>{safe(_shape(last), 20)}"
    if _is_block(box):
        return f"<b>{safe(kinds, 44)}</b><br>{safe(_shape(last), 40)}"
    return f"<b>{safe(kinds, 44)}</b><br>{safe(box.title, 28)} · {safe(_shape(last), 28)}"


def _is_block(box: Box) -> bool:
    return bool(box.layers[0].group) and len(box.layers) > 1


def _kinds(box: Box, translate: Translate) -> str:
    if _is_block(box):
        return f"{box.title} ({len(box.layers)})"
    return " + ".join(kind_title(layer.kind, translate) for layer in box.layers[:3]) + (
        " …" if len(box.layers) > 3 else ""
    )


def _shape(layer: LayerRecord) -> str:
    """ "(batch, 32, 32, 16)" → "32 × 32 × 16"."""
    parts = [part.strip() for part in layer.output_shape.strip("()").split(",") if part.strip()]
    return " × ".join(part for part in parts[1:]) or layer.output_shape


def _hover(box: Box, translate: Translate) -> str:
    lines = [
        f"{safe(layer.name)} · {safe(kind_title(layer.kind, translate))}"
        f" · {safe(layer.output_shape)} · {layer.parameters:,}"
        for layer in box.layers[:12]
    ]
    if len(box.layers) > 12:
        lines.append("…")
    total = sum(layer.parameters for layer in box.layers)
    return "<br>".join([f"<b>{safe(box.title)}</b>", *lines, f"{total:,} {translate(N_('parameters'))}"])


def _colour(box: Box) -> str:
    """By what costs most in the box."""
    kind = max(box.layers, key=lambda layer: (layer.parameters, layer.flops)).kind.lower()
    return next((COLOURS[number] for words, number in FAMILIES if any(word in kind for word in words)), MUTED)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.14)"
