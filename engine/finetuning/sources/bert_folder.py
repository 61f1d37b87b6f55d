"""A Hugging Face folder of the BERT family, checked by its headers alone before any time is spent on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, Literal

from engine.errors import EngineError, ErrorKind
from engine.finetuning.sources.safetensors import Stored, stored_tensors
from engine.text import N_

Pooling = Literal["average", "first", "token"]
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "relu": "relu"}
# Tables of tokens are sometimes filled up with rows that no token has, for the sake of the hardware: to whole eights,
# or hundreds of some ten thousands.
_SPARE_ROWS, _SPARE_SHARE = 8, 0.005
_LARGEST_FILE_BYTES = 64 * 2**20  # of a configuration or vocabulary: what is larger is something else


@dataclass(frozen=True)
class Tokenizer:
    """A WordPiece tokenizer (Devlin et al. 2019)."""

    vocabulary: tuple[str, ...]
    lowercase: bool
    strip_accents: bool
    chinese: bool  # each Chinese character is a word
    unknown: str = "[UNK]"
    first: str = "[CLS]"
    last: str = "[SEP]"

    def number(self, token: str) -> int:
        """The place of a token."""
        return self.vocabulary.index(token)


@dataclass(frozen=True)
class BertFolder:
    """What a folder holds: the body's shape, its tokenizer, and where each weight lies."""

    folder: Path
    family: str  # "bert" or "distilbert"
    width: int
    blocks: int
    heads: int
    inner_width: int
    vocabulary_size: int
    longest: int
    segments: int  # rows of the table of sentences; 0: none
    activation: str
    norm_epsilon: float
    pooling: Pooling  # as the body was trained
    has_pooler: bool
    sequence_length: int  # as the body was trained; 0 where not said
    tokenizer: Tokenizer
    tensors: Mapping[str, Stored] = field(repr=False, hash=False, compare=False)

    @property
    def parameters(self) -> int:
        """Numbers in all tensors that the body takes."""
        return sum(prod(stored.shape) for stored in self.tensors.values())

    @property
    def bytes(self) -> int:
        """Of the files with weights."""
        return sum(file.stat().st_size for file in {stored.file for stored in self.tensors.values()})


def read_bert_folder(folder: Path) -> BertFolder:
    """Read and check a folder; what was read is kept while its files stay as they are.

    Raises:
        EngineError: BAD_INPUT, one sentence about the first thing that is wrong.
    """
    files = [folder / name for name in ("config.json", "tokenizer_config.json", "tokenizer.json", "vocab.txt")]
    files += sorted(folder.glob("*.safetensors*"))
    marks = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.is_file())
    return _read(folder, marks)


@lru_cache(maxsize=16)
def _read(folder: Path, _marks: tuple[Any, ...]) -> BertFolder:
    from engine.finetuning.sources.bert_names import body_tensors

    config = _json(folder / "config.json")
    family = _family(config, folder)
    shape = _shape(config, family)
    if not any(folder.glob("*.safetensors")):
        _refuse_pickles(folder)
    tensors = body_tensors(stored_tensors(folder), family, shape)
    tokenizer = _tokenizer(folder, config, shape["vocabulary_size"])
    has_pooler = "pooler.dense.weight" in tensors
    pooling, length = _sentence_settings(folder, "first" if has_pooler else "token")
    return BertFolder(
        folder,
        family,
        **shape,
        pooling=pooling,
        has_pooler=has_pooler,
        sequence_length=min(length, shape["longest"]),
        tokenizer=tokenizer,
        tensors=tensors,
    )


def _json(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _LARGEST_FILE_BYTES:
            raise ValueError
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        hint = N_("A folder needs config.json, model.safetensors and vocab.txt.")
        raise _refused(N_("{file} is missing."), hint, file) from error
    except (OSError, ValueError) as error:
        raise _refused(N_("{file} cannot be read as JSON."), N_("Copy or download it again."), file) from error
    if not isinstance(document, dict):
        raise _refused(N_("{file} cannot be read as JSON."), N_("Copy or download it again."), file)
    return document


def _family(config: Mapping[str, Any], folder: Path) -> str:
    family = str(config.get("model_type", ""))
    if family not in ("bert", "distilbert"):
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Models of the kind “{family}” cannot be fine-tuned here yet."),
            hint=N_("Take a folder of the kind bert or distilbert, or a KerasHub preset of the BERT family."),
            family=family[:80] or "?",
        )
    return family


def _shape(config: Mapping[str, Any], family: str) -> dict[str, Any]:
    old = family == "distilbert"
    names = {
        "width": "dim" if old else "hidden_size",
        "blocks": "n_layers" if old else "num_hidden_layers",
        "heads": "n_heads" if old else "num_attention_heads",
        "inner_width": "hidden_dim" if old else "intermediate_size",
        "vocabulary_size": "vocab_size",
        "longest": "max_position_embeddings",
    }
    shape: dict[str, Any] = {}
    for ours, theirs in names.items():
        value = config.get(theirs)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10_000_000:
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("config.json must give {name} as a whole number above 0, got {value}."),
                hint=N_("Copy or download it again."),
                name=theirs,
                value=str(value)[:80],
            )
        shape[ours] = value
    activation = str(config.get("activation" if old else "hidden_act", "gelu"))
    positions = str(config.get("position_embedding_type", "absolute"))
    if activation not in ACTIVATIONS or positions != "absolute" or shape["width"] % shape["heads"]:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("config.json asks for something that is not known here: {what}."),
            hint=N_("Take a body of the published BERT kind."),
            what=f"activation {activation[:40]}, positions {positions[:40]}, {shape['width']} / {shape['heads']} heads",
        )
    segments = 0 if old else int(config.get("type_vocab_size", 2))
    epsilon = float(config.get("layer_norm_eps", 1e-12))
    return {**shape, "segments": segments, "activation": ACTIVATIONS[activation], "norm_epsilon": epsilon}


def _refuse_pickles(folder: Path) -> None:
    pickles = [file.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl") for file in folder.glob(pattern)]
    if pickles:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("{file} could run foreign code when it is read, so it is not opened."),
            hint=N_("Save the model as safetensors (save_pretrained does by default) and choose that folder."),
            file=pickles[0],
        )


def _tokenizer(folder: Path, config: Mapping[str, Any], rows: int) -> Tokenizer:
    settings = _json(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
    whole = _json(folder / "tokenizer.json") if (folder / "tokenizer.json").is_file() else {}
    vocabulary = _vocabulary(folder, whole)
    for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]"):
        if token not in vocabulary:
            raise _foreign(N_("the token {token} is missing"), token=token)
    if vocabulary[0] != "[PAD]" or config.get("pad_token_id", 0) != 0:
        raise _foreign(N_("token 0 must be [PAD], got {token}"), token=vocabulary[0][:40])
    if not 0 <= rows - len(vocabulary) < max(_SPARE_ROWS, _SPARE_SHARE * rows):
        raise _foreign(
            N_("it knows {tokens} tokens, the model has vectors for {rows}"),
            tokens=f"{len(vocabulary):,}",
            rows=f"{rows:,}",
        )
    normalizer = whole.get("normalizer") or {}
    lowercase = bool(settings.get("do_lower_case", normalizer.get("lowercase", True)))
    accents = settings.get("strip_accents", normalizer.get("strip_accents"))
    chinese = bool(settings.get("tokenize_chinese_chars", normalizer.get("handle_chinese_chars", True)))
    # As published: accents go where capitals go, unless it is said otherwise.
    return Tokenizer(tuple(vocabulary), lowercase, lowercase if accents is None else bool(accents), chinese)


def _vocabulary(folder: Path, whole: Mapping[str, Any]) -> list[str]:
    file = folder / "vocab.txt"
    try:
        if file.is_file() and file.stat().st_size <= _LARGEST_FILE_BYTES:
            lines = file.read_text(encoding="utf-8").split("\n")
            return [line.rstrip("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
        model = whole["model"]
        if model["type"] != "WordPiece":
            raise _foreign(N_("it is of the kind {kind}, not WordPiece"), kind=str(model["type"])[:40])
        return sorted(model["vocab"], key=model["vocab"].__getitem__)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        hint = N_("A folder needs config.json, model.safetensors and vocab.txt.")
        raise _refused(N_("{file} is missing."), hint, file) from error


def _sentence_settings(folder: Path, pooling: Pooling) -> tuple[Pooling, int]:
    """What sentence-transformers says of pooling and length, where it was at work."""
    file, length = folder / "1_Pooling" / "config.json", 0
    if file.is_file():
        settings = _json(file)
        pooling = "token" if settings.get("pooling_mode_cls_token") else "average"
    if (folder / "sentence_bert_config.json").is_file():
        said = _json(folder / "sentence_bert_config.json").get("max_seq_length")
        length = said if isinstance(said, int) and said > 0 else 0
    return pooling, length


def _foreign(problem: str, **values: Any) -> EngineError:
    return EngineError(
        ErrorKind.BAD_INPUT,
        N_("The tokenizer does not belong to this model: {problem}."),
        hint=N_("Take vocab.txt and tokenizer_config.json from where the weights are from."),
        problem=problem.format(**values),
    )


def _refused(message: str, hint: str, file: Path) -> EngineError:
    return EngineError(ErrorKind.BAD_INPUT, message, hint=hint, file=file.name)
