"""What the kinds of layers are called: in English as in Keras, in other languages by their own words."""

from engine.figures.theme import Translate
from engine.text import N_

KINDS = frozenset(
    {
        N_("Activation"),
        N_("AveragePooling2D"),
        N_("BatchNormalization"),
        N_("Bidirectional"),
        N_("CategoryEmbedding"),
        N_("CategoryPairs"),
        N_("ClassToken"),
        N_("ColumnLinear"),
        N_("ColumnSum"),
        N_("Concatenate"),
        N_("Conv1D"),
        N_("Conv2D"),
        N_("Dense"),
        N_("DepthwiseConv2D"),
        N_("Dropout"),
        N_("Embedding"),
        N_("FirstSegment"),
        N_("FirstToken"),
        N_("Flatten"),
        N_("GlobalAveragePooling1D"),
        N_("GlobalAveragePooling2D"),
        N_("GlobalMaxPooling1D"),
        N_("GlobalMaxPooling2D"),
        N_("GroupNormalization"),
        N_("Identity"),
        N_("InputLayer"),
        N_("LayerNormalization"),
        N_("LayerScale"),
        N_("LeakyReLU"),
        N_("MaskedPooling"),
        N_("MaxPooling1D"),
        N_("MaxPooling2D"),
        N_("MemberCopies"),
        N_("MemberLogits"),
        N_("MemberMean"),
        N_("MultiHeadAttention"),
        N_("Multiply"),
        N_("PaddingMask"),
        N_("Positions"),
        N_("RandomSigns"),
        N_("Rescaling"),
        N_("Reshape"),
        N_("SeparableConv2D"),
        N_("Softmax"),
        N_("SparseLinear"),
        N_("StochasticDepth"),
        N_("SummaryToken"),
        N_("TokenDropout"),
        N_("Unmask"),
    }
)

OTHER_WORDS = {"Add": N_("Add (shortcut)")}  # where the name alone reads as something else: a button's "add"


def kind_title(kind: str, translate: Translate) -> str:
    """The word for a kind of layer; the kind itself where it has none."""
    return translate(OTHER_WORDS.get(kind, kind)) if kind in KINDS or kind in OTHER_WORDS else kind
