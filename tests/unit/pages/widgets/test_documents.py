"""Documents in words."""

from engine.specs import RunSpec, differences
from pages.widgets import documents

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_regression", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
        "training": {"loss": {"kind": "mse"}},
    }
)


def test_paths_are_told_by_the_titles_of_fields() -> None:
    assert documents.path_title(SPEC, "training.optimizer.learning_rate") == "Training › Optimizer › Learning rate"


def test_values_are_told_as_people_read_them() -> None:
    assert documents.value_text(SPEC, "training.optimizer.kind", "adamw") == "AdamW"
    assert documents.value_text(SPEC, "training.batch_size", 4096) == "4,096 examples"
    assert documents.value_text(SPEC, "data.preprocessing.number_encoding", "piecewise_linear") == "Piecewise linear"
    assert documents.value_text(SPEC, "training.early_stopping.enabled", True) == "yes"
    assert documents.value_text(SPEC, "model.units", [256, 64]) == "256, 64"
    assert documents.value_text(SPEC, "training.epochs", None) == "–"


def test_free_text_stays_as_it_was_given() -> None:
    assert documents.value_text(SPEC, "data.target", "median_house_value") == "median_house_value"


def test_differences_of_other_families_have_titles_too() -> None:
    other = SPEC.edit({"training.optimizer.kind": "sgd"})
    specs = [SPEC, other]
    titles = {documents.path_titles(specs, path) for path in differences(specs)}
    assert "Training › Optimizer › Momentum" in titles
