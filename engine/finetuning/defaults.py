"""A complete document that fits a pretrained body to a data set, by the source, the method and the size of the data."""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.data.defaults import default_spec
from engine.errors import EngineError, ErrorKind
from engine.finetuning.sources import Found, usable
from engine.finetuning.text_length import pieces_quantile
from engine.specs import Modality, Part, RunSpec, Task
from engine.specs.data import DataSpec, TextPreprocessing
from engine.specs.finetuning import MethodSpec
from engine.specs.models import PretrainedSpec
from engine.specs.records import DatasetRecord
from engine.store.datasets import get_dataset
from engine.store.runs import get_run
from engine.text import N_

_LENGTH_QUANTILE = 0.98  # longer texts are cut
_STEP = 8  # lengths are multiples of it
_LONGEST_TEXT = 256  # tokens; attention to more takes minutes where there is no GPU
_SHORTEST_TEXT = 16


class _Rate(NamedTuple):
    text: float
    other: float


# Where papers and libraries name one: LoRA and adapters some 10 times that of the whole model, vectors more still.
_RATES = {
    "head": _Rate(1e-2, 5e-3),
    "last_blocks": _Rate(1e-4, 5e-4),
    "gradual": _Rate(1e-4, 5e-4),
    "full": _Rate(5e-5, 5e-4),
    "bitfit": _Rate(1e-3, 2e-3),
    "lora": _Rate(2e-3, 2e-3),
    "adalora": _Rate(2e-3, 2e-3),
    "adapters": _Rate(1e-3, 2e-3),
    "prompt": _Rate(5e-3, 5e-3),
    "prefix": _Rate(5e-3, 5e-3),
    "ia3": _Rate(5e-3, 5e-3),
}
_ATTENTION = ("bert", "transformer", "vit", "ft_transformer")  # families whose bodies have it
_USUAL_RATE = _Rate(5e-4, 1e-3)
# For text those are the rates of a body of this width; what is added to a wider one bears less.
_RATE_WIDTH = 384


def tuned_spec(
    address: str, dataset_id: str, *, method: str = "lora", task: Task | None = None, target: str | None = None
) -> RunSpec:
    """A complete document for a source, a method and a data set.

    Args:
        address: of the source.
        dataset_id: the data set.
        method: `kind` of a `MethodSpec`.
        task: what is to be learned; default: as the import inferred.
        target: the column to be predicted; default: as the import inferred.

    Raises:
        EngineError: NOT_FOUND or BAD_INPUT where one is not there or they do not fit together.
    """
    if method not in MethodSpec.alternatives:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("There is no method {method}."),
            hint=N_("Choose one of: {methods}."),
            method=method[:80],
            methods=", ".join(MethodSpec.alternatives),
        )
    found = usable(address)
    base = default_spec(dataset_id, task=task, target=target)
    if base.data.task.modality is not found.record.modality:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The source {source} reads {expected}, the data are {given}."),
            hint=N_("Choose a source for the same kind of data."),
            source=found.record.title,
            expected=found.record.modality.value,
            given=base.data.task.modality.value,
        )
    record = get_dataset(dataset_id)
    tree = base.model_dump(mode="json")
    tree["data"]["preprocessing"] = _preprocessing(found, base, record)
    if found.record.columns:
        theirs = get_run(found.record.address.partition(":")[2]).spec.data
        tree["data"]["inputs"] = _raw_columns(found, theirs, record)
        tree["data"]["cleaning"] = theirs.model_dump(mode="json")["cleaning"]
    tree["model"] = {"kind": "pretrained", "source": found.record.address, "method": _method(method, found)}
    tree["training"] = {**tree["training"], **_training(method, found, record)}
    return RunSpec.parse(tree)


def _method(kind: str, found: Found) -> dict[str, Any]:
    """The method as it begins: where a body has no attention, what is added goes to all of its matrices."""
    has_places = "targets" in MethodSpec.alternatives[kind].model_fields
    return {"kind": kind, "targets": "all"} if has_places and not _attends(found) else {"kind": kind}


def _attends(found: Found) -> bool:
    """Whether a body has attention layers."""
    if found.format != "run":
        return True  # the BERT family
    model = get_run(found.record.address.partition(":")[2]).spec.model
    return _attends(usable(model.source)) if isinstance(model, PretrainedSpec) else model.kind in _ATTENTION


def _preprocessing(found: Found, base: RunSpec, record: DatasetRecord) -> dict[str, Any]:
    address = found.record.address
    if found.format == "run":
        theirs = get_run(address.partition(":")[2]).spec.data.preprocessing.model_dump(mode="json")
        ours = base.data.preprocessing.model_dump(mode="json")
        free = {name: ours[name] for name in ("target_transform",) if name in ours}
        without = {"ngrams": 0} if "ngrams" in theirs else {}
        return {**theirs, **free, **without, "learned_from": address}
    settings = TextPreprocessing()
    wanted = pieces_quantile(found, record, base.data.target, _LENGTH_QUANTILE)
    longest = min(found.record.longest_tokens or _LONGEST_TEXT, _LONGEST_TEXT)
    length = min(max(_STEP * -(-wanted // _STEP), _SHORTEST_TEXT), longest)
    return {
        **settings.model_dump(mode="json"),
        "sequence_length": length,
        "ngrams": 0,
        "learned_from": address,
    }


def _raw_columns(found: Found, theirs: DataSpec, record: DatasetRecord) -> list[str]:
    """The columns that a table needs so that the source's cleaning gives the source's inputs.

    Raises:
        EngineError: BAD_INPUT, naming those that are missing.
    """
    made_from = [str(column) for step in theirs.cleaning if (column := getattr(step, "column", ""))]

    def raw(name: str) -> str:
        return next((column for column in made_from if name.startswith(f"{column}_")), name)

    there = {column.name for column in record.columns}
    needed = list(dict.fromkeys(name if name in there else raw(name) for name in found.record.columns))
    missing = [name for name in needed if name not in there]
    if missing:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The source needs columns that these data lack: {columns}."),
            hint=N_("Add or rename the columns, or choose a source that was trained on such a table."),
            columns=", ".join(missing[:10]) + (" …" if len(missing) > 10 else ""),
        )
    return needed


def _training(method: str, found: Found, record: DatasetRecord) -> dict[str, Any]:
    rows = record.parts.get(Part.TRAIN) or record.rows
    rates = _RATES.get(method, _USUAL_RATE)
    rate = rates.other
    if found.record.modality is Modality.TEXT and found.format != "run":
        adds = MethodSpec.alternatives[method].adds_weights  # type: ignore[attr-defined]
        rate = rates.text * (min(1.0, _RATE_WIDTH / found.record.width) if adds and found.record.width else 1.0)
    epochs = max(3, min(20, round(12_000 / max(rows, 1))))
    if method == "head":  # its later epochs cost next to nothing
        epochs = max(10, epochs)
    return {
        "epochs": epochs,
        "batch_size": 32 if rows >= 500 else 16,
        "max_train_time_s": 0.0,
        "optimizer": {"kind": "adamw", "learning_rate": rate, "weight_decay": 0.01},
        "schedule": {"kind": "cosine", "warmup_fraction": 0.06},
        # A tuned model grows sure of itself before it stops getting better: the loss would end it too soon.
        "early_stopping": {"enabled": True, "patience_epochs": 3, "restore_best": True, "monitor": "metric"},
    }
