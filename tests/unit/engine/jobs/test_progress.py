import math

from engine.jobs.progress import SPARKLINE_POINTS, ProgressBook
from engine.specs import Task


def test_newest_and_best_values_by_what_better_means() -> None:
    book = ProgressBook(Task.IMAGE_CLASSIFICATION, {})
    book.add(1, {"val/accuracy": 0.5, "val/loss": 2.0})
    book.add(2, {"val/accuracy": 0.9, "val/loss": 1.0})
    assert book.add(3, {"val/accuracy": 0.7, "val/loss": math.nan}) == {"val/accuracy": 0.7}
    record = book.to_record()
    assert record["metrics"] == {"val/accuracy": 0.7, "val/loss": 1.0}
    assert record["best"] == {"val/accuracy": 0.9, "val/loss": 1.0}
    assert record["sparkline"] == [0.5, 0.9, 0.7]


def test_the_small_curve_shows_the_objective_as_soon_as_there_is_one() -> None:
    book = ProgressBook(Task.TABLE_REGRESSION, {})
    for step in range(1000):
        book.add(step, {"train/loss": 1000.0 - step})
    curve = book.to_record()["sparkline"]
    assert len(curve) == SPARKLINE_POINTS
    assert (curve[0], curve[-1]) == (1000.0, 1.0)
    assert curve == sorted(curve, reverse=True)
    book.add(500, {"val/rmse": 3.0})
    book.add(1000, {"val/rmse": 2.0})
    assert book.to_record()["sparkline"] == [3.0, 2.0]


def test_an_attempt_goes_on_from_the_one_before() -> None:
    before = {"metrics": {"val/rmse": 1.0}, "best": {"val/rmse": 0.5}, "epoch": 3, "step": 30, "sparkline": [9.0]}
    book = ProgressBook(Task.TABLE_REGRESSION, before, {"val/rmse": [(10, 2.0), (20, 0.5), (30, 1.0)]})
    book.add(20, {"val/rmse": 0.7})  # again, from the checkpoint at step 15
    record = book.to_record()
    assert record["sparkline"] == [2.0, 0.7]
    assert record["best"] == {"val/rmse": 0.5}
    assert (record["epoch"], record["step"]) == (3, 30)
