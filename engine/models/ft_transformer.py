"""FT-Transformer for tables."""

from typing import Any

import keras
from keras import layers, ops

from engine.models.attention import FirstToken, encoder_block
from engine.models.blocks import Style
from engine.models.registry import Head, Tensors, builder
from engine.models.table_inputs import column_tokens
from engine.specs.models.ft_transformer import FtTransformerSpec


@builder(FtTransformerSpec)
def build_ft_transformer(spec: FtTransformerSpec, inputs: Tensors, head: Head) -> Any:
    """Columns → tokens with a summary token in front → encoder blocks → norm, activation → outputs."""
    style = Style.of(spec, normalization="layer", norm_epsilon=1e-5)
    x = SummaryToken(name="summary_token")(column_tokens(inputs, head.info, spec.width))
    for index in range(1, spec.blocks + 1):
        x = encoder_block(
            style,
            x,
            heads=spec.heads,
            inner_width=spec.inner_width,
            dropout_rate=spec.dropout,
            name=f"block{index}_",
        )
    x = style.norm(FirstToken(name="features")(x), name="final_norm")
    return head(style.act(x, name="final_act"))


@keras.saving.register_keras_serializable("lathe")
class SummaryToken(layers.Layer):
    """Puts a learned token in front: `(batch, columns, width)` → `(batch, columns + 1, width)`; BERT's [CLS]."""

    def build(self, input_shape: Any) -> None:
        """One vector."""
        bound = float(input_shape[-1]) ** -0.5
        start = keras.initializers.RandomUniform(-bound, bound)
        self.token = self.add_weight(name="token", shape=(1, 1, input_shape[-1]), initializer=start)

    def call(self, x: Any) -> Any:
        """See the class."""
        token = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, x.shape[-1]))
        return ops.concatenate([ops.cast(token, x.dtype), x], axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """One column more."""
        return (input_shape[0], input_shape[1] + 1, input_shape[2])
