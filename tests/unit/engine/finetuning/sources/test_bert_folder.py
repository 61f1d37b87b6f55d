"""A folder of the BERT family is checked by its headers, one sentence for each thing that can be wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError, ErrorKind
from engine.finetuning.sources.bert_folder import read_bert_folder
from tests.support.bert_folders import CONFIG, VOCABULARY, random_tensors, write_bert_folder, write_safetensors


def test_a_whole_folder(tmp_path: Path) -> None:
    found = read_bert_folder(write_bert_folder(tmp_path, pooling="mean"))
    assert (found.width, found.blocks, found.heads, found.longest) == (16, 2, 4, 24)
    assert found.pooling == "average"
    assert found.has_pooler
    assert found.tokenizer.lowercase
    assert found.tokenizer.strip_accents
    assert found.tokenizer.vocabulary == tuple(VOCABULARY)
    assert found.parameters == sum(array.size for array in random_tensors().values())


@pytest.mark.parametrize(("pooling", "expected"), [("", "first"), ("cls", "token"), ("mean", "average")])
def test_pooling_is_that_of_the_training(tmp_path: Path, pooling: str, expected: str) -> None:
    assert read_bert_folder(write_bert_folder(tmp_path, pooling=pooling)).pooling == expected


def test_weights_of_a_model_with_a_head(tmp_path: Path) -> None:
    """Names with "bert." before them, gamma and beta of the oldest files, and a head that is left aside."""
    tensors = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): array
        for name, array in random_tensors().items()
    }
    folder = write_bert_folder(tmp_path, tensors=tensors, prefix="bert.")
    assert read_bert_folder(folder).parameters == sum(array.size for array in tensors.values())


def test_tokens_from_tokenizer_json(tmp_path: Path) -> None:
    folder = write_bert_folder(tmp_path)
    (folder / "vocab.txt").unlink()
    model = {"type": "WordPiece", "vocab": {word: i for i, word in enumerate(VOCABULARY)}}
    (folder / "tokenizer.json").write_text(json.dumps({"model": model, "normalizer": {"lowercase": False}}))
    (folder / "tokenizer_config.json").unlink()
    found = read_bert_folder(folder)
    assert found.tokenizer.vocabulary == tuple(VOCABULARY)
    assert not found.tokenizer.lowercase


def _missing(folder: Path) -> None:
    tensors = random_tensors()
    del tensors["encoder.layer.1.output.dense.weight"]
    write_safetensors(folder / "model.safetensors", tensors)


def _wrong_shape(folder: Path) -> None:
    tensors = random_tensors()
    tensors["encoder.layer.0.output.dense.weight"] = np.zeros((16, 8), np.float32)
    write_safetensors(folder / "model.safetensors", tensors)


def _truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def _pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")


def _config(**changes: Any) -> Any:
    def change(folder: Path) -> None:
        (folder / "config.json").write_text(json.dumps(CONFIG | changes))

    return change


def _vocabulary(words: list[str]) -> Any:
    return lambda folder: (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_missing, r"encoder\.layer\.1\.output\.dense\.weight is missing"),
        (_wrong_shape, r"must have the shape 16 × 32, got 16 × 8"),
        (_truncated, r"not whole: [\d,]+ bytes are announced, [\d,]+ are there"),
        (_pickle_only, r"pytorch_model\.bin could run foreign code"),
        (_config(model_type="llama"), r"“llama” cannot be fine-tuned here yet"),
        (_config(hidden_size="wide"), r"hidden_size as a whole number above 0, got wide"),
        (_config(num_attention_heads=5), r"not known here"),
        (_config(position_embedding_type="relative_key"), r"relative_key"),
        (_config(num_hidden_layers=3), r"encoder\.layer\.2.*is missing"),
        (_vocabulary(VOCABULARY[:40]), r"it knows 40 tokens, the model has vectors for"),
        (_vocabulary([*VOCABULARY, "more"]), r"The tokenizer does not belong"),
        (_vocabulary(["[UNK]", "[PAD]", *VOCABULARY[2:]]), r"token 0 must be \[PAD\], got \[UNK\]"),
        (_vocabulary([word if word != "[SEP]" else "x" for word in VOCABULARY]), r"the token \[SEP\] is missing"),
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json cannot be read as JSON"),
        (lambda folder: (folder / "config.json").unlink(), r"config\.json is missing"),
        (lambda folder: (folder / "vocab.txt").unlink(), r"vocab\.txt is missing"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"it is not there"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, spoil: Any, sentence: str) -> None:
    folder = write_bert_folder(tmp_path / "model")
    spoil(folder)
    with pytest.raises(EngineError, match=sentence) as caught:
        read_bert_folder(folder)
    assert caught.value.kind is ErrorKind.BAD_INPUT


def test_a_table_filled_up_for_the_hardware_is_fine(tmp_path: Path) -> None:
    rows = len(VOCABULARY) + 7
    config = CONFIG | {"vocab_size": rows}
    folder = write_bert_folder(tmp_path, config={"vocab_size": rows}, tensors=random_tensors(config))
    assert read_bert_folder(folder).vocabulary_size == rows
