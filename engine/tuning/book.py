"""An oracle with its memory: asked, told, and put together again from the store after any kill.

`oracle.save` and `oracle.reload` were not enough: they write files beside the store, so that a kill between the two
leaves them apart; they leave out the order of a grid; and they send every trial that was running for a second run.
Here everything that a trial's row says is rebuilt from the rows, and `state` holds the little that is not in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras_tuner
from keras_tuner.src.engine import oracle as oracle_module

from engine.specs import RunSpec
from engine.specs.search_records import TrialStatus
from engine.store.trials import TrialRow
from engine.tuning.hyperparameters import to_values
from engine.tuning.oracles import COMPLETED, FAILED, RUNNING, GridOracle, HyperbandOracle, build_oracle
from engine.tuning.scalarisation import scalarised

_WITH_SCORE = (TrialStatus.COMPLETED, TrialStatus.STOPPED)


@dataclass(frozen=True)
class Proposal:
    """What an oracle answers: a trial, or that it waits (IDLE) or has no more (STOPPED)."""

    status: str
    oracle_id: str = ""
    raw: dict[str, Any] | None = None


class Book:
    """One search's oracle.

    Args:
        spec: the document with its search.
        goals: (metric, direction) of each objective.
        rows: the trials so far.
        state: what `state` returned with the newest of them.
    """

    def __init__(
        self, spec: RunSpec, goals: Sequence[tuple[str, str]], rows: Sequence[TrialRow], state: dict[str, Any]
    ) -> None:
        self._spec, self._goals = spec, goals
        self.oracle = build_oracle(spec, goals)
        self._asked = int(state.get("asked", 0))
        self._objectives: dict[str, dict[str, float]] = {}
        if state:
            self._restore(rows, state)

    # ---- asking and telling ---------------------------------------------------------------------------------------
    def ask(self) -> Proposal:
        """The next trial."""
        self._rescore()
        self._asked += 1
        # A tuner that asks twice gets the same trial again: every question comes from another one.
        trial = self._call(self.oracle.create_trial, f"tuner-{self._asked}")
        if trial.status != RUNNING:
            self.oracle.tuner_ids.discard(f"tuner-{self._asked}")
            return Proposal(trial.status)
        return Proposal(RUNNING, trial.trial_id, dict(trial.hyperparameters.values))

    def adopt(self, raw: dict[str, Any], *, outside: bool = False) -> str:
        """Make a trial that others proposed known to the oracle; its id there.

        Args:
            raw: the oracle's values of the trial.
            outside: the trial has other values, which the space does not hold.
        """
        if isinstance(self.oracle, GridOracle) and not outside:
            self.oracle.adopted.append(dict(raw))
        trial_id = f"{len(self.oracle.trials):04d}"
        hyperparameters = self.oracle.hyperparameters.copy()
        hyperparameters.values = dict(raw)
        trial = keras_tuner.engine.trial.Trial(hyperparameters=hyperparameters, trial_id=trial_id, status=RUNNING)
        self.oracle._record_values(trial)
        self.oracle.trials[trial_id] = trial
        self.oracle.ongoing_trials[f"adopted-{trial_id}"] = trial
        return trial_id

    def tell(self, row: TrialRow) -> None:
        """How a trial ended."""
        trial = self.oracle.trials[row.oracle_id]
        scored = row.status in _WITH_SCORE and row.score is not None
        if scored and row.score is not None:
            metric = self.oracle.objective.name
            self._objectives[row.oracle_id] = dict(row.result.get("objectives", {}))
            if len(self._goals) == 1:
                first = int(row.plan.get("first_epoch", 0)) + 1
                for epoch, value in enumerate(row.result.get("curve", ()), start=first):
                    self._call(self.oracle.update_trial, row.oracle_id, {metric: value}, epoch)
            trial.score, trial.best_step = row.score, _best_epoch(row, self._goals[0][1])
        trial.status = COMPLETED if scored else FAILED
        self._rescore()
        self._call(self.oracle.end_trial, trial)

    def _call(self, verb: Any, *arguments: Any) -> Any:
        try:
            return verb(*arguments)
        except BaseException:
            # KerasTuner leaves its lock locked where a call fails, for whoever asks next to wait for ever.
            self.close()
            raise

    def _rescore(self) -> None:
        """Two objectives: scores depend on all trials, so they are worked out anew."""
        if len(self._goals) < 2 or not self._objectives:
            return
        ids = list(self._objectives)
        points = [[self._objectives[i][metric] for metric, _ in self._goals] for i in ids]
        search = self._spec.search
        weights = [goal.weight for goal in search.objectives] if search is not None else [1.0, 1.0]
        turn = self._asked if search is not None and search.algorithm.kind == "bayesian" else None
        scores = scalarised(points, self._goals, weights, seed=search.seed if search else 0, turn=turn)
        for trial_id, score in zip(ids, scores, strict=True):
            self.oracle.trials[trial_id].score = float(score)

    def close(self) -> None:
        """Let go of what KerasTuner keeps of every oracle that ever was."""
        oracle_module.LOCKS.pop(self.oracle, None)
        oracle_module.THREADS.pop(self.oracle, None)

    # ---- memory ---------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """What is not in the rows of the trials, as plain JSON."""
        oracle = self.oracle
        state: dict[str, Any] = {
            "asked": self._asked,
            "seed_state": oracle._seed_state,
            "ongoing": {tuner: trial.trial_id for tuner, trial in oracle.ongoing_trials.items()},
        }
        if isinstance(oracle, HyperbandOracle):
            state |= {
                "brackets": oracle._brackets,
                "bracket": oracle._current_bracket,
                "iteration": oracle._current_iteration,
            }
        elif isinstance(oracle, GridOracle):
            order = oracle._ordered_ids
            # JSON has text keys only; the head of the list is kept under None there.
            links = [[key, value] for key, value in order._next_index.items()]
            state |= {
                "order": order._memory,
                "links": links,
                "last": order._last_index,
                "next": oracle._populate_next,
            }
        if hasattr(oracle, "fit_state"):
            state["fit"] = oracle.fit_state()
        return state

    def _restore(self, rows: Sequence[TrialRow], state: dict[str, Any]) -> None:
        oracle = self.oracle
        known = [row for row in rows if row.oracle_id]
        for row in sorted(known, key=lambda row: int(row.oracle_id)):
            hyperparameters = oracle.hyperparameters.copy()
            hyperparameters.values = dict(row.proposal)
            trial = keras_tuner.engine.trial.Trial(
                hyperparameters=hyperparameters, trial_id=row.oracle_id, status=RUNNING
            )
            oracle.trials[row.oracle_id] = trial
            oracle._record_values(trial)
            if row.origin == "oracle":
                oracle.start_order.append(row.oracle_id)
            elif isinstance(oracle, GridOracle) and not self._is_outside(row):
                oracle.adopted.append(dict(row.proposal))
        for row in sorted((row for row in known if row.told), key=lambda row: row.told):
            trial = oracle.trials[row.oracle_id]
            scored = row.status in _WITH_SCORE and row.score is not None
            trial.status, trial.score = (COMPLETED, row.score) if scored else (FAILED, None)
            trial.best_step = _best_epoch(row, self._goals[0][1]) if scored else 0
            oracle.end_order.append(row.oracle_id)
            oracle._run_times[row.oracle_id] = 1
            if scored:
                self._objectives[row.oracle_id] = dict(row.result.get("objectives", {}))
        oracle._seed_state = state["seed_state"]
        oracle.ongoing_trials = {tuner: oracle.trials[trial_id] for tuner, trial_id in state["ongoing"].items()}
        if isinstance(oracle, HyperbandOracle):
            oracle._brackets = state["brackets"]
            oracle._current_bracket = state["bracket"]
            oracle._current_iteration = state["iteration"]
        elif isinstance(oracle, GridOracle):
            order = oracle._ordered_ids
            order._memory = list(state["order"])
            order._data_to_index = {data: index for index, data in enumerate(order._memory)}
            order._next_index.update(dict(state["links"]))
            order._last_index = state["last"]
            oracle._populate_next = list(state["next"])
        if hasattr(oracle, "fit_state"):
            oracle.load_fit_state(state.get("fit", {}))
        self._rescore()

    def _is_outside(self, row: TrialRow) -> bool:
        """Whether the oracle holds other values for a trial than it has."""
        search = self._spec.search
        held = to_values(search, row.proposal) if search is not None else {}
        return any(row.values.get(path) != value for path, value in held.items())


def _best_epoch(row: TrialRow, direction: str) -> int:
    """The epoch of a trial's best result."""
    curve, first = row.result.get("curve", ()), int(row.plan.get("first_epoch", 0)) + 1
    if not curve:
        return int(row.plan.get("epochs", 0))
    pick = max if direction == "max" else min
    return first + int(pick(range(len(curve)), key=lambda epoch: curve[epoch]))
