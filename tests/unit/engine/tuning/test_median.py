from engine.tuning.median import is_worse_than_median

OTHERS = [[0.25, 0.5, 0.75], [0.5, 0.75, 1.0], [0.0, 0.25, 0.5]]


def test_the_best_so_far_is_held_against_the_median_of_running_averages() -> None:
    # After two steps the averages are 0.375, 0.625, 0.125: their median is 0.375.
    assert is_worse_than_median([0.1, 0.37], OTHERS, "max", at_least=3)
    assert not is_worse_than_median([0.1, 0.375], OTHERS, "max", at_least=3)  # strictly worse
    assert not is_worse_than_median([0.38, 0.1], OTHERS, "max", at_least=3)  # the best counts, not the newest


def test_lower_may_be_better() -> None:
    assert is_worse_than_median([0.5, 0.38], OTHERS, "min", at_least=3)
    assert not is_worse_than_median([0.5, 0.37], OTHERS, "min", at_least=3)


def test_only_trials_that_came_this_far_have_a_say() -> None:
    assert not is_worse_than_median([0.0, 0.0], OTHERS[:2], "max", at_least=3)
    assert not is_worse_than_median([0.0] * 4, OTHERS, "max", at_least=1)
    assert not is_worse_than_median([], OTHERS, "max", at_least=1)
