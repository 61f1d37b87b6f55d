"""Texts for a pretrained body of the BERT family: cut into the pieces that its vocabulary has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.models.encoding import LAYER, Encoder, InputSpecs, raw_names
from engine.models.encoding_target import TargetScaler
from engine.models.encoding_text import joined_texts
from engine.specs import Modality
from engine.specs.data import DataSpec, TextPreprocessing

if TYPE_CHECKING:
    from engine.data.load import Prepared
    from engine.models.wordpiece import Folding, Marks
    from engine.specs.records import DatasetRecord


class WordPieceEncoder(Encoder):
    """A WordPiece vocabulary that was taken over from a pretrained source.

    Inputs: `tokens` int32 `(sequence_length,)`: [CLS], the pieces, [SEP], then 0 for padding.

    Attributes:
        columns: text columns, joined by a space where there are several.
        tokenizer: lowercase, strip_accents, chinese; unknown, first, last: the special tokens.
        words: the spelling of every token number.
    """

    modality = Modality.TEXT
    variant = "wordpiece"
    trimmed_input = "tokens"

    def __init__(
        self,
        spec: DataSpec,
        classes: tuple[str, ...],
        scaler: TargetScaler | None,
        columns: Sequence[str],
        tokenizer: Mapping[str, Any],
        words: Sequence[str],
    ) -> None:
        super().__init__(spec, classes, scaler)
        self.columns = tuple(columns)
        self.tokenizer = dict(tokenizer)
        self.words = tuple(words)

    @classmethod
    def _fit(cls, prepared: Prepared) -> WordPieceEncoder:
        raise NotImplementedError("a WordPiece vocabulary is taken over from a source: engine.finetuning.encoders")

    @classmethod
    def shape(cls, spec: DataSpec, record: DatasetRecord) -> tuple[InputSpecs, dict[str, Any]]:
        """See `_fit`."""
        raise NotImplementedError("a WordPiece vocabulary is taken over from a source: engine.finetuning.encoders")

    # ---- use ------------------------------------------------------------------------------------------------------
    @property
    def length(self) -> int:
        """Tokens of a text, with the first and the last mark."""
        return cast(TextPreprocessing, self.spec.preprocessing).sequence_length

    @property
    def input_specs(self) -> InputSpecs:
        """See the class."""
        return {"tokens": ((self.length,), "int32")}

    def _info(self) -> dict[str, Any]:
        return wordpiece_figures(len(self.words), self.length)

    @cached_property
    def _buffer(self) -> np.ndarray:
        from engine.models.wordpiece import model_buffer

        return model_buffer(self.words, self.tokenizer["unknown"])

    @property
    def _folding(self) -> Folding:
        from engine.models.wordpiece import Folding

        return Folding(*(bool(self.tokenizer[name]) for name in Folding._fields))

    @property
    def _marks(self) -> Marks:
        from engine.models.wordpiece import Marks

        return Marks(*(self.words.index(self.tokenizer[name]) for name in Marks._fields))

    def encode(self, prepared: Prepared, positions: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """See `Encoder.encode`."""
        return self.encode_texts(joined_texts(prepared.frame, self.columns, positions))

    def encode_texts(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Plain texts → arrays by input name."""
        from engine.models.wordpiece import encode_texts

        return {"tokens": encode_texts(texts, self._buffer, self._folding, self._marks, self.length)}

    def raw_inputs(self, reserved: Iterable[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
        """One string input a text column, `(batch,)`."""
        import keras

        from engine.models.preprocessing_text import joined
        from engine.models.preprocessing_wordpiece import TextToPieces

        raw = {name: keras.Input((), dtype="string", name=name) for name in raw_names(self.columns, reserved).values()}
        cut = TextToPieces(
            self.length, list(self._folding), list(self._marks), {"buffer": self._buffer}, name=f"{LAYER}tokens"
        )
        return raw, {"tokens": cut(joined(list(raw.values())))}

    # ---- keeping --------------------------------------------------------------------------------------------------
    def _state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        words = np.frombuffer("\n".join(self.words).encode(), np.uint8)
        return {"columns": list(self.columns), "tokenizer": self.tokenizer}, {"words": words}

    @classmethod
    def _from_state(
        cls,
        spec: DataSpec,
        classes: tuple[str, ...],
        scaler: TargetScaler | None,
        state: dict[str, Any],
        arrays: Mapping[str, np.ndarray],
    ) -> WordPieceEncoder:
        words = arrays["words"].tobytes().decode().split("\n")
        return cls(spec, classes, scaler, state["columns"], state["tokenizer"], words)


def wordpiece_figures(vocabulary: int, length: int) -> dict[str, Any]:
    """What builders and descriptions need to know."""
    return {"vocabulary_size": vocabulary, "sequence_length": length, "ngram_features": 0}
