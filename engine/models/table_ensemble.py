"""Many MLPs in one, for tables (TabM, Gorishniy et al. 2024; BatchEnsemble, Wen et al. 2020)."""

from typing import Any

import keras
from keras import layers, ops

from engine.models.blocks import Style, dropout
from engine.models.registry import Head, Tensors, builder
from engine.models.table_inputs import joined_inputs
from engine.specs.models.table_ensemble import TableEnsembleSpec


@builder(TableEnsembleSpec)
def build_table_ensemble(spec: TableEnsembleSpec, inputs: Tensors, head: Head) -> Any:
    """Row → one scaled copy a member → shared dense layers → a head of its own a member → mean of their logits."""
    style = Style.of(spec, normalization="none")
    x = MemberCopies(spec.members, name="members")(joined_inputs(inputs, head.info))
    for index, units in enumerate(spec.units, start=1):
        x = style.dense(x, units, name=f"hidden{index}_dense")  # (batch, members, units)
        x = dropout(style.act(x, name=f"hidden{index}_act"), spec.dropout, name=f"hidden{index}_dropout")
    members = MemberLogits(head.outputs, dtype="float32", name="member_logits")(x)
    return MemberMean(name="head_logits", dtype="float32")(members)


@keras.saving.register_keras_serializable("lathe")
class MemberCopies(layers.Layer):
    """`(batch, features)` → `(batch, members, features)`: each member sees the row with signs of its own.

    "TabM-mini": the members differ by this first scaling and by their heads; all else they share.
    """

    def __init__(self, members: int, **options: Any) -> None:
        super().__init__(**options)
        self.members = members

    def build(self, input_shape: Any) -> None:
        """+1 or -1 at first, as in the paper."""
        shape = (self.members, input_shape[-1])
        self.scale = self.add_weight(name="scale", shape=shape, initializer=RandomSigns())

    def call(self, x: Any) -> Any:
        """See the class."""
        return x[:, None, :] * self.scale

    def compute_output_shape(self, input_shape: Any) -> Any:
        """See the class."""
        return (input_shape[0], self.members, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "members": self.members}


@keras.saving.register_keras_serializable("lathe")
class RandomSigns(keras.initializers.RandomUniform):
    """+1 or -1, each with a chance of one half."""

    def __init__(self, seed: Any = None) -> None:
        super().__init__(-1.0, 1.0, seed=seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Draw."""
        drawn = super().__call__(shape, dtype)
        return ops.where(drawn < 0, -ops.ones_like(drawn), ops.ones_like(drawn))

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {"seed": super().get_config()["seed"]}


@keras.saving.register_keras_serializable("lathe")
class MemberLogits(layers.Layer):
    """A linear head for each member: `(batch, members, features)` → `(batch, members, outputs)`."""

    def __init__(self, outputs: int, **options: Any) -> None:
        super().__init__(**options)
        self.outputs = outputs

    def build(self, input_shape: Any) -> None:
        """Glorot's range for one member's layer (Keras would count the members in)."""
        _, members, features = input_shape
        bound = (6.0 / (features + self.outputs)) ** 0.5
        start = keras.initializers.RandomUniform(-bound, bound)
        self.kernel = self.add_weight(name="kernel", shape=(members, features, self.outputs), initializer=start)
        self.bias = self.add_weight(name="bias", shape=(members, self.outputs), initializer="zeros")

    def call(self, x: Any) -> Any:
        """See the class."""
        return ops.einsum("bmf,mfo->bmo", ops.cast(x, self.compute_dtype), self.kernel) + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        """See the class."""
        return (*input_shape[:2], self.outputs)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "outputs": self.outputs}


@keras.saving.register_keras_serializable("lathe")
class MemberMean(layers.Layer):
    """Mean over members `(batch, members, outputs)` → `(batch, outputs)`, while each member learns by itself.

    TabM minimises the mean of the members' losses, not the loss of their mean: members that lean upon each other are
    no ensemble. The two differ by a term without the target, which is added here in training, so that any loss
    function may stand behind this layer: for cross-entropy on logits z_k it is mean(logsumexp z_k) - logsumexp(mean z),
    for squared error the variance over members.
    """

    def call(self, logits: Any, training: bool = False) -> Any:
        """See the class."""
        mean = ops.mean(logits, axis=1)
        if training:
            if logits.shape[-1] > 1:
                gap = ops.mean(ops.logsumexp(logits, axis=-1), axis=1) - ops.logsumexp(mean, axis=-1)
            else:
                gap = ops.mean(ops.var(logits, axis=1), axis=-1)
            self.add_loss(ops.mean(gap))
        return mean

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Without the members."""
        return (input_shape[0], input_shape[2])
