"""Best, worst and random examples."""

import numpy as np

from engine.training.callbacks.examples import BEST, RANDOM, WORST, choose_examples


def test_best_and_worst_are_by_loss_and_random_stay() -> None:
    losses = np.random.default_rng(0).normal(size=200) ** 2
    chosen = choose_examples(losses, seed=3)
    ranked = np.argsort(losses)
    assert [i for i, group in chosen if group == "best"] == ranked[:BEST].tolist()
    assert [i for i, group in chosen if group == "worst"] == ranked[::-1][:WORST].tolist()
    drawn = [i for i, group in chosen if group == "random"]
    assert len(set(drawn)) == RANDOM
    assert drawn == [i for i, group in choose_examples(losses[::-1], seed=3) if group == "random"]


def test_few_rows_are_enough() -> None:
    assert {i for i, _ in choose_examples(np.array([1.0, 0.5]), seed=0)} == {0, 1}
