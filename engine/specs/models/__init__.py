"""The model families; importing this package registers all of them."""

from engine.specs.models.base import ModelSpec, families
from engine.specs.models.bert import BertSpec
from engine.specs.models.cnn import CnnSpec
from engine.specs.models.convnext import ConvNeXtSpec
from engine.specs.models.inception import InceptionSpec
from engine.specs.models.mlp import MlpSpec
from engine.specs.models.resnet import ResNetSpec
from engine.specs.models.transformer import TransformerSpec
from engine.specs.models.vit import VitSpec

__all__ = [
    "BertSpec",
    "CnnSpec",
    "ConvNeXtSpec",
    "InceptionSpec",
    "MlpSpec",
    "ModelSpec",
    "ResNetSpec",
    "TransformerSpec",
    "VitSpec",
    "families",
]
