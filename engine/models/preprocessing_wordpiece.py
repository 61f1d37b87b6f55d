"""The WordPiece layer of the exported model: raw strings to what `WordPieceEncoder.encode` gives. TensorFlow only."""

from typing import Any

import keras
import tensorflow as tf

from engine.models.preprocessing import Learned
from engine.models.wordpiece import Folding, Marks, token_numbers


@keras.saving.register_keras_serializable("lathe")
class TextToPieces(Learned):
    """Strings `(batch,)` → token numbers int32 `(batch, length)`; 0 fills up."""

    def __init__(
        self, length: int, folding: list[bool], marks: list[int], constants: Any = None, **options: Any
    ) -> None:
        super().__init__(constants, **options)
        self.length, self.folding, self.marks = length, Folding(*folding), Marks(*marks)

    def call(self, texts: Any) -> Any:
        """See the class."""
        buffer = tf.convert_to_tensor(self.kept["buffer"])
        return token_numbers(texts, buffer, self.folding, self.marks, self.length)

    def compute_output_spec(self, texts: Any) -> Any:
        """`(batch, length)`."""
        return keras.KerasTensor((*texts.shape, self.length), dtype="int32")

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs."""
        more = {"length": self.length, "folding": list(self.folding), "marks": list(self.marks)}
        return {**super().get_config(), **more}
