"""Accuracy under attack as a figure."""

from engine.figures.robustness import robust_accuracy
from engine.specs.records import Interval, RobustnessRecord


def record(values: list[float]) -> RobustnessRecord:
    curve = tuple(Interval(value=value, low=value - 0.05, high=value + 0.02) for value in values)
    return RobustnessRecord(
        run_id="0" * 16,
        part="test",
        examples=100,
        unit="share",
        strengths=(0.0, 8 / 255, 16 / 255),
        curves={"fgsm": curve, "pgd": curve},
    )


def test_every_run_has_a_line_an_attack_with_its_interval() -> None:
    figure = robust_accuracy({"before": record([0.9, 0.5, 0.1]), "after": record([0.88, 0.7, 0.4])})
    assert [trace.name for trace in figure.data] == [
        "before: one step",
        "before: many steps",
        "after: one step",
        "after: many steps",
    ]
    assert figure.data[2].y == (0.88, 0.7, 0.4)
    assert round(figure.data[0].error_y.array[0], 6) == 0.02
    assert round(figure.data[0].error_y.arrayminus[0], 6) == 0.05
    assert figure.layout.xaxis.ticktext == ("0", "8/255", "16/255")
    assert figure.data[0].line.color != figure.data[2].line.color
    assert figure.data[0].line.dash != figure.data[1].line.dash
