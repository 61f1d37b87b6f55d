"""Drift, held to the formula: what a method adds counts as what it does to the matrix."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuning_cases import tuning_spec

from engine.specs.finetuning_records import DriftPoint

pytestmark = pytest.mark.tensorflow


def core_of(folder: Path, encoded: Any, method: dict[str, Any]) -> Any:
    from engine.models.build import build_core

    return build_core(tuning_spec(folder, method), encoded.encoder)


def reference_of(core: Any) -> dict[str, np.ndarray]:
    return {variable.path: np.array(variable.value) for variable in core.variables}


@pytest.mark.parametrize(
    "method", [{"kind": "lora", "rank": 2}, {"kind": "full"}, {"kind": "bitfit"}, {"kind": "head"}]
)
def test_nothing_has_moved_at_first(tiny_bert: Path, encoded_texts: Any, method: dict[str, Any]) -> None:
    from engine.finetuning.drift import relative_drift

    core = core_of(tiny_bert, encoded_texts, method)
    reference = reference_of(core)
    drifts = relative_drift(core, lambda: reference)
    assert list(drifts) == ["embed", "block1", "block2"]
    assert not any(drifts.values())


def test_of_a_whole_model_it_is_the_distance_over_the_length(tiny_bert: Path, encoded_texts: Any) -> None:
    from engine.finetuning.drift import relative_drift

    core = core_of(tiny_bert, encoded_texts, {"kind": "full"})
    reference = reference_of(core)
    kernel = core.get_layer("block1_expand").kernel
    step = np.random.default_rng(0).normal(size=kernel.shape).astype(np.float32)
    kernel.assign(kernel.value + step)
    drifts = relative_drift(core, lambda: reference)
    length = np.sqrt(
        sum(
            float((v.astype(float) ** 2).sum())
            for path, v in reference.items()
            if "block1_" in path and v.dtype.kind == "f"
        )
    )
    assert drifts["block1"] == pytest.approx(np.linalg.norm(step) / length, rel=1e-5)
    assert drifts["embed"] == drifts["block2"] == 0.0


def test_of_lora_it_is_that_of_the_product_and_needs_no_reference(tiny_bert: Path, encoded_texts: Any) -> None:
    from engine.finetuning.drift import parts_of, relative_drift

    whole = core_of(tiny_bert, encoded_texts, {"kind": "full"})
    core = core_of(tiny_bert, encoded_texts, {"kind": "lora", "rank": 2, "alpha": 6.0})
    query = next(part for part in parts_of(core.get_layer("block2_attention")) if part.name == "query")
    down, up = [v for v in query.trainable_variables if len(v.shape) == 2]
    up.assign(np.random.default_rng(1).normal(size=up.shape))
    product = 6.0 / 2 * np.array(down.value) @ np.array(up.value)
    matrices = [np.array(v.value) for layer in whole.layers for v in layer.weights if layer.name.startswith("block2_")]
    length = np.sqrt(sum(float((m.astype(float) ** 2).sum()) for m in matrices))

    def never() -> dict[str, np.ndarray]:
        raise AssertionError("nothing of the source's own learns")

    drifts = relative_drift(core, never)
    assert drifts["block1"] == 0.0
    # The pooler stands behind the last block and belongs to it.
    behind = [np.array(v.value) for v in whole.get_layer("pooler_dense").weights]
    length = np.sqrt(length**2 + sum(float((m.astype(float) ** 2).sum()) for m in behind))
    assert drifts["block2"] == pytest.approx(np.linalg.norm(product) / length, rel=1e-4)


def test_it_is_kept_epoch_by_epoch_and_a_repeated_epoch_replaces_its_point(
    tiny_bert: Path, encoded_texts: Any, tmp_path: Path
) -> None:
    from engine.finetuning.drift_watch import DriftWatch
    from engine.store.finetuning import read_drift_file
    from engine.training.context import LocalContext

    spec = tuning_spec(tiny_bert, {"kind": "full"})
    core = core_of(tiny_bert, encoded_texts, {"kind": "full"})
    watch = DriftWatch(spec, core, encoded_texts, LocalContext(tmp_path / "run"))
    kernel = core.get_layer("block1_reduce").kernel
    for epoch in (1, 2, 2):
        kernel.assign(kernel.value + 0.1)
        watch.epoch_ended(epoch, 10 * epoch)
    points: list[DriftPoint] = read_drift_file(tmp_path / "run")
    assert [(point.epoch, point.step) for point in points] == [(1, 10), (2, 20)]
    assert points[1].blocks["block1"] == pytest.approx(3 * points[0].blocks["block1"], rel=1e-5)
    assert points[1].blocks["block2"] == 0.0


def test_ranks_are_those_that_adalora_has_left(tiny_bert: Path, encoded_texts: Any) -> None:
    from engine.finetuning.drift import parts_of
    from engine.finetuning.drift_watch import ranks

    core = core_of(
        tiny_bert, encoded_texts, {"kind": "adalora", "initial_rank": 4, "rank": 2, "targets": "query_value"}
    )
    assert ranks(core) == {f"block{n}_attention/{part}": 4 for n in (1, 2) for part in ("query", "value")}
    query = next(part for part in parts_of(core.get_layer("block2_attention")) if part.name == "query")
    query.change.kept.assign([1.0, 0.0, 1.0, 0.0])
    assert ranks(core)["block2_attention/query"] == 2
    assert ranks(core_of(tiny_bert, encoded_texts, {"kind": "lora", "rank": 2})) == {}


def test_what_cannot_be_measured_is_said_once_and_does_not_end_the_training(
    tiny_bert: Path, encoded_texts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.finetuning.drift_watch import DriftWatch
    from engine.training.context import LocalContext

    def broken(*arguments: Any) -> None:
        raise MemoryError("no room for a second body")

    monkeypatch.setattr("engine.finetuning.drift_watch.untouched", broken)
    spec, core = tuning_spec(tiny_bert, {"kind": "full"}), core_of(tiny_bert, encoded_texts, {"kind": "full"})
    watch = DriftWatch(spec, core, encoded_texts, LocalContext(tmp_path / "run"))
    watch.epoch_ended(1, 10)
    watch.epoch_ended(2, 20)
    lines = (tmp_path / "run" / "log.txt").read_text().splitlines()
    assert len(lines) == 1
    assert "no room for a second body" in lines[0]
