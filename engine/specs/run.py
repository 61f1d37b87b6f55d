"""The one document that goes into the engine."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError, model_validator

from engine.specs.adversarial import fitting_adversaries
from engine.specs.base import Document, one_of, refusal, setting
from engine.specs.data import DataSpec
from engine.specs.models import ModelSpec, PretrainedSpec
from engine.specs.problems import document_error, no_such_field
from engine.specs.search import SearchSpec
from engine.specs.training import CLASSIFICATION_LOSSES, REGRESSION_LOSSES, TrainingSpec
from engine.text import N_


class RunSpec(Document):
    """Data, model and training of one run. Immutable: a tweak is a new document made with `edit`.

    Example:
        >>> spec = RunSpec.parse({
        ...     "data": {"dataset": "0" * 16, "task": "table_regression", "preprocessing": {"kind": "table"}},
        ...     "model": {"kind": "mlp"}, "training": {"loss": {"kind": "mse"}}})
        >>> spec.edit({"training.epochs": 3}).training.epochs
        3
    """

    version: Literal[1] = setting(1, title=N_("Version"), hidden=True)
    name: str = setting("", title=N_("Name"), max_length=200, hidden=True)
    seed: int = setting(
        0, title=N_("Seed"), ge=0, le=2**31 - 1, help=N_("The same seed on the same machine gives the same run.")
    )
    data: DataSpec = setting(title=N_("Data"))
    model: one_of(ModelSpec) = setting(title=N_("Model"))  # type: ignore[valid-type]
    training: TrainingSpec = setting(TrainingSpec(), title=N_("Training"))
    parent_run: str = setting(
        "", title=N_("Continues"), hidden=True, help=N_("The run whose weights this one starts from.")
    )
    branch_step: int = setting(
        0,
        title=N_("Branches off at step"),
        ge=0,
        hidden=True,
        help=N_("The step of the run before at which this one goes on, under this document. 0: from its end."),
    )
    search: SearchSpec | None = setting(None, title=N_("Search"), hidden=True)

    @model_validator(mode="after")
    def _parts_fit(self) -> "RunSpec":
        modality = self.data.task.modality
        if modality not in self.model.modalities:
            raise refusal(
                N_("The model {given} does not take data of the kind {modality}. Choose another family."),
                given=self.model.kind,
                modality=modality.value,
            )
        losses = CLASSIFICATION_LOSSES if self.data.task.is_classification else REGRESSION_LOSSES
        if self.training.loss.kind not in losses:
            raise refusal(
                N_("The loss must be one of {losses} for the task {task}, got {given}."),
                losses=", ".join(losses),
                task=self.data.task.value,
                given=self.training.loss.kind,
            )
        self._adversary_fits()
        source = self.model.source if isinstance(self.model, PretrainedSpec) else ""
        if self.data.preprocessing.learned_from != source:
            raise refusal(
                N_(
                    "A pretrained model and its preprocessing come from one source, "
                    "got “{model}” and “{preprocessing}”. Set model.source and "
                    "data.preprocessing.learned_from to the same."
                ),
                model=source,
                preprocessing=self.data.preprocessing.learned_from,
            )
        return self

    def _adversary_fits(self) -> None:
        adversary, task = self.training.adversarial, self.data.task
        fitting = fitting_adversaries(task)
        if adversary.kind not in fitting:
            raise refusal(
                N_("Adversarial training by {given} does not fit the task {task}. Choose one of {fitting}."),
                given=adversary.kind,
                task=task.value,
                fitting=", ".join(fitting),
            )

        rests = isinstance(self.model, PretrainedSpec) and self.model.method.body_rests
        if rests and adversary.kind != "none":
            raise refusal(
                N_(
                    "A body that rests sees each example once, so {given} cannot change them. "
                    "Choose another method than {method}, or train without an adversary."
                ),
                given=adversary.kind,
                method=self.model.method.kind,
            )

    @classmethod
    def parse(cls, document: Mapping[str, Any] | str | bytes) -> "RunSpec":
        """Read a document from a mapping or from JSON text.

        Raises:
            EngineError: BAD_INPUT, naming the field and what is wrong with it.
        """
        try:
            if isinstance(document, str | bytes):
                return cls.model_validate_json(document)
            return cls.model_validate(document)
        except ValidationError as error:
            raise document_error(error) from error

    def edit(self, changes: Mapping[str, Any]) -> "RunSpec":
        """A copy with fields set by dotted path; setting a `kind` resets the fields beside it to its defaults.

        Raises:
            EngineError: BAD_INPUT for a path that is not there or a value out of bounds.
        """
        tree = self.model_dump(mode="json")
        for path, value in changes.items():
            _set(tree, path, value)
        return RunSpec.parse(tree)

    def to_json(self) -> str:
        """The document as indented JSON, every default filled in."""
        return self.model_dump_json(indent=2)

    def digest(self) -> str:
        """16 hex digits of the SHA-256 of what decides the result (the name and what is to be searched do not)."""
        tree = self.model_dump(mode="json", exclude={"name", "search"})
        return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:16]


def _set(tree: Any, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for depth, part in enumerate(parents):
        tree = _child(tree, part, ".".join(parents[: depth + 1]))
    if last == "kind" and isinstance(tree, dict) and tree.get("kind") != value:
        tree.clear()
        tree["kind"] = value
    elif isinstance(tree, list):
        _child(tree, last, path)
        tree[int(last)] = value
    elif isinstance(tree, dict):
        tree[last] = value
    else:
        raise no_such_field(path)


def _child(tree: Any, part: str, path: str) -> Any:
    try:
        return tree[int(part)] if isinstance(tree, list) else tree[part]
    except (KeyError, IndexError, ValueError, TypeError):
        raise no_such_field(path) from None


def flatten(document: Document | Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of a document by dotted path; lists of plain values are leaves."""
    tree = document.model_dump(mode="json") if isinstance(document, Document) else document
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            leaves.update(flatten(value, f"{path}."))
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            leaves.update(flatten({str(i): item for i, item in enumerate(value)}, f"{path}."))
        else:
            leaves[path] = value
    return leaves


def differences(documents: "list[RunSpec]") -> dict[str, list[Any]]:
    """The fields in which documents differ, and nothing else: dotted path -> one value a document (None: not there)."""
    flat = [flatten(document) for document in documents]
    paths = list(dict.fromkeys(path for leaves in flat for path in leaves))
    table = {path: [leaves.get(path) for leaves in flat] for path in paths}
    return {path: values for path, values in table.items() if any(value != values[0] for value in values)}
