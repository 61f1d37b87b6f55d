"""Recurrent layers, for texts."""

from typing import Literal

from engine.specs.base import setting
from engine.specs.models import fields
from engine.specs.models.base import ModelSpec
from engine.specs.task import Modality
from engine.text import N_


class TextRnnSpec(ModelSpec):
    """LSTM (Hochreiter & Schmidhuber 1997) or GRU (Cho et al. 2014), in both directions (Schuster & Paliwal 1997)."""

    kind: Literal["text_rnn"] = "text_rnn"
    label = N_("BiLSTM / GRU")
    summary = N_("Reads word by word and remembers; slower than the others on long texts.")
    modalities = (Modality.TEXT,)
    presets = {
        "tiny": {"width": 32, "units": 16, "layers": 1},
        "small": {"width": 64, "units": 32, "layers": 1},
        "base": {"width": 128, "units": 128, "layers": 1},
        "large": {"width": 300, "units": 256, "layers": 2},
    }
    dropout: float = fields.dropout(0.3)
    width: int = fields.embedding_width(128)
    cell: Literal["lstm", "gru"] = setting("lstm", title=N_("Cell"), help=N_("A GRU is a quarter smaller and quicker."))
    units: int = setting(64, title=N_("Units"), ge=1, le=4096, help=N_("Of each direction."))
    layers: int = setting(1, title=N_("Layers"), ge=1, le=8)
    bidirectional: bool = setting(True, title=N_("Both directions"))
    pooling: Literal["last", "average", "max"] = setting(
        "max", title=N_("Summary"), help=N_("How the tokens become one vector.")
    )
    token_dropout: float = fields.token_dropout(0.1)
    wide: bool = fields.wide_part()
