"""The text layers of the exported model: raw strings to what `TextEncoder.encode` gives. TensorFlow backend only."""

from typing import Any

import keras
import tensorflow as tf

from engine.models.preprocessing import Learned
from engine.models.tokens import TokenKind, fingerprints, look_up_tensor, ngrams_of, tokenise


def joined(texts: list[Any]) -> Any:
    """Several string tensors `(batch,)` as one, with a space between."""
    return texts[0] if len(texts) == 1 else JoinTexts(name="lathe_text")(texts)


@keras.saving.register_keras_serializable("lathe")
class JoinTexts(keras.layers.Layer):
    """String tensors `(batch,)` → one, with a space between them."""

    def call(self, texts: Any) -> Any:
        """See the class."""
        return tf.strings.join(texts, separator=" ")

    def compute_output_spec(self, texts: Any) -> Any:
        """`(batch,)` strings."""
        return keras.KerasTensor(texts[0].shape, dtype="string")


class _Text(Learned):
    def __init__(self, kind: TokenKind, lowercase: bool, length: int, constants: Any = None, **kwargs: Any) -> None:
        super().__init__(constants, **kwargs)
        self.kind, self.lowercase, self.length = kind, lowercase, length

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs."""
        return {**super().get_config(), "kind": self.kind, "lowercase": self.lowercase, "length": self.length}

    def _places(self, ragged: Any) -> Any:
        """Ragged strings → ragged places in `marks`, -1 for unknown ones."""
        marks = tf.convert_to_tensor(self.kept["marks"])
        return ragged.with_flat_values(look_up_tensor(fingerprints(ragged.flat_values), marks))


@keras.saving.register_keras_serializable("lathe")
class TextToTokens(_Text):
    """Strings `(batch,)` → token numbers int32 `(batch, length)`; 0 fills up, 1 is unknown."""

    def call(self, texts: Any) -> Any:
        """See the class."""
        places = self._places(tokenise(texts, self.kind, self.lowercase))
        numbers = tf.concat([tf.convert_to_tensor(self.kept["numbers"]), [1]], 0)
        unknown = tf.size(numbers, tf.int64) - 1
        flat = tf.gather(numbers, tf.where(places.flat_values < 0, unknown, places.flat_values))
        return places.with_flat_values(flat).to_tensor(0, shape=(None, self.length))

    def compute_output_spec(self, texts: Any) -> Any:
        """`(batch, length)`."""
        return keras.KerasTensor((*texts.shape, self.length), dtype="int32")


@keras.saving.register_keras_serializable("lathe")
class TextToNgrams(_Text):
    """Strings `(batch,)` → ids int32 and weights float32 `(batch, length)`, heaviest first."""

    def __init__(self, longest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest = longest

    def call(self, texts: Any) -> Any:
        """See the class."""
        ragged = tokenise(texts, self.kind, self.lowercase)
        if self.longest > 1:
            ragged = ngrams_of(ragged, self.longest)
        places = self._places(ragged)
        factors = tf.convert_to_tensor(self.kept["factors"])  # (features,)
        known = places.flat_values >= 0
        features, rows = tf.size(factors, tf.int64), tf.shape(texts, tf.int64)[0]
        keys = tf.boolean_mask(places.value_rowids() * features + places.flat_values, known)
        keys, _, count = tf.unique_with_counts(tf.sort(keys))  # one entry a text and n-gram
        row, feature = keys // features, keys % features
        weight = (1.0 + tf.math.log(tf.cast(count, tf.float32))) * tf.gather(factors, feature)
        norm = tf.sqrt(tf.math.unsorted_segment_sum(weight**2, row, rows))
        weight = weight / tf.maximum(tf.gather(norm, row), 1e-12)
        # Heaviest first: a stable sort by weight, then a stable sort by text.
        order = tf.argsort(-weight, stable=True)
        order = tf.gather(order, tf.argsort(tf.gather(row, order), stable=True))
        return tuple(
            tf.RaggedTensor.from_value_rowids(tf.gather(values, order), tf.gather(row, order), rows).to_tensor(
                0, shape=(None, self.length)
            )
            for values in (tf.cast(feature, tf.int32), weight)
        )

    def compute_output_spec(self, texts: Any) -> Any:
        """Two of `(batch, length)`."""
        shape = (*texts.shape, self.length)
        return keras.KerasTensor(shape, dtype="int32"), keras.KerasTensor(shape, dtype="float32")

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs."""
        return {**super().get_config(), "longest": self.longest}


@keras.saving.register_keras_serializable("lathe")
class CategoryLookup(Learned):
    """Strings `(batch,)` → the value's number int32 `(batch, 1)`; 0 for values not known."""

    def call(self, texts: Any) -> Any:
        """See the class."""
        place = look_up_tensor(fingerprints(tf.strings.strip(texts)), tf.convert_to_tensor(self.kept["marks"]))
        numbers = tf.concat([[0], tf.convert_to_tensor(self.kept["numbers"])], 0)
        return tf.gather(numbers, place + 1)[:, None]

    def compute_output_spec(self, texts: Any) -> Any:
        """`(batch, 1)`."""
        return keras.KerasTensor((*texts.shape, 1), dtype="int32")


@keras.saving.register_keras_serializable("lathe")
class ColumnWords(Learned):
    """Strings `(batch,)` → which of the known words they hold, float32 `(batch, words)`."""

    def call(self, texts: Any) -> Any:
        """See the class."""
        ragged = tokenise(texts, "parts", True)
        marks = tf.convert_to_tensor(self.kept["marks"])
        place = ragged.with_flat_values(look_up_tensor(fingerprints(ragged.flat_values), marks))
        hot = tf.one_hot(place.flat_values, self._size)  # all zeros for place -1
        return tf.minimum(tf.math.unsorted_segment_sum(hot, place.value_rowids(), tf.shape(texts, tf.int64)[0]), 1.0)

    @property
    def _size(self) -> int:
        return int(self.shapes["marks"][0][0])

    def compute_output_spec(self, texts: Any) -> Any:
        """`(batch, words)`."""
        return keras.KerasTensor((*texts.shape, self._size), dtype="float32")
