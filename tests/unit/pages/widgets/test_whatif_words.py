"""Tweaks and verdicts in words."""

import pytest

from engine.errors import EngineError
from engine.specs import RunSpec
from engine.specs.prediction import Effect
from engine.specs.probe import INFINITE, VerdictKind, VerdictRecord
from pages.widgets.whatif_words import edited, effect, ends, expectation, in_words, sentence


@pytest.fixture(scope="module")
def spec() -> RunSpec:
    return RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
            "model": {"kind": "mlp"},
        }
    )


def verdict(kind: VerdictKind, metric: str = "val/accuracy", **fields: float) -> VerdictRecord:
    return VerdictRecord(kind=kind, metric=metric, higher_is_better=metric.endswith("accuracy"), pairs=5, **fields)


def test_a_change_is_said_with_its_titles_and_values(spec: RunSpec) -> None:
    changes = {"training.optimizer.learning_rate": 0.003, "model.dropout": 0.2}
    assert "Learning rate 0.001 → 0.003" in in_words(spec, changes)
    assert in_words(spec, {}) == "The baseline"


def test_a_new_kind_is_laid_over_before_its_own_fields(spec: RunSpec) -> None:
    changes = {"training.optimizer.momentum": 0.5, "training.optimizer.kind": "sgd"}
    assert edited(spec, changes).training.optimizer.momentum == 0.5  # type: ignore[attr-defined]
    assert in_words(spec, changes) == "Optimizer AdamW → SGD with momentum, Momentum 0.5"


def test_a_change_that_does_not_fit_is_refused(spec: RunSpec) -> None:
    with pytest.raises(EngineError):
        edited(spec, {"training.optimizer.learning_rate": -1})


def test_shares_are_compared_in_points_with_their_interval() -> None:
    better = verdict(VerdictKind.BETTER, difference=0.008, low=0.002, high=0.014)
    assert effect(better) == "+0.8 points (95 %: +0.2 to +1.4)"
    assert sentence(better).replace("\\", "") == "Validation accuracy +0.8 points (95 %: +0.2 to +1.4), better"


def test_errors_are_compared_in_their_own_unit() -> None:
    worse = verdict(VerdictKind.WORSE, "val/rmse", difference=3.21, low=1.0, high=5.42)
    assert sentence(worse).replace("\\", "") == "Validation RMSE +3.21 (95 %: +1 to +5.42), worse"


def test_never_a_bare_winner() -> None:
    early = verdict(VerdictKind.TOO_EARLY, difference=0.05)
    assert "too early to tell" in sentence(early)
    unknown = verdict(VerdictKind.WITHIN_NOISE, difference=0.0, low=-INFINITE, high=INFINITE)
    assert ends(unknown) == ""
    assert "±0 points, within the noise" in sentence(unknown).replace("\\", "")


@pytest.mark.parametrize("kind", [VerdictKind.SAME, VerdictKind.FAILS])
def test_what_has_no_effect_to_tell_says_why(kind: VerdictKind) -> None:
    assert effect(verdict(kind)) == "–"
    assert sentence(verdict(kind))


def test_what_is_not_foretold_says_why() -> None:
    notice = {
        "message": "{title} {value} lies beyond what was tried ({low} to {high}).",
        "values": {"title": "Dropout", "value": "0.9", "low": "0.1", "high": "0.5"},
    }
    told = Effect(metric="val/accuracy", higher_is_better=True, notice=notice)
    said = expectation(told).replace("\\", "")
    assert said == ("Expected: unknown. Dropout 0.9 lies beyond what was tried (0.1 to 0.5). A probe will tell.")
