"""The momentum of the moving average of the weights."""


def momentum_at(momentum: float, step: int) -> float:
    """The averaging momentum for the update after step `step` (counted from 0).

    It rises as (1 + t) / (10 + t) to its limit, so that a short run's average is not mostly its first weights
    (the warm-up of tf.train.ExponentialMovingAverage). 0 means: the average is the newest weights.

    Args:
        momentum: the limit, 0 to below 1.
        step: optimizer steps done before this one.
    """
    return min(momentum, (1.0 + step) / (10.0 + step))
