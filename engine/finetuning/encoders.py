"""Encoders for a pretrained body: the numbers are the source's, classes and target are those of the new data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.errors import EngineError, ErrorKind
from engine.finetuning.sources import Found, usable
from engine.finetuning.sources.bert_folder import Tokenizer, read_bert_folder
from engine.finetuning.sources.keras_hub_folder import preset_config, preset_vocabulary
from engine.models.encoding import Encoder, InputSpecs, fit_target
from engine.models.encoding_image import ImageEncoder
from engine.models.encoding_table import TableEncoder
from engine.models.encoding_text import TextEncoder
from engine.models.encoding_wordpiece import WordPieceEncoder, wordpiece_figures
from engine.specs.data import DataSpec, PreprocessingSpec, TextPreprocessing
from engine.text import N_

if TYPE_CHECKING:
    from engine.data.load import Prepared

SHORTEST_TEXT = 3  # [CLS], one piece, [SEP]


def taken_over(prepared: Prepared) -> Encoder:
    """The encoder of the source that a document names, fitted to the document's classes and target.

    Raises:
        EngineError: BAD_INPUT where the data or the document do not fit the source.
    """
    spec = prepared.spec
    found = usable(spec.preprocessing.learned_from)
    check_modality(found, spec)
    classes = tuple(prepared.classes or ())
    if found.format == "run":
        source = run_encoder(found.folder)
        return _retargeted(source, prepared, classes)
    tokenizer, _ = wordpieces(found)
    check_length(found, spec)
    columns = list(prepared.columns) or [str(name) for name in prepared.frame.columns]
    settings = {
        "lowercase": tokenizer.lowercase,
        "strip_accents": tokenizer.strip_accents,
        "chinese": tokenizer.chinese,
        "unknown": tokenizer.unknown,
        "first": tokenizer.first,
        "last": tokenizer.last,
    }
    return WordPieceEncoder(spec, classes, fit_target(prepared), columns, settings, tokenizer.vocabulary)


def taken_over_shape(spec: DataSpec) -> tuple[InputSpecs, dict[str, Any]]:
    """Inputs and figures of `taken_over`, without the data.

    Raises:
        EngineError: as `taken_over`, as far as the document alone can tell.
    """
    found = usable(spec.preprocessing.learned_from)
    check_modality(found, spec)
    if found.format == "run":
        source = run_encoder(found.folder)
        check_settings(source.spec.preprocessing, spec.preprocessing)
        inputs = {name: shape for name, shape in source.input_specs.items() if not name.startswith("ngram_")}
        return inputs, source._info() | ({"ngram_features": 0} if isinstance(source, TextEncoder) else {})
    check_length(found, spec)
    length = cast(TextPreprocessing, spec.preprocessing).sequence_length
    tokenizer, _ = wordpieces(found)
    return {"tokens": ((length,), "int32")}, wordpiece_figures(len(tokenizer.vocabulary), length)


def wordpieces(found: Found) -> tuple[Tokenizer, int]:
    """The tokenizer of a source of the BERT family, and how many tokens a text may have."""
    if found.format == "bert":
        folder = read_bert_folder(found.folder)
        return folder.tokenizer, folder.longest
    return _preset_tokenizer(found.folder)


@lru_cache(maxsize=4)
def _preset_tokenizer(folder: Path) -> tuple[Tokenizer, int]:
    config = preset_config(folder)
    tokens, lowercase = preset_vocabulary(folder, config["vocabulary_size"])
    return Tokenizer(tuple(tokens), lowercase, lowercase, True), config["max_sequence_length"]


@lru_cache(maxsize=8)
def run_encoder(folder: Path) -> Encoder:
    """The encoder that a finished run saved."""
    return Encoder.load(folder / "model" / "encoder")


def check_modality(found: Found, spec: DataSpec) -> None:
    """Refuse a source for another kind of data.

    Raises:
        EngineError: BAD_INPUT.
    """
    if found.record.modality is not spec.task.modality:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The source {source} reads {expected}, the data are {given}."),
            hint=N_("Choose a source for the same kind of data."),
            source=found.record.title,
            expected=found.record.modality.value,
            given=spec.task.modality.value,
        )


def check_length(found: Found, spec: DataSpec) -> None:
    """Refuse texts that are longer than the source has positions.

    Raises:
        EngineError: BAD_INPUT.
    """
    length = cast(TextPreprocessing, spec.preprocessing).sequence_length
    longest = wordpieces(found)[1]
    if not SHORTEST_TEXT <= length <= longest:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("This source reads texts of {shortest} to {longest} tokens, got a length of {length}."),
            hint=N_("Set data.preprocessing.sequence_length to {longest} at most; longer texts are cut."),
            shortest=SHORTEST_TEXT,
            longest=longest,
            length=length,
        )


def check_settings(source: PreprocessingSpec, wanted: PreprocessingSpec) -> None:
    """Refuse a document whose preprocessing is another than the one that a source run was trained with.

    Raises:
        EngineError: BAD_INPUT, naming the first field that differs.
    """
    free = {"learned_from", "ngrams", "ngram_features", "ngram_weights", "target_transform", "vocabulary_size"}
    theirs, ours = source.model_dump(), wanted.model_dump()
    for name, value in theirs.items():
        if name not in free and ours.get(name) != value:
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("The source was trained with {field} = {expected}, the document says {given}."),
                hint=N_("Set data.preprocessing.{field} to {expected}, or choose another source."),
                field=name,
                expected=str(value),
                given=str(ours.get(name)),
            )


def _retargeted(source: Encoder, prepared: Prepared, classes: tuple[str, ...]) -> Encoder:
    spec = prepared.spec
    check_settings(source.spec.preprocessing, spec.preprocessing)
    scaler = fit_target(prepared)
    if isinstance(source, ImageEncoder):
        return ImageEncoder(spec, classes, scaler)
    columns = list(prepared.columns) or [str(name) for name in prepared.frame.columns]
    if isinstance(source, WordPieceEncoder):
        return WordPieceEncoder(spec, classes, scaler, columns, source.tokenizer, source.words)
    if isinstance(source, TextEncoder):
        return TextEncoder(_without_ngrams(spec), classes, scaler, columns, _no_ngrams(source), source.words)
    return _table(cast(TableEncoder, source), prepared, classes)


def _without_ngrams(spec: DataSpec) -> DataSpec:
    """The linear part of n-grams stays behind with the head, so nothing needs them."""
    settings = spec.preprocessing.model_copy(update={"ngrams": 0})
    return spec.model_copy(update={"preprocessing": settings})


def _no_ngrams(source: TextEncoder) -> Mapping[str, np.ndarray]:
    return {
        "token_marks": source.token_marks,
        "ngram_marks": np.zeros(1, np.int64),
        "ngram_factors": np.zeros(1, np.float32),
    }


def _table(source: TableEncoder, prepared: Prepared, classes: tuple[str, ...]) -> TableEncoder:
    columns = source.columns
    wanted = list(dict.fromkeys([*columns.numbers, *columns.categories, *columns.words]))
    missing = [name for name in wanted if name not in prepared.columns]
    if missing:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The source needs columns that these data lack: {columns}."),
            hint=N_("Add or rename the columns, or choose a source that was trained on such a table."),
            columns=", ".join(missing[:10]) + (" …" if len(missing) > 10 else ""),
        )
    return TableEncoder(prepared.spec, classes, fit_target(prepared), columns, source.flag)
