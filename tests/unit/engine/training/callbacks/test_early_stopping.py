"""The best epoch and the end of patience."""

from engine.specs.training import EarlyStopping
from engine.training.callbacks.early_stopping import BestEpoch, score_of


def test_patience_counts_epochs_without_a_gain() -> None:
    best, spec = BestEpoch(), EarlyStopping(patience_epochs=2)
    seen = [best.see(epoch, score, 0.0) for epoch, score in enumerate([0.5, 0.6, 0.6, 0.55], start=1)]
    assert seen == [True, True, False, False]
    assert (best.epoch, best.waited) == (2, 2)
    assert best.patience_is_over(spec)
    assert not best.patience_is_over(EarlyStopping(enabled=False, patience_epochs=2))


def test_ties_go_to_the_lower_loss() -> None:
    best = BestEpoch()
    assert best.see(1, 0.9, -0.5)
    assert best.see(2, 0.9, -0.4)
    assert not best.see(3, 0.9, -0.45)
    assert best.epoch == 2


def test_a_gain_below_the_smallest_is_kept_but_does_not_buy_time() -> None:
    best = BestEpoch()
    best.see(1, 0.90, 0.0, min_delta=0.05)
    assert best.see(2, 0.92, 0.0, min_delta=0.05)
    assert (best.epoch, best.waited) == (2, 1)


def test_it_survives_a_checkpoint() -> None:
    best = BestEpoch(score=0.7, tie=-1.0, epoch=4, waited=1)
    assert BestEpoch(**best.to_record()) == best


def test_auto_takes_the_loss_where_validation_is_small() -> None:
    metrics = {"val/loss": 0.4, "val/accuracy": 0.8}
    assert score_of("auto", metrics, rows=100) == (-0.4, 0.8)
    assert score_of("auto", metrics, rows=5000) == (0.8, -0.4)
    assert score_of("loss", metrics, rows=5000)[0] == -0.4
    assert score_of("metric", {"val/loss": 0.4, "val/rmse": 3.0}, rows=10) == (-3.0, -0.4)
    assert score_of("auto", {"val/loss": 0.4, "val/rmse": 3.0}, rows=10_000)[0] == -0.4
