"""Texts to tokens, n-grams and their fingerprints, with TensorFlow's string operations.

Training and the exported model call the same functions, so a text is cut in the same way everywhere. A token is known
by its 62-bit FarmHash fingerprint: looking numbers up is quick, needs no string table, and two of a million tokens
collide with a chance of one in ten million.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf

TokenKind = Literal["words", "characters", "parts"]

FINGERPRINT_RANGE = 2**62
# Texts cut in one call: the arrays between stay below some 100 MB for long reviews.
CHUNK_TEXTS = 8192

# RE2 syntax. Spaces and control characters of any script are one space.
_SPACES = r"[\p{Z}\p{C}\s]+"
_CURLY_APOSTROPHES = "[’ʼ＇]"
# A character that is neither letter, mark, digit, space nor apostrophe is a token of its own.
_PUNCTUATION = r"[^\p{L}\p{M}\p{N}\s']"
# Apostrophes stay inside words (don't, l'été) and go where they are quotation marks.
_OPENING_QUOTE, _CLOSING_QUOTE = r"(^|\s)'+", r"'+(\s|$)"
_IDEOGRAPHS = r"[\p{Han}\p{Hiragana}\p{Katakana}]"
_LETTER_DIGIT, _DIGIT_LETTER = r"(\p{L})(\p{N})", r"(\p{N})(\p{L})"


def tokenise(texts: Any, kind: TokenKind, lowercase: bool) -> Any:
    """Cut texts `(texts,)` into tokens: a ragged string tensor `(texts, tokens)`.

    Args:
        texts: string tensor, UTF-8.
        kind: "words" splits punctuation off; "characters" makes each Chinese or Japanese character a token, too, and
            keeps runs of other letters as words; "parts" splits between letters and digits instead ("C85" → "c", "85")
            and leaves punctuation out, for names and codes in tables.
        lowercase: fold capitals.
    """
    texts = tf.strings.regex_replace(texts, _SPACES, " ")
    if lowercase:
        texts = tf.strings.lower(texts, encoding="utf-8")
    texts = tf.strings.regex_replace(texts, _CURLY_APOSTROPHES, "'")
    texts = tf.strings.regex_replace(texts, _PUNCTUATION, " " if kind == "parts" else r" \0 ")
    texts = tf.strings.regex_replace(texts, _OPENING_QUOTE, " ")
    texts = tf.strings.regex_replace(texts, _CLOSING_QUOTE, " ")
    if kind == "characters":
        texts = tf.strings.regex_replace(texts, _IDEOGRAPHS, r" \0 ")
    if kind == "parts":
        texts = tf.strings.regex_replace(texts, _LETTER_DIGIT, r"\1 \2")
        texts = tf.strings.regex_replace(texts, _DIGIT_LETTER, r"\1 \2")
    return tf.strings.split(texts)


def ngrams_of(tokens: Any, longest: int) -> Any:
    """All runs of 1 to `longest` tokens: ragged strings `(texts, tokens)` → ragged strings `(texts, n-grams)`."""
    return tf.strings.ngrams(tokens, tuple(range(1, longest + 1)), separator=" ")


def fingerprints(strings: Any) -> Any:
    """62-bit fingerprints of a (ragged) string tensor, the same shape."""
    return tf.strings.to_hash_bucket_fast(strings, FINGERPRINT_RANGE)


def fingerprint_array(strings: Sequence[str]) -> np.ndarray:
    """Fingerprints of plain strings, int64 `(strings,)`."""
    parts = [fingerprints(chunk).numpy() for chunk in chunks(strings)]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def chunks(texts: Sequence[str]) -> Iterator[Any]:
    """String tensors of at most `CHUNK_TEXTS`; what is not valid Unicode (lone surrogates) becomes "?"."""
    for start in range(0, len(texts), CHUNK_TEXTS):
        yield tf.constant([text.encode("utf-8", "replace") for text in texts[start : start + CHUNK_TEXTS]], tf.string)


def token_fingerprints(
    texts: Sequence[str], kind: TokenKind, lowercase: bool, longest: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Fingerprints of all tokens (or n-grams) of texts, one after the other.

    Returns:
        `(all n-grams,)` int64, and the offsets `(texts + 1,)` at which each text begins and ends.
    """
    values, lengths = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for chunk in chunks(texts):
        tokens = tokenise(chunk, kind, lowercase)
        if longest > 1:
            tokens = ngrams_of(tokens, longest)
        values.append(fingerprints(tokens.flat_values).numpy())
        lengths.append(tokens.row_lengths().numpy())
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    return np.concatenate(values), offsets


def look_up(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Positions of fingerprints in a sorted array, -1 for unknown ones."""
    if known.size == 0:
        return np.full(values.shape, -1, np.int64)
    place = np.minimum(np.searchsorted(known, values), known.size - 1)
    return np.where(known[place] == values, place, -1)


def lookup_table(marks: np.ndarray, numbers: np.ndarray) -> dict[str, np.ndarray]:
    """Constants of a lookup layer: ascending fingerprints with their numbers, never empty (-1 is no fingerprint)."""
    if marks.size == 0:
        return {"marks": np.array([-1], np.int64), "numbers": np.zeros(1, np.int32)}
    order = np.argsort(marks)
    return {"marks": marks[order], "numbers": numbers[order].astype(np.int32)}


def look_up_tensor(values: Any, known: Any) -> Any:
    """`look_up` for TensorFlow: int64 `(values,)` in a sorted int64 `(known,)`."""
    place = tf.minimum(tf.searchsorted(known, values, out_type=tf.int64), tf.size(known, tf.int64) - 1)
    return tf.where(tf.gather(known, place) == values, place, -tf.ones_like(place))


def spellings(texts: Sequence[str], wanted: np.ndarray, kind: TokenKind, lowercase: bool) -> list[str]:
    """The tokens behind fingerprints, in the order of `wanted`; "" for those that do not occur in `texts`."""
    found: dict[int, str] = {}
    known = np.sort(wanted)
    for chunk in chunks(texts):
        flat = tokenise(chunk, kind, lowercase).flat_values
        marks = fingerprints(flat).numpy()
        distinct, first = np.unique(marks, return_index=True)
        keep = look_up(distinct, known) >= 0
        for mark, word in zip(distinct[keep], flat.numpy()[first[keep]], strict=True):
            found.setdefault(int(mark), word.decode("utf-8", "replace"))
    return [found.get(int(mark), "") for mark in wanted]
