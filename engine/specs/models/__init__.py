"""The model families; importing this package registers all of them."""

from engine.specs.models.base import ModelSpec, families
from engine.specs.models.cnn import CnnSpec
from engine.specs.models.mlp import MlpSpec

__all__ = ["CnnSpec", "MlpSpec", "ModelSpec", "families"]
