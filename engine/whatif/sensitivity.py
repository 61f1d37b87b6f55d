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
from engine.whatif.verdict import band, objective_of, pooled_reach

TURN_SEEDS = 2  # of each turn: one alone cannot show its noise
PRIORITY = 100  # after everything that a person watches
# Turning these says something about chance or about the machine, or changes what the metric is measured on.
_NOT_TURNED = ("seed", "data.split", "training.precision")


@dataclass(frozen=True)
class _Turn:
    knob: Knob
    down: Any
    up: Any


@dataclass(frozen=True)
class _Tried:
    """One direction of a knob: differences from the baseline, one a seed, and how its first probe stands."""

    differences: list[float]
    status: ProbeStatus

    @property
    def effect(self) -> float | None:
        return sum(self.differences) / len(self.differences) if self.differences else None


def sensitivity(spec: RunSpec, budget: ProbeBudget, *, session: str = "") -> Sensitivity:
    """Enter each turn of a knob with two seeds, behind everything else, and give what is known so far.

    Effects are mean differences from the baseline, seed by seed; `noise` is half of their 95 % interval, from the
    spread between the seeds of all turns together (before there are enough of them: half of the band in which the
    baseline falls over several seeds): what is smaller says nothing. Ask again to read on.

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
    # Every turn once before any is tried again: the whole picture is there early, and grows sharper.
    for seed in range(TURN_SEEDS):
        for place, (path, value) in enumerate(tried):
            turned = spec.edit({path: value}).model_copy(update={"seed": own[seed].seed})
            wishes.append(Wish(turned, budget, PRIORITY + 1 + seed * len(tried) + place))
    records = probes.ask(wishes, session=session)
    metric, higher = objective_of(spec.data.task)
    finals = [_final(record, metric) for record in records[:SEEDS]]
    noise = band([value for value in finals if value is not None])
    by_turn: dict[tuple[str, str], _Tried] = {}
    for place, (path, value) in enumerate(tried):
        pairs = records[SEEDS + place :: len(tried)][:TURN_SEEDS]
        ends = [_final(record, metric) for record in pairs]
        differences = [end - rest for end, rest in zip(ends, finals, strict=False) if not (end is None or rest is None)]
        by_turn[path, str(value)] = _Tried(differences, pairs[0].status)
    reach = pooled_reach([each.differences for each in by_turn.values()])
    bars = [_bar(turn, by_turn) for turn in turns if turn.down is not None or turn.up is not None]
    return Sensitivity(
        metric=metric,
        higher_is_better=higher,
        baseline=finals[0],
        noise=reach if reach is not None else (noise[1] - noise[0]) / 2.0 if noise else None,
        bars=tuple(sorted(bars, key=lambda bar: -bar.span)),
        finished=sum(record.status.is_over for record in records),
        total=len(records),
    )


def _is_turned(knob: Knob) -> bool:
    return knob.in_probe and not knob.path.startswith(_NOT_TURNED)


def _bar(turn: _Turn, tried: Mapping[tuple[str, str], _Tried]) -> SensitivityBar:
    down = tried.get((turn.knob.path, str(turn.down)))
    up = tried.get((turn.knob.path, str(turn.up)))
    return SensitivityBar(
        path=turn.knob.path,
        title=turn.knob.title,
        down=turn.down,
        up=turn.up,
        down_effect=down.effect if down else None,
        up_effect=up.effect if up else None,
        down_status=down.status if down else None,
        up_status=up.status if up else None,
    )


def _final(record: ProbeRecord, metric: str) -> float | None:
    points = record.curves.get(metric, ())
    return points[-1][1] if record.status is ProbeStatus.FINISHED and points else None
