"""The rest of a run, drawn."""

import pytest

from engine.figures.prediction import run_forecast
from engine.specs.prediction import Band, CoursePoint, Forecast


def forecast(**changes: object) -> Forecast:
    course = tuple(CoursePoint(x=float(x), value=0.9, low=0.8, high=0.95) for x in range(4, 11))
    return Forecast(
        run_id="a",
        metric="val/accuracy",
        higher_is_better=True,
        epochs=3,
        planned_epochs=10,
        end=Band(value=0.92, low=0.9, high=0.96),
        last_epoch=Band(value=8, low=6, high=10),
        seen=((1, 0.5), (2, 0.7), (3, 0.8)),
        course=course,
    ).model_copy(update=changes)


def test_the_curve_the_band_and_the_end_are_drawn() -> None:
    figure = run_forecast(forecast(), "Accuracy", factor=100.0, unit="%")
    band, middle, seen, end = figure.data
    assert list(band.y[:1]) == [95.0]
    assert band.fill == "toself"
    assert list(middle.x) == [4, 5, 6, 7, 8, 9, 10]
    assert list(seen.y) == [50.0, 70.0, 80.0]
    assert list(end.x) == [8]
    assert end.error_y.array[0] == pytest.approx(4.0)
    assert end.name == "best at the end"
    assert figure.layout.xaxis.title.text == "Epoch"


def test_where_nothing_is_foretold_the_figure_says_so() -> None:
    figure = run_forecast(forecast(end=None, course=()), "Accuracy", translate=str.upper)
    assert not figure.data
    assert figure.layout.annotations[0].text == "NOTHING CAN BE FORETOLD YET"
