"""The model families; importing this package registers all of them."""

from engine.specs.models.base import ModelSpec, families
from engine.specs.models.bert import BertSpec
from engine.specs.models.cnn import CnnSpec
from engine.specs.models.convnext import ConvNeXtSpec
from engine.specs.models.ft_transformer import FtTransformerSpec
from engine.specs.models.graph import LayerGraphSpec
from engine.specs.models.inception import InceptionSpec
from engine.specs.models.mlp import MlpSpec
from engine.specs.models.pretrained import PretrainedSpec
from engine.specs.models.resnet import ResNetSpec
from engine.specs.models.table_ensemble import TableEnsembleSpec
from engine.specs.models.table_residual import TableResidualSpec
from engine.specs.models.text_cnn import TextCnnSpec
from engine.specs.models.text_pool import TextPoolSpec
from engine.specs.models.text_rnn import TextRnnSpec
from engine.specs.models.transformer import TransformerSpec
from engine.specs.models.vit import VitSpec
from engine.specs.models.wide_deep import WideDeepSpec

__all__ = [
    "BertSpec",
    "CnnSpec",
    "ConvNeXtSpec",
    "FtTransformerSpec",
    "InceptionSpec",
    "LayerGraphSpec",
    "MlpSpec",
    "ModelSpec",
    "PretrainedSpec",
    "ResNetSpec",
    "TableEnsembleSpec",
    "TableResidualSpec",
    "TextCnnSpec",
    "TextPoolSpec",
    "TextRnnSpec",
    "TransformerSpec",
    "VitSpec",
    "WideDeepSpec",
    "families",
]
