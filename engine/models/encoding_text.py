"""Texts: token numbers for the deep part, and weighted n-grams for the linear part beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.models.encoding import LAYER, Encoder, InputSpecs, raw_names, train_positions
from engine.models.encoding_target import TargetScaler
from engine.specs import Modality
from engine.specs.data import DataSpec, TextPreprocessing

if TYPE_CHECKING:
    import pandas as pd

    from engine.data.load import Prepared
    from engine.specs.records import DatasetRecord

PADDING, UNKNOWN, FIRST_TOKEN = 0, 1, 2  # token numbers
# An n-gram that stands in a single train text says nothing about another text.
MIN_TEXTS = 2


class TextEncoder(Encoder):
    """Vocabulary and n-grams of the train part.

    Inputs: `tokens` int32 `(sequence_length,)`, 0 for padding, 1 for unknown; where n-grams are on, `ngram_ids` int32
    and `ngram_weights` float32 `(n-grams,)`: for each n-gram of the text its number and `(1 + log count) × factor`, the
    whole of length 1; id 0 with weight 0 fills up. The factor is the inverse document frequency (scikit-learn's
    sublinear, smoothed TF-IDF), or the spread of the n-gram's log probability over the classes (NB-SVM, Wang & Manning
    2012), with which a linear model needs fewer examples.
    """

    modality = Modality.TEXT

    def __init__(
        self,
        spec: DataSpec,
        classes: tuple[str, ...],
        scaler: TargetScaler | None,
        columns: Sequence[str],
        arrays: Mapping[str, np.ndarray],
        words: Sequence[str],
    ) -> None:
        super().__init__(spec, classes, scaler)
        self.columns = tuple(columns)  # text columns, joined by a space where there are several
        self.words = tuple(words)  # spelling of token number i + 2
        self.token_marks = arrays["token_marks"]  # fingerprints, most frequent first
        self.ngram_marks = arrays["ngram_marks"]  # fingerprints, ascending
        self.ngram_factors = arrays["ngram_factors"]  # of the n-gram at the same place

    @property
    def settings(self) -> TextPreprocessing:
        """The preprocessing part of the document."""
        return cast(TextPreprocessing, self.spec.preprocessing)

    # ---- learning -------------------------------------------------------------------------------------------------
    @classmethod
    def _fit(cls, prepared: Prepared) -> TextEncoder:
        settings = cast(TextPreprocessing, prepared.spec.preprocessing)
        columns = list(prepared.columns) or [str(name) for name in prepared.frame.columns]
        train = train_positions(prepared)
        texts = joined_texts(prepared.frame, columns, train)
        arrays, words = learn(texts, settings, np.asarray(prepared.target)[train])
        return cls(prepared.spec, tuple(prepared.classes), None, columns, arrays, words)

    @classmethod
    def shape(cls, spec: DataSpec, record: DatasetRecord) -> tuple[InputSpecs, dict[str, Any]]:
        """See `Encoder.shape`."""
        settings = cast(TextPreprocessing, spec.preprocessing)
        info = _figures(settings, settings.vocabulary_size, settings.ngram_features if settings.ngrams else 0)
        return _inputs(settings), info

    # ---- use ------------------------------------------------------------------------------------------------------
    @property
    def input_specs(self) -> InputSpecs:
        """See the class."""
        return _inputs(self.settings)

    def _info(self) -> dict[str, Any]:
        ngrams = self.ngram_marks.size if self.settings.ngrams else 0
        return _figures(self.settings, self.token_marks.size + FIRST_TOKEN, ngrams)

    def encode(self, prepared: Prepared, positions: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """See `Encoder.encode`."""
        return self.encode_texts(joined_texts(prepared.frame, self.columns, positions))

    def encode_texts(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Plain texts → arrays by input name."""
        from engine.models import tokens

        settings = self.settings
        marks, offsets = tokens.token_fingerprints(texts, settings.tokens, settings.lowercase)
        out = {"tokens": _padded(self._token_numbers(marks), offsets, settings.sequence_length)}
        if settings.ngrams:
            if settings.ngrams > 1:
                marks, offsets = tokens.token_fingerprints(texts, settings.tokens, settings.lowercase, settings.ngrams)
            ids, weights = self._weighted(tokens.look_up(marks, self.ngram_marks), offsets)
            out |= {"ngram_ids": ids, "ngram_weights": weights}
        return out

    def _token_numbers(self, marks: np.ndarray) -> np.ndarray:
        from engine.models.tokens import look_up

        order = np.argsort(self.token_marks)
        place = look_up(marks, self.token_marks[order])
        numbers = np.append(order + FIRST_TOKEN, UNKNOWN)  # the last one answers for place -1
        return numbers[place]

    def _weighted(self, places: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Place of every n-gram (-1: unknown) → `(texts, n-grams)` ids and weights, heaviest first."""
        from scipy.sparse import csr_matrix

        texts, length = offsets.size - 1, ngram_slots(self.settings)
        rows = np.repeat(np.arange(texts), np.diff(offsets))[places >= 0]
        counts = csr_matrix(
            (np.ones(rows.size, np.float32), (rows, places[places >= 0])), (texts, max(1, self.ngram_marks.size))
        )
        counts.sum_duplicates()
        weights = (1.0 + np.log(counts.data)) * self.ngram_factors[counts.indices] if counts.nnz else counts.data
        norms = np.sqrt(np.bincount(_rows(counts), weights**2, minlength=texts))
        weights = weights / np.maximum(norms[_rows(counts)], 1e-12)
        order = np.lexsort((counts.indices, -weights, _rows(counts)))  # per text: heaviest first, then by number
        slot = np.arange(weights.size) - counts.indptr[_rows(counts)]
        ids, out = np.zeros((texts, length), np.int32), np.zeros((texts, length), np.float32)
        fits = slot < length
        ids[_rows(counts)[fits], slot[fits]] = counts.indices[order][fits]
        out[_rows(counts)[fits], slot[fits]] = weights[order][fits]
        return ids, out

    def raw_inputs(self, reserved: Iterable[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
        """One string input a text column, `(batch,)`."""
        import keras

        from engine.models.preprocessing_text import TextToNgrams, TextToTokens, joined
        from engine.models.tokens import lookup_table

        settings = self.settings
        names = raw_names(self.columns, reserved).values()
        raw = {name: keras.Input((), dtype="string", name=name) for name in names}
        text = joined(list(raw.values()))
        options: dict[str, Any] = {"kind": settings.tokens, "lowercase": settings.lowercase}
        encoded = {
            "tokens": TextToTokens(
                length=settings.sequence_length,
                name=f"{LAYER}tokens",
                constants=lookup_table(self.token_marks, np.arange(self.token_marks.size) + FIRST_TOKEN),
                **options,
            )(text)
        }
        if settings.ngrams:
            ids, weights = TextToNgrams(
                longest=settings.ngrams,
                length=ngram_slots(settings),
                name=f"{LAYER}ngrams",
                constants={"marks": self.ngram_marks, "factors": self.ngram_factors},
                **options,
            )(text)
            encoded |= {"ngram_ids": ids, "ngram_weights": weights}
        return raw, encoded

    # ---- keeping --------------------------------------------------------------------------------------------------
    def _state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        arrays = {"token_marks": self.token_marks, "ngram_marks": self.ngram_marks, "ngram_factors": self.ngram_factors}
        return {"columns": list(self.columns), "words": list(self.words)}, arrays

    @classmethod
    def _from_state(
        cls,
        spec: DataSpec,
        classes: tuple[str, ...],
        scaler: TargetScaler | None,
        state: dict[str, Any],
        arrays: Mapping[str, np.ndarray],
    ) -> TextEncoder:
        return cls(spec, classes, scaler, state["columns"], arrays, state["words"])


def ngram_slots(settings: TextPreprocessing) -> int:
    """How many n-grams of one text are kept; the heaviest where there are more."""
    return max(1, settings.ngrams) * settings.sequence_length


def joined_texts(frame: pd.DataFrame, columns: Sequence[str], positions: np.ndarray | None = None) -> list[str]:
    """The texts of some rows, several columns joined by a space, missing ones empty."""
    rows = frame if positions is None else frame.iloc[positions]
    texts = rows[list(columns)].astype("object").where(rows[list(columns)].notna(), "")
    return [" ".join(str(part) for part in parts) for parts in texts.itertuples(index=False, name=None)]


def learn(
    texts: Sequence[str], settings: TextPreprocessing, codes: np.ndarray
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Vocabulary and n-grams of train texts: the arrays of a `TextEncoder`, and the tokens' spellings.

    Args:
        texts: of the train part.
        settings: the preprocessing part of the document.
        codes: class of each text.
    """
    from engine.models import tokens

    marks, offsets = tokens.token_fingerprints(texts, settings.tokens, settings.lowercase)
    distinct, counts = np.unique(marks, return_counts=True)
    most = np.lexsort((distinct, -counts))[: settings.vocabulary_size - FIRST_TOKEN]
    token_marks = distinct[most]
    words = tokens.spellings(texts, token_marks, settings.tokens, settings.lowercase)
    ngram_marks, factors = np.zeros(1, np.int64), np.zeros(1, np.float32)
    if settings.ngrams:
        if settings.ngrams > 1:
            marks, offsets = tokens.token_fingerprints(texts, settings.tokens, settings.lowercase, settings.ngrams)
        ngram_marks, factors = _choose(marks, offsets, settings, codes)
    return {"token_marks": token_marks, "ngram_marks": ngram_marks, "ngram_factors": factors}, words


def _choose(
    marks: np.ndarray, offsets: np.ndarray, settings: TextPreprocessing, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The n-grams that stand in most texts, ascending by fingerprint, with their factors."""
    texts = offsets.size - 1
    rows = np.repeat(np.arange(texts), np.diff(offsets))
    distinct, place = np.unique(marks, return_inverse=True)
    once = np.unique(place.astype(np.int64) * texts + rows)  # (n-gram, text) pairs
    in_texts = np.bincount(once // texts, minlength=distinct.size) if texts else np.zeros(0, np.int64)
    eligible = np.flatnonzero(in_texts >= min(MIN_TEXTS, texts))
    chosen = np.sort(eligible[np.lexsort((distinct[eligible], -in_texts[eligible]))[: settings.ngram_features]])
    if chosen.size == 0:
        return np.zeros(1, np.int64), np.zeros(1, np.float32)
    if settings.ngram_weights == "tf_idf":
        factors = np.log((1.0 + texts) / (1.0 + in_texts[chosen])) + 1.0
    else:
        factors = _class_spread(np.searchsorted(chosen, once // texts), once, chosen, codes)
    return distinct[chosen], factors.astype(np.float32)


def _class_spread(place: np.ndarray, pairs: np.ndarray, chosen: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Largest minus smallest log P(n-gram | class), with one text added to each count (NB-SVM's r for two classes).

    Args:
        place: of each (n-gram, text) pair where its n-gram would stand in `chosen`.
        pairs: n-gram number × texts + text number.
        chosen: n-gram numbers, ascending.
        codes: class of each text.
    """
    known = chosen[np.minimum(place, chosen.size - 1)] == pairs // codes.size
    classes = int(codes.max()) + 1
    counts = np.ones((chosen.size, classes))
    np.add.at(counts, (place[known], codes[pairs[known] % codes.size]), 1.0)
    logs = np.log(counts / counts.sum(axis=0))
    return logs.max(axis=1) - logs.min(axis=1)


def _padded(values: np.ndarray, offsets: np.ndarray, length: int) -> np.ndarray:
    """Values one after the other → int32 `(texts, length)`, cut at the end, filled with zeros."""
    slot = np.arange(values.size) - np.repeat(offsets[:-1], np.diff(offsets))
    rows = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    out = np.zeros((offsets.size - 1, length), np.int32)
    fits = slot < length
    out[rows[fits], slot[fits]] = values[fits]
    return out


def _rows(matrix: Any) -> np.ndarray:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _inputs(settings: TextPreprocessing) -> InputSpecs:
    specs: InputSpecs = {"tokens": ((settings.sequence_length,), "int32")}
    if settings.ngrams:
        specs["ngram_ids"] = ((ngram_slots(settings),), "int32")
        specs["ngram_weights"] = ((ngram_slots(settings),), "float32")
    return specs


def _figures(settings: TextPreprocessing, vocabulary: int, ngrams: int) -> dict[str, Any]:
    return {
        "vocabulary_size": int(vocabulary),
        "sequence_length": settings.sequence_length,
        "ngram_features": int(ngrams),
    }
