"""Every layer of Lathe's own; importing this makes saved models loadable with `keras.saving.load_model`.

Example:
    import engine.models.layers
    model = keras.saving.load_model("model.keras")
"""

import keras

import engine.finetuning.attention
import engine.finetuning.insertions
import engine.finetuning.linear
import engine.finetuning.quantising
import engine.models.attention
import engine.models.augmentation
import engine.models.bert
import engine.models.blocks
import engine.models.ft_transformer
import engine.models.graph_layers
import engine.models.preprocessing
import engine.models.table_ensemble
import engine.models.table_inputs
import engine.models.text_inputs
import engine.models.wide
import engine.models.wide_deep

if keras.backend.backend() == "tensorflow":  # strings are read with TensorFlow's operations
    import engine.models.preprocessing_text
    import engine.models.preprocessing_wordpiece  # noqa: F401
