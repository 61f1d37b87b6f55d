"""Robust accuracy: how many examples are still right when each may be changed a little against the model."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from engine.errors import EngineError, ErrorKind
from engine.specs import Modality, Part
from engine.specs.records import Interval, RobustnessRecord
from engine.text import N_

STRENGTHS = {  # 8/255 is the usual one for pictures (Madry et al. 2018)
    Modality.IMAGE: tuple(n / 255 for n in (0, 1, 2, 4, 8, 16, 32)),
    Modality.TABLE: (0.0, 0.05, 0.1, 0.2, 0.4, 0.8),
    Modality.TEXT: (0.0, 0.1, 0.3, 1.0, 3.0, 10.0),
}
UNITS = {Modality.IMAGE: "share", Modality.TABLE: "deviations", Modality.TEXT: "length"}
MOST_EXAMPLES = {Modality.IMAGE: 500, Modality.TABLE: 1000, Modality.TEXT: 200}
BATCH = 100
PGD_STEPS = 10
ATTACKS = {"fgsm": 1, "pgd": PGD_STEPS}  # steps; the first from the example itself, the other from a random start


def robustness(run_id: str, part: str = Part.TEST) -> RobustnessRecord:
    """Attack examples of a part with one step (FGSM) and with ten and a random start (projected gradient descent).

    Args:
        run_id: a finished run of classification.
        part: "test" or "validation".

    Raises:
        EngineError: BAD_INPUT for numbers to be predicted and for inputs that cannot be changed a little, NOT_FOUND
            where the run has no model or the part no rows.
    """
    from engine.data.load import load
    from engine.store.home import run_dir
    from engine.store.runs import get_run
    from engine.training.adversarial import place_of
    from engine.training.predictor import load_core

    run = get_run(run_id)
    spec = run.spec
    if not spec.data.task.is_classification:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Robust accuracy needs classes; this run predicts a number."),
            hint=N_("Look at the residuals instead."),
        )
    core, encoder = load_core(run_dir(run.id))
    place = place_of(spec, core)
    prepared = load(spec.data)
    positions = np.asarray(prepared.parts.get(Part(part), ()))
    if not len(positions):
        raise EngineError(
            ErrorKind.NOT_FOUND, N_("The part {part} has no rows."), hint=N_("Choose another part."), part=part
        )
    modality = spec.data.task.modality
    drawn = np.random.default_rng(spec.seed).permutation(len(positions))[: MOST_EXAMPLES[modality]]
    positions = positions[np.sort(drawn)]
    right = _attacked(core, place, _batches(prepared, encoder, positions), STRENGTHS[modality])
    curves = {
        attack: tuple(_share(int(counts), len(positions)) for counts in by_strength)
        for attack, by_strength in right.items()
    }
    return RobustnessRecord(
        run_id=run.id,
        part=part,
        examples=len(positions),
        unit=UNITS[modality],  # type: ignore[arg-type]
        strengths=STRENGTHS[modality],
        curves=curves,
    )


def _batches(prepared: Any, encoder: Any, positions: np.ndarray) -> list[tuple[dict[str, Any], np.ndarray]]:
    starts = range(0, len(positions), BATCH)
    chosen = [positions[start : start + BATCH] for start in starts]
    targets = np.asarray(prepared.target)
    return [(encoder.encode(prepared, some), encoder.encode_target(targets[some])) for some in chosen]


def _attacked(
    core: Any, place: Any, batches: list[tuple[dict[str, Any], np.ndarray]], strengths: tuple[float, ...]
) -> dict[str, list[int]]:
    """How many examples are right under each attack at each strength."""
    from engine.models.live import LiveNumber
    from engine.specs.training import CrossEntropyLoss
    from engine.training.adversarial import PGD_PACE, Attack, surface_of
    from engine.training.losses import build_loss

    loss = build_loss(CrossEntropyLoss())
    dtypes = {name: tensor.dtype for name, tensor in core.input.items()}
    right = {attack: [0] * len(strengths) for attack in ATTACKS}
    for number, (rows, targets) in enumerate(batches):
        inputs = {name: np.asarray(rows[name]).astype(dtype) for name, dtype in dtypes.items()}
        surface = surface_of(core, number)
        goal = partial(loss, targets)
        zero = place.zero(surface, inputs)
        for level, strength in enumerate(strengths):
            made = Attack(None, place, LiveNumber(strength, "strength"))
            for attack, steps in ATTACKS.items():
                delta = zero
                if strength and steps > 1:
                    delta = place.ball(inputs, made.strength * surface.uniform(zero), made.strength)
                if strength:
                    pace = made.strength if steps == 1 else PGD_PACE * made.strength / steps
                    delta = made.climbed(surface, inputs, goal, delta, steps, pace)
                outputs = np.asarray(place.changed(surface.rest, inputs, delta))
                right[attack][level] += int((outputs.argmax(axis=-1) == targets).sum())
    return right


def _share(right: int, of: int) -> Interval:
    """With Wilson's 95 % interval."""
    from scipy.stats import binomtest

    interval = binomtest(right, of).proportion_ci(method="wilson")
    return Interval(value=right / of, low=float(interval.low), high=float(interval.high))
