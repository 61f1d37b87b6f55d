"""Knobs are found by walking a document; their neighbours are sensible and valid; changes read as words."""

import pytest

from engine.errors import EngineError
from engine.specs import RunSpec, Task
from engine.specs.knobs import (
    changes_between,
    in_words,
    knob_at,
    knobs,
    neighbours,
    valid_neighbours,
    whole_path,
)
from engine.specs.models.base import families


def document(task: Task, family: str) -> RunSpec:
    loss = "cross_entropy" if task.is_classification else "mse"
    return RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "task": task, "preprocessing": {"kind": task.modality.value}},
            "model": {"kind": family},
            "training": {"loss": {"kind": loss}},
        }
    )


DOCUMENTS = [document(task, family) for task in Task for family in families(task.modality)]
CNN = document(Task.IMAGE_CLASSIFICATION, "cnn")


@pytest.mark.parametrize("spec", DOCUMENTS, ids=lambda spec: f"{spec.data.task}-{spec.model.kind}")
def test_every_value_of_a_knob_can_be_set(spec: RunSpec) -> None:
    found = knobs(spec)
    paths = [knob.path for knob in found]
    assert len(paths) == len(set(paths))
    assert {"seed", "training.batch_size", "training.optimizer.learning_rate", "data.train_fraction"} <= set(paths)
    assert not {"version", "name", "data.dataset", "training.max_steps"} & set(paths)
    for knob in found:
        assert knob.title
        assert spec.edit({knob.path: knob.value}) == spec
        ends = [value for value in (knob.low, knob.high) if value is not None]
        values = [*knob.choices, *(round(end) if knob.kind == "int" else end for end in ends)]
        assert knob.path not in {refused_at(spec, knob.path, value) for value in values}


def refused_at(spec: RunSpec, path: str, value: object) -> str:
    """Where a change is refused; a rule between fields stands with the document, a bound with the field."""
    try:
        spec.edit({path: value})
    except EngineError as error:
        return str(error.values.get("where", ""))
    return ""


def test_what_does_not_apply_is_no_knob() -> None:
    assert knob_at(CNN, "training.early_stopping.patience_epochs") is not None
    off = CNN.edit({"training.early_stopping.enabled": False})
    assert knob_at(off, "training.early_stopping.patience_epochs") is None


def test_kinds_are_those_that_fit_the_task() -> None:
    losses = knob_at(document(Task.TABLE_REGRESSION, "mlp"), "training.loss.kind")
    assert losses is not None
    assert losses.choices == ("mse", "mae", "huber")
    model = knob_at(CNN, "model.kind")
    assert model is not None
    assert "cnn" in model.choices
    assert "text_cnn" not in model.choices
    split = knob_at(CNN, "data.split.kind")
    assert split is not None
    assert set(split.choices) == {"random", "stratified"}  # the others need a column, or parts that are not there


def test_numbers_that_need_no_new_trace_are_marked() -> None:
    live = {knob.path for knob in knobs(CNN) if knob.live}
    assert live == {
        "model.dropout",
        "model.l1",
        "model.l2",
        "training.loss.label_smoothing",
        "training.optimizer.learning_rate",
        "training.optimizer.weight_decay",
        "training.clip_norm",
    }


def test_what_a_probe_cannot_show_is_marked() -> None:
    beyond = {knob.path for knob in knobs(CNN) if not knob.in_probe}
    assert {"training.epochs", "training.early_stopping.patience_epochs", "training.checkpoint_every_s"} <= beyond
    assert "training.batch_size" not in beyond


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("training.optimizer.learning_rate", 0.001, (0.0005, 0.002)),
        ("training.batch_size", 64, (32, 128)),
        ("training.batch_size", 1, (None, 2)),
        ("training.optimizer.weight_decay", 0.0, (None, 0.001)),
        ("model.dropout", 0.3, (0.2, 0.4)),
        ("model.dropout", 0.0, (None, 0.1)),
        ("model.dropout", 0.9, (0.8, None)),
        ("model.dense_units", 128, (64, 256)),
        ("model.kernel_size", 3, (1, 5)),
        ("model.pooling", "max", (None, "average")),
        ("model.filters", [32, 64], ([16, 32], [64, 128])),
        ("training.augmentation.horizontal_flip", False, (None, True)),
        ("training.augmentation.horizontal_flip", True, (False, None)),
        ("training.clip_norm", 1.0, (0.5, 2.0)),
    ],
)
def test_neighbours(path: str, value: object, expected: tuple[object, object]) -> None:
    knob = knob_at(CNN.edit({path: value}), path)
    assert knob is not None
    assert neighbours(knob) == expected


@pytest.mark.parametrize("spec", DOCUMENTS, ids=lambda spec: f"{spec.data.task}-{spec.model.kind}")
def test_valid_neighbours_are_valid_and_another_document(spec: RunSpec) -> None:
    for knob in knobs(spec):
        for value in valid_neighbours(spec, knob):
            assert value is None or spec.edit({knob.path: value}) != spec


def test_lists_of_widths_can_be_narrowed_widened_shortened_and_lengthened() -> None:
    knob = knob_at(CNN, "model.filters")
    assert knob is not None
    assert knob.choices == ([32], [16, 32], [32, 64], [64, 128], [32, 64, 128])


def test_changes_in_words() -> None:
    other = CNN.edit({"training.optimizer.learning_rate": 0.003, "model.filters": [64, 128]})
    assert in_words(CNN, other) == "filters 32 · 64 → 64 · 128, learning rate 0.001 → 0.003"
    assert in_words(CNN, CNN.edit({"name": "other"})) == ""


def test_another_kind_is_one_change_whatever_fields_come_with_it() -> None:
    changes = changes_between(CNN, CNN.edit({"training.optimizer.kind": "sgd"}))
    assert [(change.path, change.before, change.after) for change in changes] == [
        ("training.optimizer.kind", "adamw", "sgd")
    ]
    assert changes[0].title == "Optimizer"


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ("training.learning_rate", "training.optimizer.learning_rate"),
        ("learning_rate", "training.optimizer.learning_rate"),
        ("model.dropout", "model.dropout"),
        ("training.kind", "training.kind"),  # loss, optimizer or schedule: said by the document
        ("training.nothing", "training.nothing"),
    ],
)
def test_a_short_path_stands_for_the_only_field_it_can_mean(short: str, whole: str) -> None:
    assert whole_path(CNN, short) == whole
