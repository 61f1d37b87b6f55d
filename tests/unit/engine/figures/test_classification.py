"""Figures of a classifier: the numbers drawn are the numbers counted, names of people are harmless."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as reference_matrix
from sklearn.metrics import roc_auc_score

from engine.figures.classification import class_scores, confusion_matrix, precision_recall_curves, roc_curves
from engine.specs.records import Interval


def rows(classes: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    truth = random.integers(0, classes, n)
    scores = random.random((n, classes))
    scores[np.arange(n), truth] += 0.5
    return truth, scores / scores.sum(axis=1, keepdims=True)


def written(figure: Any) -> dict[tuple[int, int], str]:
    """(true, predicted) → the text in the cell."""
    traces = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "text"]
    return {(y, x): text for trace in traces for x, y, text in zip(trace.x, trace.y, trace.text, strict=True)}


def test_matrix_holds_the_counts_and_clicks_name_their_cell() -> None:
    truth, probabilities = rows(3)
    said = probabilities.argmax(axis=1)
    figure = confusion_matrix(truth, said, ["a", "b", "c"])
    expected = reference_matrix(truth, said)
    assert written(figure) == {(t, p): f"{expected[t, p]:,}" for t in range(3) for p in range(3)}
    clicks = figure.data[-1]
    for place, (true, predicted) in enumerate(clicks.customdata):
        assert (clicks.x[place], clicks.y[place]) == (predicted, true)
    assert len(clicks.customdata) == 9


def test_matrix_of_rates_sums_to_one_a_row_even_for_an_absent_class() -> None:
    figure = confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), ["a", "b", "never"], rates=True)
    np.testing.assert_allclose(np.asarray(figure.data[0].z).sum(axis=1), [1, 1, 0])
    assert written(figure)[0, 0] == "50 %"


@pytest.mark.parametrize("draw", [roc_curves, precision_recall_curves])
def test_curves_of_two_classes_mark_the_threshold(draw: object) -> None:
    truth, probabilities = rows(2)
    figure = draw(truth, probabilities, ["no", "yes"], threshold=0.5)  # type: ignore[operator]
    names = [trace.name for trace in figure.data]
    assert any("yes" in name for name in names)
    marked = next(trace for trace in figure.data if "threshold" in trace.name)
    said = probabilities[:, 1] >= 0.5
    recall = (said & (truth == 1)).sum() / (truth == 1).sum()
    assert recall in [pytest.approx(marked.x[0]), pytest.approx(marked.y[0])]


def test_roc_names_each_area() -> None:
    truth, probabilities = rows(4)
    figure = roc_curves(truth, probabilities, list("abcd"))
    for label, trace in enumerate(figure.data[:4]):
        area = roc_auc_score(truth == label, probabilities[:, label])
        assert trace.name == f"{'abcd'[label]} ({area:.3f})"


def test_many_classes_show_the_eight_weakest() -> None:
    truth, probabilities = rows(20, 1000)
    assert (
        len(
            [
                trace
                for trace in roc_curves(truth, probabilities, [f"c{i}" for i in range(20)]).data
                if trace.line.width == 2
            ]
        )
        == 8
    )


def test_one_class_says_why_there_is_no_curve() -> None:
    figure = roc_curves(np.zeros(5, int), np.tile([0.6, 0.4], (5, 1)), ["a", "b"], translate=str.upper)
    assert not figure.data
    assert figure.layout.annotations[0].text == "NOT DEFINED: ALL EXAMPLES BELONG TO ONE CLASS"


def test_big_data_are_thinned() -> None:
    truth, probabilities = rows(2, 50_000)
    assert max(len(trace.x) for trace in roc_curves(truth, probabilities, ["a", "b"]).data) <= 2000


def test_names_from_data_become_plain_text() -> None:
    figure = confusion_matrix(np.array([0, 1]), np.array([0, 1]), ["<b>bold</b>", "猫"])
    assert "<b>" not in figure.to_json().replace("\\u003c", "<")
    assert "猫" in figure.layout.xaxis.ticktext


def test_class_scores_put_the_weakest_first() -> None:
    def scores(f1: float) -> dict[str, Interval]:
        one = Interval(value=f1, low=f1 - 0.1, high=f1 + 0.1)
        return {"precision": one, "recall": one, "f1": one, "support": Interval(value=10, low=5, high=15)}

    figure = class_scores([scores(0.8), scores(0.3)], ["good", "poor"])
    assert figure.layout.yaxis.ticktext[0].startswith("poor")
    assert figure.data[0].error_x.array[0] == pytest.approx(0.1)
