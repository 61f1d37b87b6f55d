"""What the desk answers: one function a verb, from the document of a question to plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.specs import RunSpec


def describe(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Layers, sizes and cost of a document's model."""
    from engine.models.describe import describe as look

    return look(RunSpec.parse(spec)).model_dump(mode="json")


def same_weights(spec: Mapping[str, Any], parent: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a run under one document can go on with the weights of another's."""
    from engine.models.weights import same_weights as compare
    from engine.store.datasets import get_dataset

    changed, before = RunSpec.parse(spec), RunSpec.parse(parent)
    return {"fits": compare(changed, before, get_dataset(before.data.dataset))}


def preview_batch(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The first train batch as the model sees it."""
    from engine.training.preview import preview_batch as look

    return look(RunSpec.parse(spec))


def find_learning_rate(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A learning-rate range test."""
    from engine.training.learning_rate_finder import find_learning_rate as find

    return find(RunSpec.parse(spec))


def evaluate(run_id: str, dataset_id: str) -> dict[str, Any]:
    """Evaluate a run on another data set."""
    from engine.evaluation.new_data import evaluate_dataset

    return evaluate_dataset(run_id, dataset_id).model_dump(mode="json")


def predict(run_id: str, dataset_id: str) -> dict[str, Any]:
    """Predict every row of a data set; where the table lies."""
    from engine.evaluation.new_data import predict_dataset

    return {"file": str(predict_dataset(run_id, dataset_id))}


def robustness(run_id: str, part: str) -> dict[str, Any]:
    """Accuracy of a run under attacks."""
    from engine.evaluation.robustness import robustness as measure

    return measure(run_id, part).model_dump(mode="json")


def forecast(run_id: str, epoch: int) -> dict[str, Any]:
    """How a run will end; `epoch` is in the question so that each epoch asks anew."""
    from engine.whatif.forecast import forecast as foretell

    return foretell(run_id).model_dump(mode="json")


def estimate(spec: Mapping[str, Any], known: str = "") -> dict[str, Any]:
    """What a run will take; `known` changes with what is known of earlier ones."""
    from engine.whatif.estimate import estimate as foretell

    return foretell(RunSpec.parse(spec)).model_dump(mode="json")


def predict_effect(
    spec: Mapping[str, Any], changes: Mapping[str, Any], budget: Mapping[str, Any] | None = None, known: str = ""
) -> dict[str, Any]:
    """What a change is expected to do; `known` changes with the results that are there."""
    from engine.specs.probe import ProbeBudget
    from engine.whatif.surrogate import predict_effect as foretell

    size = ProbeBudget.model_validate(budget) if budget is not None else None
    return foretell(RunSpec.parse(spec), changes, size).model_dump(mode="json")


def scaling(known: Mapping[str, Any]) -> dict[str, Any]:
    """The curve through what was measured at several sizes."""
    from engine.specs.prediction import Scaling
    from engine.whatif.scaling import with_curve

    return with_curve(Scaling.model_validate(known)).model_dump(mode="json")
