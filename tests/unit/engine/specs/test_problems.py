"""What is wrong with a document is said in a sentence whose template can be translated."""

import pytest

from engine.errors import EngineError
from engine.specs import RunSpec
from pages.widgets.catalogue import translations

DOCUMENT = {
    "data": {"dataset": "0" * 16, "task": "table_regression", "preprocessing": {"kind": "table"}},
    "model": {"kind": "mlp"},
    "training": {"loss": {"kind": "mse"}},
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training.epochs": 0}, "training.epochs must be at least 1, got 0."),
        ({"training.epochs": "many"}, "training.epochs must be a whole number, got 'many'."),
        ({"training.epoch": 3}, "There is no field training.epoch."),
        ({"training.early.patience": 3}, "There is no field training.early."),
        ({"model.kind": "magic"}, "kind must be one of"),
        ({"model.kind": "cnn"}, "The model cnn does not take data of the kind table."),
        ({"training.loss.kind": "focal"}, "The loss must be one of mse, mae, huber"),
        ({"data.preprocessing.kind": "image"}, "The preprocessing must be of kind table"),
        ({"data.task": "magic"}, "data.task must be one of"),
    ],
)
def test_the_sentence_names_field_bound_and_value_in_both_languages(changes: dict[str, object], said: str) -> None:
    with pytest.raises(EngineError) as caught:
        RunSpec.parse(DOCUMENT).edit(changes)
    error = caught.value
    assert str(error).startswith(said)
    for template in (error.message, error.hint):
        chinese = translations("zh_CN").gettext(template)
        assert chinese != template
        assert "{" not in chinese.format(**error.values)


def test_a_long_value_is_not_repeated_whole() -> None:
    with pytest.raises(EngineError) as caught:
        RunSpec.parse({**DOCUMENT, "seed": "x" * 5000})
    assert len(str(caught.value)) < 300
