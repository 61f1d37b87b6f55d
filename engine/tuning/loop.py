"""The loop of one search: look how its trials ended, tell the oracle, ask it for the next ones, know when to end.

Everything that is decided is decided from the store, in one order: the trial that ended first is told first, and after
each telling the free places are filled. With one worker the proposals are therefore the same whatever was killed when.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.specs import RunStatus
from engine.specs.search import JUDGEMENT, SearchSpec
from engine.specs.search_records import SearchStatus, TrialStatus
from engine.store import trials as store
from engine.store.searches import end_runs, objectives_of
from engine.store.trials import RunEnd, SearchState, TrialRow
from engine.text import N_
from engine.tuning.book import Book
from engine.tuning.earlier import earlier_rows
from engine.tuning.hyperparameters import to_raw, to_values
from engine.tuning.oracles import IDLE, RUNNING
from engine.tuning.outcome import trial_result
from engine.tuning.space import documents_of

log = logging.getLogger("lathe.tuner")
# Causes that lie in the document or the machine and not in a trial's values: the first trial ends the search.
BROKEN = (ErrorKind.BAD_DATA, ErrorKind.NOT_FOUND, ErrorKind.OUT_OF_DISK, ErrorKind.UNAVAILABLE, ErrorKind.INTERNAL)
ALL_FAILED = 10  # trials that failed, and none that worked: nothing speaks for the next one
INVALID_IN_A_ROW = 200  # proposals that make no document
UNJUDGED = 8  # trials that wait for a person's judgement before more are trained
_SECONDS_EVERY = 1.0


class Loop:
    """One search in the oracle process.

    Args:
        search_id: of the search.
        owner: of this process; another process that takes the search over ends this loop's writing.
    """

    def __init__(self, search_id: str, owner: str) -> None:
        self.id, self._owner = search_id, owner
        store.take(search_id, owner)
        found = store.load(search_id)
        self._spec = found.spec
        self._search: SearchSpec = found.spec.search or SearchSpec()
        self._goals = objectives_of(found.spec)
        self._dataset_name = found.dataset_name
        self._rows = {row.number: row for row in store.all_rows(search_id)}
        self._told = max((row.told for row in self._rows.values()), default=0)
        self._book = Book(found.spec, self._goals, list(self._rows.values()), found.oracle)
        self._seconds, self._written = found.seconds, time.monotonic()
        self._clock = time.monotonic()
        self._status, self._budget = found.status, found.budget
        self.asked_s: list[float] = []  # what the oracle took for each trial, for the benchmark
        if not found.oracle:
            self._begin(found)

    def close(self) -> None:
        """Let go of the oracle."""
        self._book.close()

    def advance(self, workers: int) -> bool:
        """Do all that can be done now; True where something was.

        Args:
            workers: that there are to train with.
        """
        self._status, self._budget, stored = store.status_of(self.id)
        self._count_seconds(stored)
        happened = self._hear_news()
        ends = store.runs_of_open_trials(self.id)
        happened |= self._fill(workers, ends)
        for row in self._ended(ends):
            self._conclude(row, ends.pop(row.number, []))
            happened = True
            self._fill(workers, ends)
        self._end_where_due(ends)
        return happened

    # ---- begin and end --------------------------------------------------------------------------------------------
    def _begin(self, found: SearchState) -> None:
        """Earlier runs and start points, before the oracle is asked for the first time."""
        rows = earlier_rows(found.spec, self._goals)
        rows += [TrialRow(number=0, origin="start", values=dict(start)) for start in self._search.start_points]
        with store.change(self.id, self._owner) as connection:
            first = store.next_number(connection, self.id)  # a person may have been quicker
            for number, row in enumerate(rows, start=first):
                row.number = number
                self._adopt(row)
                if row.origin == "earlier":
                    self._tell(row)
                else:
                    self._enter(connection, row)
                store.put(connection, self.id, row)
            store.keep_oracle(connection, self.id, self._book.state())
        self._rows |= {row.number: row for row in rows}

    def _count_seconds(self, stored: float) -> None:
        now = time.monotonic()
        if self._status is SearchStatus.RUNNING:
            self._seconds = max(self._seconds, stored) + now - self._clock
        self._clock = now
        if now - self._written >= _SECONDS_EVERY and self._seconds != stored:
            store.keep_seconds(self.id, self._owner, self._seconds)
            self._written = now

    def _end_where_due(self, ends: dict[int, list[RunEnd]]) -> None:
        if self._status is not SearchStatus.RUNNING:
            return
        reason = self._why_over()
        if not reason:
            return
        out_of_time = bool(self._budget.seconds) and self._seconds >= self._budget.seconds
        judging = any(row.status is TrialStatus.JUDGING for row in self._rows.values())
        if not out_of_time and (ends or judging) and reason == _SPENT:
            return  # every trial of the budget is to be finished
        error = None if self._any_score() else self._all_failed()
        status = SearchStatus.FAILED if error is not None and not ends else SearchStatus.FINISHED
        with store.change(self.id, self._owner) as connection:
            store.end_search(
                connection,
                self.id,
                status,
                reason=reason,
                error=error if status is SearchStatus.FAILED else None,
                stop_running=out_of_time,
            )
        self._status = status

    def _why_over(self) -> str:
        """The limit that is reached, or nothing."""
        own = [row for row in self._rows.values() if row.origin != "earlier"]
        if self._budget.seconds and self._seconds >= self._budget.seconds:
            return N_("The time is over.")
        if self._budget.patience_trials and self._waited() >= self._budget.patience_trials:
            return N_("No better trial came for as many as were allowed.")
        counted = [row for row in own if row.status is not TrialStatus.WITHDRAWN]
        if self._budget.trials and len(counted) >= self._budget.trials:
            return _SPENT
        return ""

    def _waited(self) -> int:
        """Trials told since the best one."""
        told = sorted((row for row in self._rows.values() if row.told and row.origin != "earlier"), key=_by_told)
        sign = 1.0 if self._goals[0][1] == "max" else -1.0
        best, waited = -math.inf, 0
        for row in told:
            if row.score is not None and sign * row.score > best:
                best, waited = sign * row.score, 0
            elif row.status is not TrialStatus.WITHDRAWN:
                waited += 1
        return waited

    def _any_score(self) -> bool:
        return any(row.score is not None and row.origin != "earlier" for row in self._rows.values())

    def _all_failed(self) -> EngineError | None:
        failed = [row.error for row in self._rows.values() if row.status is TrialStatus.FAILED and row.error]
        if not failed:
            return None
        common = Counter(str(error) for error in failed).most_common(1)[0][0]
        return EngineError(
            ErrorKind.BAD_DATA,
            N_("None of the {count} trials worked. Most often: {cause}"),
            hint=N_("Change the search space or the document, then search again."),
            count=len(failed),
            cause=common,
        )

    # ---- trials that end ------------------------------------------------------------------------------------------
    def _ended(self, ends: dict[int, list[RunEnd]]) -> list[TrialRow]:
        """Open trials whose runs are all over, or of which one has failed; the one that ended first goes first."""
        over = []
        for number, runs in ends.items():
            row = self._rows.get(number)
            if row is None or not row.oracle_id:
                continue
            failed = any(run.status is RunStatus.FAILED for run in runs)
            if failed or all(run.status.is_over for run in runs):
                over.append((max(run.ended_at or 0.0 for run in runs if run.status.is_over), number, row))
        return [row for _, _, row in sorted(over, key=lambda item: item[:2])]

    def _conclude(self, row: TrialRow, runs: Sequence[RunEnd]) -> None:
        """Work out how a trial ended, tell the oracle, and write both."""
        row.status, row.ended_at = TrialStatus.COMPLETED, max(run.ended_at or 0.0 for run in runs)
        failure = next((run.error for run in runs if run.status is RunStatus.FAILED), None)
        killed = any(run.status is RunStatus.KILLED for run in runs)
        begun = any(run.result for run in runs)
        try:
            if failure is not None:
                raise failure
            if killed and not begun:
                row.status = TrialStatus.WITHDRAWN
            elif self._goals[0][0] == JUDGEMENT:
                row.status = TrialStatus.JUDGING
                row.result = {"costs": dict(runs[0].result.get("costs", {}))}
                row.ended_at = None
            else:
                row.score, row.result = trial_result([run.result for run in runs if run.result], self._goals)
                early = next((run.result.get("reason", "") for run in runs if run.result.get("reason")), "")
                if killed or early:
                    row.status = TrialStatus.STOPPED
                    row.reason = early or N_("It was stopped before its end.")
        except EngineError as error:
            row.status, row.error = TrialStatus.FAILED, error
        with self._undone_on_error(), store.change(self.id, self._owner) as connection:
            if failure is not None:
                end_runs(connection, self.id, trial=row.number)
            if row.status is not TrialStatus.JUDGING:
                self._tell(row)
            store.put(connection, self.id, row)
            store.keep_oracle(connection, self.id, self._book.state())
            self._stop_where_broken(connection, row)
        if row.status is TrialStatus.FAILED:
            log.info("trial %d failed: %s", row.number, row.error)

    def _stop_where_broken(self, connection: sa.Connection, row: TrialRow) -> None:
        if row.status is not TrialStatus.FAILED or row.error is None or self._any_score():
            return
        failed = sum(other.status is TrialStatus.FAILED for other in self._rows.values())
        error: EngineError | None = None
        if row.error.kind in BROKEN:
            error = row.error
        elif failed >= ALL_FAILED:
            error = self._all_failed()
        if error is not None:
            store.end_search(connection, self.id, SearchStatus.FAILED, error=error, stop_running=True)
            self._status = SearchStatus.FAILED

    def _hear_news(self) -> bool:
        """Trials that people added or judged since."""
        news = store.new_rows(self.id)
        for row in news:
            with self._undone_on_error(), store.change(self.id, self._owner) as connection:
                if row.oracle_id:
                    self._tell(row)
                else:
                    self._adopt(row)
                    self._enter(connection, row)
                    if row.status is TrialStatus.FAILED:
                        self._tell(row)
                store.put(connection, self.id, row)
                store.keep_oracle(connection, self.id, self._book.state())
            self._rows[row.number] = row
        return bool(news)

    # ---- trials that begin ----------------------------------------------------------------------------------------
    def _fill(self, workers: int, ends: dict[int, list[RunEnd]]) -> bool:
        """Ask for trials while places are free."""
        asked = False
        for _ in range(INVALID_IN_A_ROW):
            if self._status is not SearchStatus.RUNNING or not self._has_place(workers, ends) or self._why_over():
                return asked
            if not self._ask(ends):
                return asked
            asked = True
        if not any(row.run_ids for row in self._rows.values()):
            self._give_up()
        return asked

    def _has_place(self, workers: int, ends: dict[int, list[RunEnd]]) -> bool:
        open_runs = sum(not run.status.is_over for runs in ends.values() for run in runs)
        judging = sum(row.status is TrialStatus.JUDGING for row in self._rows.values())
        if judging >= UNJUDGED:
            return False
        if self._search.parallel:
            return len(ends) < self._search.parallel
        # One ahead for every eight workers: what needs no result to be proposed need not wait for the next turn. Not
        # before a trial has worked, so that a broken document costs no second one.
        free = self._search.algorithm.kind in ("random", "grid")
        worked = any(row.status is TrialStatus.COMPLETED for row in self._rows.values())
        ahead = -(-workers // 8) if free and worked else 0
        return open_runs < workers + ahead

    def _ask(self, ends: dict[int, list[RunEnd]]) -> bool:
        """One proposal of the oracle with its runs; False where it has none now."""
        started = time.perf_counter()
        with self._undone_on_error(), store.change(self.id, self._owner) as connection:
            proposal = self._book.ask()
            if proposal.status != RUNNING or proposal.raw is None:
                if proposal.status != IDLE and not ends:
                    status, error = SearchStatus.FINISHED, None
                    if not self._any_score():
                        error = self._all_failed()
                        status = SearchStatus.FAILED if error else status
                    banded = self._search.algorithm.kind == "hyperband"
                    reason = N_("All brackets are done.") if banded else N_("Every combination has been tried.")
                    store.end_search(connection, self.id, status, reason=reason, error=error)
                    self._status = status
                return False
            row = TrialRow(number=store.next_number(connection, self.id), oracle_id=proposal.oracle_id)
            row.proposal = proposal.raw
            row.values = to_values(self._search, proposal.raw)
            row.plan = self._plan(proposal.raw)
            self._enter(connection, row)
            if row.status is TrialStatus.FAILED:
                self._tell(row)
            store.put(connection, self.id, row)
            store.keep_oracle(connection, self.id, self._book.state())
        self._rows[row.number] = row
        if row.status is TrialStatus.RUNNING:
            ends[row.number] = [
                RunEnd(run_id, row.number, part, RunStatus.SCHEDULED, None, None, {})
                for part, run_id in enumerate(row.run_ids)
            ]
        self.asked_s.append(time.perf_counter() - started)
        return True

    def _plan(self, raw: dict[str, object]) -> dict[str, object]:
        """Hyperband's fields, by their names in a `TrialRecord`."""
        if "tuner/epochs" not in raw:
            return {}
        plan: dict[str, object] = {
            "epochs": raw["tuner/epochs"],
            "first_epoch": raw["tuner/initial_epoch"],
            "bracket": raw["tuner/bracket"],
            "round": raw["tuner/round"],
        }
        if "tuner/trial_id" in raw:
            past = next(row for row in self._rows.values() if row.oracle_id == raw["tuner/trial_id"])
            plan["continues"] = past.number
        return plan

    def _enter(self, connection: sa.Connection, row: TrialRow) -> None:
        """Give a trial its runs; where its values make no document it has failed already."""
        parents: Sequence[str] = ()
        if row.plan.get("continues") is not None:
            parents = self._rows[int(row.plan["continues"])].run_ids
        epochs = int(row.plan.get("epochs", 0)) - int(row.plan.get("first_epoch", 0))
        try:
            specs = documents_of(self._spec, row.values, number=row.number, epochs=epochs, parents=parents)
        except EngineError as error:
            row.status, row.error, row.ended_at = TrialStatus.FAILED, error, time.time()
            return
        if not row.plan:
            row.plan = {"epochs": specs[0].training.epochs}
        row.created_at = time.time()
        row.run_ids = store.enter_runs(connection, self.id, row.number, specs, self._dataset_name)

    def _adopt(self, row: TrialRow) -> None:
        raw = to_raw(self._spec, row.values)
        outside = raw is None
        if raw is None:  # outside the space: the oracle learns nothing from it, but the search shows it
            raw = to_raw(self._spec, {}) or {}
        row.proposal = raw
        row.values = to_values(self._search, raw) | row.values
        row.oracle_id = self._book.adopt(raw, outside=outside)

    def _tell(self, row: TrialRow) -> None:
        self._told += 1
        row.told = self._told
        self._book.tell(row)

    def _give_up(self) -> None:
        problem = next((row.error for row in self._rows.values() if row.error), None)
        error = EngineError(
            ErrorKind.BAD_INPUT,
            N_("No point of this search space makes a valid document: {problem}"),
            hint=N_("Change the ranges so that some of their values go together."),
            problem=str(problem),
            field="dimensions",
        )
        with store.change(self.id, self._owner) as connection:
            store.end_search(connection, self.id, SearchStatus.FAILED, error=error)
        self._status = SearchStatus.FAILED

    def _undone_on_error(self) -> _Undone:
        return _Undone(self)


class _Undone:
    """Where a change does not reach the store, the oracle in memory must not remember it either."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._loop.close()  # whoever goes on makes a new `Loop` from the store


_SPENT = N_("All trials of the budget are done.")


def _by_told(row: TrialRow) -> int:
    return row.told
