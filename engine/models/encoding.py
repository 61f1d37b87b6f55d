"""From cleaned examples to tensors, and from the model's outputs back to classes and numbers.

`Encoder` is one interface for images, texts and tables. What it learns (vocabulary, quantiles, target scale) it learns
from the train part only. It is stored as JSON and NPZ, never as pickle, and becomes the first layers of the exported
model, which therefore takes raw examples.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

import numpy as np

from engine.models.encoding_target import TargetScaler
from engine.specs import Modality, Part
from engine.specs.data import DataSpec, TablePreprocessing

if TYPE_CHECKING:
    from engine.data.load import Prepared
    from engine.specs.records import DatasetRecord

LAYER = "lathe_"  # with which the names of the encoders' layers in an exported model begin
InputSpecs = dict[str, tuple[tuple[int, ...], str]]  # input name -> (shape without the batch, dtype)


class EncoderShape(NamedTuple):
    """As much of an encoder as a description of the model needs."""

    input_specs: InputSpecs
    info: dict[str, Any]


class Encoder(ABC):
    """Learns from the train part how examples become tensors.

    Attributes:
        spec: the data part of the document it was fitted for.
        classes: the class names in the order of their codes; empty for regression.
        target_scaler: the scaling of a regression target, else None.
    """

    modality: ClassVar[Modality]
    variant: ClassVar[str] = ""  # tells encoders of one modality apart in what was saved
    trimmed_input: ClassVar[str] = ""  # whose padding costs nothing where all rows of a batch have it

    def __init__(self, spec: DataSpec, classes: tuple[str, ...], target_scaler: TargetScaler | None) -> None:
        self.spec = spec
        self.classes = classes
        self.target_scaler = target_scaler

    # ---- learning -------------------------------------------------------------------------------------------------
    @staticmethod
    def fit(prepared: Prepared) -> Encoder:
        """The encoder for these data, learned from their train part, or taken over from a pretrained source."""
        if prepared.spec.preprocessing.learned_from:
            from engine.finetuning.encoders import taken_over

            return taken_over(prepared)
        return _class_for(prepared.spec.task.modality)._fit(prepared)

    @classmethod
    @abstractmethod
    def _fit(cls, prepared: Prepared) -> Encoder: ...

    @classmethod
    @abstractmethod
    def shape(cls, spec: DataSpec, record: DatasetRecord) -> tuple[InputSpecs, dict[str, Any]]:
        """The largest `input_specs` and the modality's figures, from the document and the data set's record alone."""

    # ---- use ------------------------------------------------------------------------------------------------------
    @abstractmethod
    def encode(self, prepared: Prepared, positions: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Rows of a prepared data set (all without `positions`) as arrays `(rows, …)` by input name."""

    def encode_target(self, target: np.ndarray) -> np.ndarray:
        """Class codes as int32 `(rows,)`, or scaled numbers as float32 `(rows, 1)`."""
        if self.target_scaler is None:
            return np.asarray(target, np.int32)
        return self.target_scaler.encode(target)

    def decode_target(self, outputs: np.ndarray) -> np.ndarray:
        """What `build_core` puts out → probabilities `(rows, classes)`, or numbers in their own unit `(rows,)`."""
        if self.target_scaler is not None:
            return self.target_scaler.decode(outputs)
        logits = np.asarray(outputs, np.float64)
        exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return exponents / exponents.sum(axis=-1, keepdims=True)

    @property
    @abstractmethod
    def input_specs(self) -> InputSpecs:
        """Shape (without the batch) and dtype of every array that `encode` returns."""

    @property
    def info(self) -> dict[str, Any]:
        """What builders need to know beyond the shapes: modality, classes, outputs, and the modality's own figures."""
        outputs = len(self.classes) if self.target_scaler is None else 1
        return {"modality": self.modality.value, "classes": len(self.classes), "outputs": outputs, **self._info()}

    @abstractmethod
    def _info(self) -> dict[str, Any]: ...

    @abstractmethod
    def raw_inputs(self, reserved: Iterable[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
        """For the exported model: its raw Keras inputs by name, and the encoded tensors made from them by name.

        `reserved`: names of layers that stand behind them, which no input may have; see `raw_names`.
        """

    # ---- keeping --------------------------------------------------------------------------------------------------
    @abstractmethod
    def _state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What was learned: plain JSON, and arrays."""

    @classmethod
    @abstractmethod
    def _from_state(
        cls,
        spec: DataSpec,
        classes: tuple[str, ...],
        scaler: TargetScaler | None,
        state: dict[str, Any],
        arrays: Mapping[str, np.ndarray],
    ) -> Encoder: ...

    def save(self, folder: Path) -> None:
        """Write `encoder.json` and `encoder.npz` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        state, arrays = self._state()
        scaler = self.target_scaler
        document = {
            "data": self.spec.model_dump(mode="json"),
            "classes": list(self.classes),
            "target": None if scaler is None else {"method": scaler.method, "numbers": scaler.numbers},
            "state": state,
            "variant": self.variant,
        }
        (folder / "encoder.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        np.savez_compressed(folder / "encoder.npz", **arrays)  # type: ignore[arg-type]

    @staticmethod
    def load(folder: Path) -> Encoder:
        """Read what `save` wrote."""
        document = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        spec = DataSpec.model_validate(document["data"])
        target = document["target"]
        scaler = None if target is None else TargetScaler(target["method"], target["numbers"])
        with np.load(folder / "encoder.npz", allow_pickle=False) as arrays:
            return _class_for(spec.task.modality, document.get("variant", ""))._from_state(
                spec, tuple(document["classes"]), scaler, document["state"], dict(arrays)
            )


def raw_names(columns: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """The exported model's input for each column: the column's name as far as Keras takes it.

    Keras takes no "/" and no name twice in a model, layers included: an underscore replaces the one and is appended
    against the other. The encoders' own layers all begin with `LAYER`.
    """
    names: dict[str, str] = {}
    taken = set(reserved)
    for column in columns:
        name = column.replace("/", "_") or "_"
        if name.startswith(LAYER):
            name = f"_{name}"
        while name in taken:
            name += "_"
        taken.add(name)
        names[column] = name
    return names


def fit_target(prepared: Prepared) -> TargetScaler | None:
    """The scaling of a regression target, learned from the train part; None for classes."""
    if prepared.spec.task.is_classification:
        return None
    method = cast(TablePreprocessing, prepared.spec.preprocessing).target_transform
    return TargetScaler.fit(np.asarray(prepared.target)[train_positions(prepared)], method)


def train_positions(prepared: Prepared) -> np.ndarray:
    """The positions of the train part; all rows where there are no parts."""
    positions = prepared.parts.get(Part.TRAIN)
    return np.arange(len(prepared.frame)) if positions is None else np.asarray(positions)


def shape_from_spec(spec: DataSpec, record: DatasetRecord) -> EncoderShape:
    """The inputs and figures that `fit` would give, without reading the data, for a live description.

    Vocabularies and bins are taken at their largest, so a fitted model can only be smaller.
    """
    target = next((column for column in record.columns if column.name == spec.target), None)
    classes = 0
    if spec.task.is_classification:
        classes = len(record.classes) or max(2, target.distinct if target else 2)
    if spec.preprocessing.learned_from:
        from engine.finetuning.encoders import taken_over_shape

        inputs, figures = taken_over_shape(spec)
    else:
        inputs, figures = _class_for(spec.task.modality).shape(spec, record)
    outputs = classes if classes else 1
    info = {"modality": spec.task.modality.value, "classes": classes, "outputs": outputs, **figures}
    return EncoderShape(inputs, info)


def _class_for(modality: Modality, variant: str = "") -> Any:
    if variant == "wordpiece":
        from engine.models.encoding_wordpiece import WordPieceEncoder

        return WordPieceEncoder
    if modality is Modality.IMAGE:
        from engine.models.encoding_image import ImageEncoder

        return ImageEncoder
    if modality is Modality.TEXT:
        from engine.models.encoding_text import TextEncoder

        return TextEncoder
    from engine.models.encoding_table import TableEncoder

    return TableEncoder
