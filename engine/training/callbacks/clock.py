"""How long a run has trained over all attempts, how far it is, and how long it will still take."""

from __future__ import annotations

import time

# The first steps are slow; what is left is estimated only after this share of the time limit.
TRUSTED_SHARE = 0.05


class Clock:
    """Training time and the share of the run that is done.

    Args:
        planned_steps: steps of this run by its epochs.
        limit_s: time limit, 0 for none.
        spent_s: training time of earlier attempts.
        done_steps: steps of earlier attempts.
    """

    def __init__(self, *, planned_steps: int, limit_s: float, spent_s: float = 0.0, done_steps: int = 0) -> None:
        self._planned, self._limit_s = max(planned_steps, 1), limit_s
        self._spent_s, self._done_before = spent_s, done_steps
        self._started = time.monotonic()

    def restart(self) -> None:
        """Count from now: what was compiled before is not training."""
        self._started = time.monotonic()

    @property
    def spent_s(self) -> float:
        """Training time over all attempts, seconds."""
        return self._spent_s + time.monotonic() - self._started

    @property
    def is_over(self) -> bool:
        """True where the time limit is reached."""
        return 0.0 < self._limit_s <= self.spent_s

    def limit_binds(self, done_steps: int) -> bool:
        """Whether the time limit will end the run before its steps do.

        Only then may the clock have a say in what is learned: any other run with the same seed gives the same weights.
        """
        if not self._limit_s or self.spent_s < TRUSTED_SHARE * self._limit_s:
            return False
        step_s = self.step_s(done_steps) or 0.0
        return self.spent_s + step_s * (self._planned - done_steps) > self._limit_s

    def share(self, done_steps: int) -> float:
        """The share of the run that is done (0 to 1), by steps; by time where the limit will end the run."""
        by_steps = done_steps / self._planned
        by_time = self.spent_s / self._limit_s if self.limit_binds(done_steps) else 0.0
        return min(max(by_steps, by_time), 1.0)

    def shares(self, done_steps: int, steps: int) -> list[float]:
        """`share` before each of the next steps; between them time is taken to run on as it did so far."""
        first = self.share(done_steps)
        if done_steps / self._planned >= first:
            return [min((done_steps + i) / self._planned, 1.0) for i in range(steps)]
        step_s = self.step_s(done_steps) or 0.0
        return [min(first + i * step_s / self._limit_s, 1.0) for i in range(steps)]

    def step_s(self, done_steps: int) -> float | None:
        """Seconds a step in this attempt, validation included; None before the first."""
        here = done_steps - self._done_before
        return (time.monotonic() - self._started) / here if here > 0 else None

    def seconds_left(self, done_steps: int) -> float | None:
        """An estimate of what is still to come, None before the first step."""
        step_s = self.step_s(done_steps)
        if step_s is None:
            return None
        left = step_s * max(self._planned - done_steps, 0)
        return min(left, max(self._limit_s - self.spent_s, 0.0)) if self._limit_s else left

    def total_steps(self, done_steps: int) -> int:
        """Steps that the run will take, fewer than planned where time will run out first."""
        step_s, left = self.step_s(done_steps), self.seconds_left(done_steps)
        if not self._limit_s or step_s is None or left is None:
            return self._planned
        return min(self._planned, done_steps + round(left / step_s)) if step_s else self._planned
