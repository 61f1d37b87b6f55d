"""What is asked of the prober, and curves through points of known power laws."""

from __future__ import annotations

import numpy as np
import pytest

from engine.specs import RunSpec
from engine.specs.prediction import ScalePoint, Scaling
from engine.specs.probe import ProbeBudget, ProbeStatus
from engine.store import probes
from engine.whatif.scaling import FACTORS, REACH, SEEDS, scaling, sizes, with_curve

BUDGET = ProbeBudget(steps=80)


def document(kind: str = "mlp", **model: object) -> RunSpec:
    return RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
            "model": {"kind": kind, **model},
        }
    )


def image_document(**model: object) -> RunSpec:
    data = {"dataset": "0" * 16, "task": "image_classification", "preprocessing": {"kind": "image"}}
    return RunSpec.parse({"data": data, "model": model})


def test_data_are_scaled_by_the_share_of_the_train_part() -> None:
    found = sizes(document().edit({"data.train_fraction": 0.8}), "data", BUDGET)
    assert [size.factor for size in found] == [0.125, 0.25, 0.5, 1.0]
    assert [size.changes.get("data.train_fraction") for size in found] == [0.1, 0.2, 0.4, None]
    assert {size.budget.steps for size in found} == {80}


def test_longer_training_is_more_steps_of_the_same_document() -> None:
    found = sizes(document(), "epochs", BUDGET)
    assert [size.budget.steps for size in found] == [20, 40, 80, 160]
    assert all(not size.changes for size in found)


def test_wider_multiplies_every_width_and_keeps_heads_whole() -> None:
    spec = document("ft_transformer", width=64, heads=8, inner_width=128)
    found = sizes(spec, "width", BUDGET)
    assert [size.factor for size in found] == [0.25, 0.5, 1.0, 2.0]
    assert found[0].changes == {"model.width": 16, "model.inner_width": 32}
    assert spec.edit(found[-1].changes).model.width == 128
    cnn = sizes(image_document(kind="cnn", filters=[16, 32], dense_units=0), "width", BUDGET)
    assert cnn[1].changes == {"model.filters": [8, 16]}  # a dense layer that is not there stays away


def test_deeper_multiplies_blocks_or_lengthens_a_list_of_widths() -> None:
    assert [size.factor for size in sizes(document("ft_transformer", blocks=2), "depth", BUDGET)] == [
        0.5,
        1.0,
        2.0,
        3.0,
    ]
    found = sizes(document("mlp", units=[64, 32]), "depth", BUDGET)
    assert found[0].changes == {"model.units": [64]}
    assert found[2].changes == {"model.units": [64, 64, 32, 32]}


def test_a_model_that_has_no_depth_says_so() -> None:
    graph = {"kind": "inception", "preset_size": "small"} if False else {"kind": "inception"}
    found = scaling(image_document(**graph), "depth", BUDGET)
    assert found.notice is not None
    assert not probes.waiting_count()


def test_the_probes_that_are_needed_are_asked_for_behind_everything_else() -> None:
    found = scaling(document(), "data", BUDGET)
    wanted = len(FACTORS["data"]) * SEEDS
    assert found.waiting == wanted == probes.waiting_count()
    assert found.missing == 3
    assert found.notice is not None
    assert scaling(document(), "data", BUDGET).waiting == wanted  # asking again enters nothing
    assert probes.waiting_count() == wanted


def test_with_three_sizes_measured_nothing_is_missing() -> None:
    scaling(document(), "data", BUDGET)
    for place in range(3 * SEEDS):
        claim = probes.claim_next()
        assert claim is not None
        share = claim.spec.data.train_fraction
        result = {"metrics": {"val/accuracy": 0.9 - 0.1 * share**-0.5 + 0.001 * claim.spec.seed}, "step": 80}
        probes.finish(claim, ProbeStatus.FINISHED, result)
        assert place >= 0
    found = scaling(document(), "data", BUDGET)
    assert len(found.measured) >= 3 or found.missing  # the order in which probes are taken is the prober's
    while (claim := probes.claim_next()) is not None:
        value = 0.9 - 0.1 * claim.spec.data.train_fraction**-0.5 + 0.001 * claim.spec.seed
        probes.finish(claim, ProbeStatus.FINISHED, {"metrics": {"val/accuracy": value}, "step": 80})
    found = scaling(document(), "data", BUDGET)
    assert found.missing == found.waiting == 0
    assert [point.factor for point in found.measured] == [0.125, 0.25, 0.5, 1.0]
    drawn = with_curve(found)
    assert drawn.reach == REACH
    assert drawn.course[-1].low <= 0.85 + 0.0005 <= drawn.course[-1].high  # 0.9 - 0.1 · 4^-½


@pytest.mark.parametrize(("offset", "scale", "exponent"), [(0.1, 0.2, 0.5), (0.0, 0.1, 0.25), (0.3, 0.1, 1.0)])
def test_power_laws_are_held_up_to_four_times_the_largest_size(offset: float, scale: float, exponent: float) -> None:
    random = np.random.default_rng(2)

    def error(factor: float) -> float:
        return offset + scale * factor**-exponent

    points = []
    for factor in (0.125, 0.25, 0.5, 1.0):
        values = tuple(float(error(factor) + 0.003 * random.standard_normal()) for _ in range(SEEDS))
        points.append(ScalePoint(factor=factor, value=sum(values) / SEEDS, values=values))
    known = Scaling(over="data", metric="val/rmse", higher_is_better=False, measured=tuple(points))
    found = with_curve(known)
    assert [point.x for point in found.asked] == [2.0, 4.0]
    for point in found.asked:
        assert point.low <= error(point.x) <= point.high
        assert point.high - point.low < error(0.125) - error(1.0)  # narrower than all that was seen
    assert found.asked[1].high - found.asked[1].low > found.asked[0].high - found.asked[0].low
    assert max(point.x for point in found.course) == pytest.approx(found.reach)
