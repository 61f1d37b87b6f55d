from typing import Any

import pytest
from pydantic import ValidationError
from search_cases import DROPOUT, RATE, document

from engine.errors import EngineError
from engine.specs.search import FloatRange, IntRange, Options, SearchSpec
from engine.tuning.sizes import check_grid
from engine.tuning.space import check, document_of, documents_of, points_of


def refused(search: dict[str, Any], **changes: Any) -> tuple[str, str]:
    """The sentence that refuses a search, and the field that it names."""

    def begin() -> None:
        spec = document(search, **changes)
        check(spec)
        check_grid(spec)

    with pytest.raises(EngineError) as error:
        begin()
    return str(error.value), str(error.value.values.get("field") or error.value.values.get("where"))


@pytest.mark.parametrize(
    ("dimension", "sentence"),
    [
        ({**RATE, "low": 0.1, "high": 0.01}, "the range is empty, from 0.1 to 0.01"),
        ({**RATE, "low": 0.0}, "a log range cannot reach 0"),
        ({**RATE, "low": -1.0}, "a log range cannot reach -1"),
        ({**RATE, "step": 0.5}, "the step is a factor and must be above 1"),
        ({"kind": "choice", "path": RATE["path"], "values": []}, "nothing to choose from"),
        ({"kind": "choice", "path": RATE["path"], "values": [1e-3, 1e-3]}, "stands twice"),
        ({**RATE, "path": "training.optimizer.lerning_rate"}, "There is no field training.optimizer.lerning_rate"),
        ({**RATE, "path": "training.nothing.here"}, "There is no field training.nothing"),
        ({**RATE, "path": "search.seed"}, "cannot be searched"),
        ({**RATE, "high": 1000.0}, "the range reaches 1000, but the field goes from"),
        ({**DROPOUT, "when": {"model.kind": ["cnn"]}}, "depends on model.kind, which must be searched too"),
        ({"kind": "choice", "path": "model.kind", "values": ["bert"]}, "does not take data of the kind image"),
    ],
)
def test_what_is_wrong_with_a_dimension_is_said_with_its_place(dimension: dict[str, Any], sentence: str) -> None:
    message, field = refused({"dimensions": [{**DROPOUT, "path": "model.l2"}, dimension]})
    assert sentence in message
    assert "dimensions.1" in field or field in ("search", "search.dimensions")


def test_what_is_wrong_with_the_rest_is_said_too() -> None:
    assert refused({"dimensions": []}) == (
        "The search space is empty. Choose at least one field of the document to be searched.",
        "dimensions",
    )
    message, field = refused({"objectives": [{"metric": "val/rmse"}]})
    assert "no metric val/rmse" in message
    assert "val/accuracy" in message
    assert field == "objectives.0.metric"
    message, field = refused({"start_points": [{RATE["path"]: 5.0}]})
    assert "cannot be 5.0 in this search" in message
    assert field == "start_points.0"
    message, field = refused({"folds": 5}, **{"data.split": {"kind": "time", "time_column": "when"}})
    assert "would be torn apart" in message
    assert field == "folds"
    epochs = {"kind": "int", "path": "training.epochs", "low": 1, "high": 9}
    message, _ = refused({"dimensions": [epochs], "algorithm": {"kind": "hyperband"}})
    assert "Hyperband chooses the epochs" in message


def test_a_space_whose_every_point_is_invalid_is_refused() -> None:
    heads = {"kind": "choice", "path": "model.heads", "values": [2, 4]}
    width = {"kind": "choice", "path": "model.width", "values": [33, 35]}
    message, field = refused({"dimensions": [heads, width]}, model={"kind": "vit", "width": 32, "heads": 4})
    assert "multiple of the heads" in message
    assert field.startswith("dimensions")


def test_a_grid_that_never_ends_is_refused() -> None:
    tiny = [{**DROPOUT, "path": f"training.augmentation.{name}", "step": 1e-3} for name in NAMES]
    message, field = refused({"dimensions": tiny, "algorithm": {"kind": "grid"}, "budget": {"trials": 0}})
    assert "The grid has" in message
    assert "larger step" in message
    assert field == "algorithm"


NAMES = ("shift_fraction", "zoom_fraction", "contrast_fraction", "brightness_fraction")


def test_kinds_are_set_before_what_stands_beside_them() -> None:
    spec = document()
    made = document_of(spec, {"training.optimizer.momentum": 0.5, "training.optimizer.kind": "sgd", RATE["path"]: 0.3})
    assert made.training.optimizer.kind == "sgd"
    assert made.training.optimizer.model_dump()["momentum"] == 0.5
    assert made.training.optimizer.learning_rate == 0.3
    assert made.search is None


def test_seeds_and_folds_of_a_trial() -> None:
    seeds = documents_of(document({"repeats": 3}, seed=7), {RATE["path"]: 0.01}, number=4)
    assert [spec.seed for spec in seeds] == [7, 8, 9]
    folds = documents_of(document({"folds": 3}), {RATE["path"]: 0.01}, number=4)
    splits = [spec.data.split.model_dump() for spec in folds]
    assert [(split["kind"], split["folds"], split["fold"]) for split in splits] == [("k_fold", 3, i) for i in range(3)]
    assert len({(split["test_fraction"], split["seed"]) for split in splits}) == 1  # the test part is the same


def test_points_of_dimensions() -> None:
    assert points_of(FloatRange(path="a", low=0.0, high=0.3, step=0.1)) == [0.0, 0.1, 0.2, 0.3]
    assert points_of(FloatRange(path="a", low=1e-4, high=1e-1, step=10, scale="log")) == [1e-4, 1e-3, 1e-2, 1e-1]
    assert len(points_of(FloatRange(path="a", low=0.0, high=1.0))) == 10
    assert points_of(IntRange(path="a", low=2, high=5)) == [2, 3, 4, 5]
    assert points_of(IntRange(path="a", low=8, high=64, step=2, scale="log")) == [8, 16, 32, 64]
    assert points_of(Options(path="a", values=("x", [1, 2]))) == ["x", [1, 2]]


@pytest.mark.parametrize(
    "search",
    [{"repeats": 2, "folds": 3}, {"folds": 1}, {"objectives": [{"metric": "val/loss"}, {"metric": "val/loss"}]}],
)
def test_contradictions_of_a_search(search: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SearchSpec.model_validate(search)
