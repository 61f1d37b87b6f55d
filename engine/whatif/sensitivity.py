"""Each knob up and down by itself: what a tornado is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.specs import RunSpec
from engine.specs.knobs import Knob, knobs, valid_neighbours
from engine.specs.probe import SEEDS, ProbeBudget, ProbeRecord, ProbeStatus, Sensitivity, SensitivityBar
from engine.store import probes
from engine.store.probes import Wish
from engine.whatif.compare import seeded
from engine.whatif.verdict import band, objective_of

PRIORITY = 100  # after everything that a person watches
# Turning these says something about chance or about the machine, or changes what the metric is measured on.
_NOT_TURNED = ("seed", "data.split", "training.precision")


@dataclass(frozen=True)
class _Turn:
    knob: Knob
    down: Any
    up: Any


def sensitivity(spec: RunSpec, budget: ProbeBudget, *, session: str = "") -> Sensitivity:
    """Enter two probes a knob behind everything else, and give what is known so far; ask again to read on.

    Effects are differences from the baseline under its own seed; `noise` is half of the band in which the baseline
    falls over several seeds: what is smaller says nothing.

    Raises:
        EngineError: BAD_INPUT where the document cannot be probed.
    """
    budget.lay_over(spec)
    turns = [_Turn(knob, *valid_neighbours(spec, knob)) for knob in knobs(spec) if _is_turned(knob)]
    # What needs no new trace first: most of the picture is there within seconds.
    turns.sort(key=lambda turn: not turn.knob.live)
    own = [seeded(spec, place) for place in range(SEEDS)]
    wishes = [Wish(each, budget, PRIORITY) for each in own]
    tried = [(turn.knob.path, value) for turn in turns for value in (turn.down, turn.up) if value is not None]
    wishes += [
        Wish(spec.edit({path: value}), budget, PRIORITY + 1 + place) for place, (path, value) in enumerate(tried)
    ]
    records = probes.ask(wishes, session=session)
    metric, higher = objective_of(spec.data.task)
    baseline = _final(records[0], metric)
    noise = band([value for record in records[:SEEDS] if (value := _final(record, metric)) is not None])
    by_turn = {(path, str(value)): record for (path, value), record in zip(tried, records[SEEDS:], strict=True)}
    bars = [_bar(turn, by_turn, metric, baseline) for turn in turns if turn.down is not None or turn.up is not None]
    return Sensitivity(
        metric=metric,
        higher_is_better=higher,
        baseline=baseline,
        noise=(noise[1] - noise[0]) / 2.0 if noise else None,
        bars=tuple(sorted(bars, key=lambda bar: -bar.span)),
        finished=sum(record.status.is_over for record in records),
        total=len(records),
    )


def _is_turned(knob: Knob) -> bool:
    return knob.in_probe and not knob.path.startswith(_NOT_TURNED)


def _bar(
    turn: _Turn, records: Mapping[tuple[str, str], ProbeRecord], metric: str, baseline: float | None
) -> SensitivityBar:
    down = records.get((turn.knob.path, str(turn.down)))
    up = records.get((turn.knob.path, str(turn.up)))
    return SensitivityBar(
        path=turn.knob.path,
        title=turn.knob.title,
        down=turn.down,
        up=turn.up,
        down_effect=_effect(down, metric, baseline),
        up_effect=_effect(up, metric, baseline),
        down_status=down.status if down else None,
        up_status=up.status if up else None,
    )


def _effect(record: ProbeRecord | None, metric: str, baseline: float | None) -> float | None:
    value = _final(record, metric) if record is not None else None
    return None if value is None or baseline is None else value - baseline


def _final(record: ProbeRecord, metric: str) -> float | None:
    points = record.curves.get(metric, ())
    return points[-1][1] if record.status is ProbeStatus.FINISHED and points else None
