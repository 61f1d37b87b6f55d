"""What a pretrained source is, as lists and forms show it."""

from typing import Any

from engine.specs.base import Document
from engine.specs.task import Modality


class SourceRecord(Document):
    """A pretrained model that can be fine-tuned, or could be once it is here."""

    address: str  # run:<id> · folder:<path> · package:<name> · preset:<name>
    title: str
    modality: Modality
    architecture: str = ""  # "BERT", "CNN"…
    parameters: int = 0  # of the body; 0 where not known
    bytes: int = 0  # on disk, or to be downloaded
    memory_bytes: int = 0  # roughly, to fine-tune all of it: weights, gradients, two moments; without activations
    licence: str = ""
    ready: bool = True
    problem: dict[str, Any] | None = None  # EngineError.to_record(): why it is not ready
    needs_network: bool = False  # it is to be downloaded first
    longest_tokens: int = 0  # of a text; 0: no limit, or no text
    sequence_length: int = 0  # for which it was trained; 0: not known, or no text
    image_size_px: int = 0
    blocks: int = 0
    width: int = 0  # of its features
    columns: tuple[str, ...] = ()  # a table needs these
    learned_from: str = ""  # which data
    summary: str = ""  # one sentence; marked for translation where it is Lathe's own


FULL_COPIES = 4  # weights, gradients and Adam's two moments
FLOAT_BYTES = 4


def tuning_bytes(parameters: int) -> int:
    """About what training all of a body takes besides its activations."""
    return FULL_COPIES * FLOAT_BYTES * parameters
