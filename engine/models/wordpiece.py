"""WordPiece with TensorFlow's string operations: texts to the token numbers that a model of the BERT family knows.

The steps are those of the published tokenizer (Devlin et al. 2019): clean, set Chinese characters apart, fold capitals,
take accents off, split at spaces and punctuation, then the longest pieces first (Song et al. 2021 do it in one pass).
Training and the exported model call the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

# RE2 syntax.
_SPACES = r"[\t\n\r\p{Z}]"
_CONTROL = r"[\p{C}\x{FFFD}]"
# The blocks that the published tokenizer calls Chinese; no kana, no hangul.
_CHINESE = (
    r"[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}"
    r"\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
)
_ACCENTS = r"\p{Mn}"
_PUNCTUATION = r"[!-/:-@\[-`{-~\p{P}]"
# A word of more letters is unknown as a whole; the replacement stands in no vocabulary.
_LONG_WORDS, _LONG_WORD = r"[^ ]{101,}", "\U0010fffd"
_MOST_BYTES = 4 * 100  # of a word of a hundred letters


class Folding(NamedTuple):
    """What is folded before words are cut into pieces."""

    lowercase: bool
    strip_accents: bool
    chinese: bool


class Marks(NamedTuple):
    """The numbers of the first and the last token of every text."""

    first: int
    last: int


def model_buffer(vocabulary: Sequence[str], unknown: str) -> np.ndarray:
    """The vocabulary as the kernel reads it: uint8 `(bytes,)`."""
    from tensorflow_text import FastWordpieceTokenizer

    known = FastWordpieceTokenizer(
        list(vocabulary), max_bytes_per_word=_MOST_BYTES, unknown_token=unknown, no_pretokenization=True
    )
    return np.asarray(known._model)


def words_of(texts: Any, folding: Folding) -> Any:
    """Strings `(texts,)` → words and signs, ragged `(texts, words)`."""
    import tensorflow_text as text

    texts = tf.strings.regex_replace(texts, _SPACES, " ")
    texts = tf.strings.regex_replace(texts, _CONTROL, "")
    if folding.chinese:
        texts = tf.strings.regex_replace(texts, _CHINESE, r" \0 ")
    if folding.strip_accents:
        texts = tf.strings.regex_replace(text.normalize_utf8(texts, "NFD"), _ACCENTS, "")
    if folding.lowercase:
        texts = tf.strings.lower(texts, encoding="utf-8")
    texts = tf.strings.regex_replace(texts, _PUNCTUATION, r" \0 ")
    return tf.strings.split(tf.strings.regex_replace(texts, _LONG_WORDS, _LONG_WORD))


def token_numbers(texts: Any, buffer: Any, folding: Folding, marks: Marks, length: int) -> Any:
    """Strings `(texts,)` → int32 `(texts, length)`: first mark, pieces, last mark, then zeros; long texts are cut."""
    from tensorflow_text import FastWordpieceTokenizer

    known = FastWordpieceTokenizer(model_buffer=tf.convert_to_tensor(buffer), token_out_type=tf.int32)
    pieces = known.tokenize(words_of(texts, folding)).merge_dims(1, 2)[:, : length - 2]
    rows = tf.shape(texts)[0]
    first, last = (tf.fill([rows, 1], tf.constant(mark, tf.int32)) for mark in marks)
    return tf.concat([first, pieces, last], axis=1).to_tensor(0, shape=(None, length))


def encode_texts(texts: Any, buffer: np.ndarray, folding: Folding, marks: Marks, length: int) -> np.ndarray:
    """`token_numbers` of plain texts, some thousands at a time."""
    from engine.models.tokens import chunks

    kept = tf.constant(buffer)
    parts = [token_numbers(chunk, kept, folding, marks, length).numpy() for chunk in chunks(texts)]
    return np.concatenate([np.zeros((0, length), np.int32), *parts])
