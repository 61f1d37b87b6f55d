"""Accuracy under attack."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from engine.figures.theme import Translate, look, new_figure, safe, untranslated
from engine.specs.records import RobustnessRecord
from engine.text import N_

ATTACK_NAMES = {"fgsm": N_("one step"), "pgd": N_("many steps")}
UNIT_TITLES = {
    "share": N_("Largest change of a value (share of the range)"),
    "deviations": N_("Largest change of a number (standard deviations)"),
    "length": N_("Length of the change of a text's vectors"),
}
DASHES = {"fgsm": "dot", "pgd": "solid"}


def robust_accuracy(records: Mapping[str, RobustnessRecord], *, translate: Translate = untranslated) -> go.Figure:
    """Accuracy over the strength of two attacks, with 95 % intervals: a colour a run, a dash an attack.

    Args:
        records: name of the run → what was measured; all in one unit.
        translate: for the words of the figure.
    """
    unit = next(iter(records.values())).unit
    figure = new_figure(translate(UNIT_TITLES[unit]), translate(N_("Accuracy")), height_px=380)
    for number, (name, record) in enumerate(records.items()):
        places = list(range(len(record.strengths)))
        for attack, curve in record.curves.items():
            values = [interval.value for interval in curve]
            label = translate(ATTACK_NAMES.get(attack, attack))
            figure.add_scatter(
                x=places,
                y=values,
                mode="lines+markers",
                name=f"{safe(name, 28)}: {label}" if len(records) > 1 else label,
                line={"color": look(number)["color"], "dash": DASHES.get(attack, "solid")},
                marker={"symbol": look(number)["symbol"]},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [interval.high - interval.value for interval in curve],
                    "arrayminus": [interval.value - interval.low for interval in curve],
                    "thickness": 1,
                    "width": 3,
                },
                hovertemplate=f"{safe(name)}, {label}: %{{y:.1%}}<extra></extra>",
            )
    strengths = next(iter(records.values())).strengths
    figure.update_xaxes(tickvals=list(range(len(strengths))), ticktext=[_strength(value, unit) for value in strengths])
    return figure.update_yaxes(tickformat=".0%", range=[-0.03, 1.03])


def _strength(value: float, unit: str) -> str:
    return f"{round(value * 255)}/255" if unit == "share" and value else f"{value:g}"
