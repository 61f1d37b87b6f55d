"""What was learned is saved by itself, and put back onto its source."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuning_cases import tuning_spec

from engine.errors import EngineError, ErrorKind

pytestmark = pytest.mark.tensorflow


def core_of(spec: Any, encoded: Any) -> Any:
    from engine.training.compiling import _build

    return _build(spec, encoded)[0]


def moved(core: Any, seed: int) -> Any:
    draw = np.random.default_rng(seed)
    for variable in core.trainable_variables:
        variable.assign(np.asarray(variable) + draw.normal(0.0, 0.1, variable.shape))
    return core


@pytest.mark.parametrize("method", [{"kind": "lora", "rank": 4}, {"kind": "adapters"}, {"kind": "bitfit"}])
def test_adapters_are_swapped_on_one_body(
    method: dict[str, Any], tiny_bert: Path, encoded_texts: Any, tmp_path: Path
) -> None:
    from engine.finetuning.adapters_io import put_adapter, read_adapter, save_adapter

    spec = tuning_spec(tiny_bert, method)
    rows = encoded_texts.train.take(np.arange(4))
    outputs = {}
    for seed in (1, 2):
        core = moved(core_of(spec, encoded_texts), seed)
        file = save_adapter(tmp_path / str(seed), spec, core)
        outputs[seed] = np.asarray(core(rows, training=False))
        assert file is not None
        assert file.stat().st_size < 100_000
    assert not np.array_equal(outputs[1], outputs[2])
    core = core_of(spec, encoded_texts)
    for seed in (1, 2, 1):
        adapter = read_adapter(tmp_path / str(seed))
        assert adapter.source == spec.model.source
        assert adapter.parameters == sum(v.value.numpy().size for v in core.trainable_variables)
        put_adapter(core, adapter)
        np.testing.assert_array_equal(np.asarray(core(rows, training=False)), outputs[seed])


def test_an_adapter_of_another_method_is_refused(tiny_bert: Path, encoded_texts: Any, tmp_path: Path) -> None:
    from engine.finetuning.adapters_io import put_adapter, read_adapter, save_adapter

    spec = tuning_spec(tiny_bert, {"kind": "lora", "rank": 4})
    save_adapter(tmp_path, spec, core_of(spec, encoded_texts))
    with pytest.raises(EngineError) as caught:
        put_adapter(core_of(tuning_spec(tiny_bert, {"kind": "ia3"}), encoded_texts), read_adapter(tmp_path))
    assert caught.value.kind is ErrorKind.BAD_INPUT


def test_an_adapter_that_is_not_whole_is_refused(tiny_bert: Path, encoded_texts: Any, tmp_path: Path) -> None:
    from engine.finetuning.adapters_io import RECORD, WEIGHTS, read_adapter, save_adapter

    spec = tuning_spec(tiny_bert, {"kind": "ia3"})
    save_adapter(tmp_path, spec, core_of(spec, encoded_texts))
    whole = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(whole[:-8])
    with pytest.raises(EngineError, match="not whole"):
        read_adapter(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(whole)
    (tmp_path / RECORD).write_text("{}")
    with pytest.raises(EngineError, match="not whole"):
        read_adapter(tmp_path)
    with pytest.raises(EngineError) as caught:
        read_adapter(tmp_path / "none")
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_the_whole_model_has_no_adapter(tiny_bert: Path, encoded_texts: Any, tmp_path: Path) -> None:
    from engine.finetuning.adapters_io import save_adapter

    spec = tuning_spec(tiny_bert, {"kind": "full"})
    assert save_adapter(tmp_path, spec, core_of(spec, encoded_texts)) is None


def test_a_finished_run_has_its_adapter_beside_a_merged_core(
    tiny_bert: Path, encoded_texts: Any, tmp_path: Path
) -> None:
    """Saved, loaded again and predicted with: the same numbers as before."""
    import keras

    import engine.models.layers  # noqa: F401
    from engine.finetuning.adapters_io import WEIGHTS, put_adapter, read_adapter
    from engine.training.saving import CORE, save_model

    rows = encoded_texts.train.take(np.arange(4))
    for method in ({"kind": "lora", "rank": 4, "weight_decomposed": True}, {"kind": "prefix"}, {"kind": "prompt"}):
        spec = tuning_spec(tiny_bert, method)
        core = moved(core_of(spec, encoded_texts), seed=3)
        expected = np.asarray(core(rows, training=False))
        folder = save_model(tmp_path / str(method["kind"]), spec, core, encoded_texts)
        assert (folder / WEIGHTS).is_file()
        loaded = keras.saving.load_model(folder / CORE, compile=False)
        np.testing.assert_allclose(np.asarray(loaded(rows, training=False)), expected, atol=1e-5)
        assert not any(type(layer).__name__ == "TunedDense" for layer in loaded.layers)
        again = core_of(spec, encoded_texts)
        put_adapter(again, read_adapter(folder))
        np.testing.assert_array_equal(np.asarray(again(rows, training=False)), expected)
