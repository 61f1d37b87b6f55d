"""KerasTuner's oracles as Lathe asks them: without files of their own, and without what goes wrong in them.

Each is asked with `create_trial` and told with `update_trial` and `end_trial`. What is changed, and why:

- They save to disk after every call; here their state goes into the store, in the transaction of its effect.
- Random values are given up after 20 collisions, long before a small space is exhausted; here such a space is listed.
- Grid search takes any trial that it did not propose for its own, or never begins where one was told first.
- Hyperband never lets a trial go on where too many of a round have failed.
- Trials that fail one after the other end a search with an exception; here the search decides (`engine.tuning.search`).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import keras_tuner
from keras_tuner import oracles

from engine.specs import RunSpec
from engine.specs.search import BayesianSearch, GridSearch, HyperbandSearch, SearchSpec
from engine.tuning.hyperparameters import hyperparameters_of

RUNNING, IDLE, STOPPED, COMPLETED, FAILED = "RUNNING", "IDLE", "STOPPED", "COMPLETED", "FAILED"
_NEVER = 10**9
_LISTED = 20_000  # combinations of a space that may be listed


class InStore:
    """Mixed into an oracle: state is kept by Lathe's store, scores are given."""

    trials: dict[str, Any]

    def save(self) -> None:
        """Nothing: see `engine.tuning.book`."""

    def _save_trial(self, trial: Any) -> None:
        """Nothing: trials are rows of the store."""

    def score_trial(self, trial: Any) -> None:
        """The score is the mean over the trial's runs, worked out by Lathe and already there."""

    def _random_values(self) -> dict[str, Any] | None:
        values = super()._random_values()  # type: ignore[misc]
        return values if values is not None else self._unseen()

    def _unseen(self) -> dict[str, Any] | None:
        """A combination that was not tried, of a space that is small enough to be listed."""
        unseen = [values for values in self._combinations() if not self._duplicate(values)]  # type: ignore[attr-defined]
        if not unseen:
            return None
        self._seed_state += 1  # type: ignore[attr-defined]
        return unseen[random.Random(self._seed_state).randrange(len(unseen))]  # type: ignore[attr-defined]  # noqa: S311

    def _combinations(self) -> list[dict[str, Any]]:
        space = self.hyperparameters.space  # type: ignore[attr-defined]
        domains = []
        size = 1
        for hp in space:
            if getattr(hp, "step", True) is None:  # a continuum is never exhausted
                return []
            domains.append(list(hp.values))
            size *= len(domains[-1])
            if size > _LISTED:
                return []
        found: dict[str, dict[str, Any]] = {}
        for point in itertools.product(*domains):
            hps = keras_tuner.HyperParameters()
            for hp, value in zip(space, point, strict=True):
                hps.merge([hp])
                if hps.is_active(hp):
                    hps.values[hp.name] = value
            found.setdefault(self._compute_values_hash(hps.values), hps.values)  # type: ignore[attr-defined]
        return list(found.values())


class RandomOracle(InStore, oracles.RandomSearchOracle):
    """Random search."""


class GridOracle(InStore, oracles.GridSearchOracle):
    """Grid search; trials that others proposed have no place in its order, and are not tried again."""

    adopted: list[dict[str, Any]]  # raw values of trials that others proposed

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """As the original, but the first combination may have been tried too."""
        response: dict[str, Any] = super().populate_space(trial_id)
        values = response.get("values")
        if values is None or not self._is_adopted(values):
            return response
        following = self._get_next_combination(values)
        if following is not None:
            return {"status": RUNNING, "values": following}
        self._populate_next.remove(trial_id)
        return {"status": IDLE if self.ongoing_trials else STOPPED, "values": None}

    def _get_next_combination(self, values: dict[str, Any]) -> dict[str, Any] | None:
        found: dict[str, Any] | None = super()._get_next_combination(values)
        while found is not None and self._is_adopted(found):
            found = super()._get_next_combination(found)
        return found

    def _is_adopted(self, values: dict[str, Any]) -> bool:
        return any(all(name in raw and raw[name] == value for name, value in values.items()) for raw in self.adopted)

    def end_trial(self, trial: Any) -> None:
        """As the original, for its own trials."""
        super().end_trial(trial)
        if trial.trial_id not in self._ordered_ids._data_to_index:
            self._populate_next.remove(trial.trial_id)


class HyperbandOracle(InStore, oracles.HyperbandOracle):
    """Hyperband; a failed trial counts as the worst of its round instead of holding it up."""

    _brackets: list[dict[str, Any]]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """As the original, but for failed trials and for spaces smaller than a round."""
        self._remove_completed_brackets()
        for bracket in self._brackets:
            if not bracket.get("closed") and len(bracket["rounds"][0]) < self._get_size(bracket["bracket_num"], 0):
                response = self._random_trial(trial_id, bracket)
                if response["status"] == RUNNING:
                    response["values"]["tuner/bracket"] = bracket["bracket_num"]
                    return dict(response)
                bracket["closed"] = True  # the space is exhausted: go on with what there is
            promoted = self._promoted(trial_id, bracket)
            if promoted is not None:
                return {"status": RUNNING, "values": promoted}
        if self._current_bracket == 0 and self._current_iteration + 1 == self.hyperband_iterations:
            return {"status": IDLE if self.ongoing_trials else STOPPED}
        self._increment_bracket_num()
        self._start_new_bracket()
        return self.populate_space(trial_id)

    def _promoted(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any] | None:
        number, rounds = bracket["bracket_num"], bracket["rounds"]
        for round_num in range(1, len(rounds)):
            past = rounds[round_num - 1]
            size, past_size = self._round_size(bracket, round_num), self._round_size(bracket, round_num - 1)
            chosen = [info["past_id"] for info in rounds[round_num]]
            others = [self.trials[info["id"]] for info in past if info["id"] not in chosen]
            over = [trial for trial in others if trial.status in (COMPLETED, FAILED)]
            candidates = [trial for trial in over if trial.status == COMPLETED]
            if len(rounds[round_num]) >= size or len(over) <= past_size - size or not candidates:
                continue
            pick = max if self.objective.direction == "max" else min
            best = pick(candidates, key=lambda trial: trial.score)
            rounds[round_num].append({"past_id": best.trial_id, "id": trial_id})
            return {
                **best.hyperparameters.values,
                "tuner/trial_id": best.trial_id,
                "tuner/epochs": self._get_epochs(number, round_num),
                "tuner/initial_epoch": self._get_epochs(number, round_num - 1),
                "tuner/bracket": number,
                "tuner/round": round_num,
            }
        return None

    def _round_size(self, bracket: dict[str, Any], round_num: int) -> int:
        whole = self._get_size(bracket["bracket_num"], round_num)
        if not bracket.get("closed"):
            return int(whole)
        first = len(bracket["rounds"][0])
        return min(int(whole), max(1, -(-first // self.factor**round_num)) if first else 0)

    def _remove_completed_brackets(self) -> None:
        def is_open(bracket: dict[str, Any]) -> bool:
            last = len(bracket["rounds"]) - 1
            return len(bracket["rounds"][last]) < self._round_size(bracket, last)

        self._brackets = [bracket for bracket in self._brackets if is_open(bracket)]


def build_oracle(spec: RunSpec, goals: Sequence[tuple[str, str]]) -> Any:
    """The oracle of a document's search.

    Args:
        spec: the document.
        goals: (metric, direction) of each objective. Of two, the oracle minimises a scalarisation, see
            `engine.tuning.scalarisation`.
    """
    search = spec.search or SearchSpec()
    name, direction = goals[0] if len(goals) == 1 else ("score", "min")
    common: dict[str, Any] = {
        "objective": keras_tuner.Objective(name, direction),
        "hyperparameters": hyperparameters_of(spec),
        "seed": search.seed + 1,  # KerasTuner takes 0 for "any"
        "allow_new_entries": True,
        "max_consecutive_failed_trials": _NEVER,
    }
    algorithm = search.algorithm
    oracle: Any
    if isinstance(algorithm, BayesianSearch):
        from engine.tuning.bayesian import BayesianOracle

        oracle = BayesianOracle(
            num_initial_points=algorithm.initial_trials or None,
            alpha=algorithm.noise,
            beta=algorithm.exploration,
            max_trials=None,
            **common,
        )
    elif isinstance(algorithm, HyperbandSearch):
        oracle = HyperbandOracle(
            max_epochs=algorithm.max_epochs,
            factor=algorithm.factor,
            hyperband_iterations=algorithm.iterations,
            **common,
        )
    elif isinstance(algorithm, GridSearch):
        oracle = GridOracle(max_trials=None, **common)
        oracle.adopted = []
    else:
        oracle = RandomOracle(max_trials=None, **common)
    oracle.verbose = 0
    return oracle
