"""The document of a run: read, edited, compared."""

import pytest

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, differences, flatten

DOCUMENT = {
    "data": {
        "dataset": "0" * 16,
        "task": "table_regression",
        "preprocessing": {"kind": "table"},
        "cleaning": [{"kind": "drop_missing", "column": "a"}],
    },
    "model": {"kind": "mlp"},
    "training": {"loss": {"kind": "mse"}},
}


@pytest.fixture
def spec() -> RunSpec:
    return RunSpec.parse(DOCUMENT)


def test_json_is_complete_and_reads_back(spec: RunSpec) -> None:
    assert RunSpec.parse(spec.to_json()) == spec
    assert '"learning_rate"' in spec.to_json()


def test_edit_sets_by_path_and_leaves_the_original(spec: RunSpec) -> None:
    tweaked = spec.edit({"training.epochs": 3, "data.cleaning.0.column": "b", "model.units": [8]})
    assert (tweaked.training.epochs, tweaked.data.cleaning[0].column, tweaked.model.units) == (3, "b", (8,))
    assert spec.training.epochs != 3


def test_setting_a_kind_takes_its_defaults(spec: RunSpec) -> None:
    assert spec.edit({"training.optimizer.kind": "sgd"}).training.optimizer.learning_rate == 0.05


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training.epochs": 0}, "training.epochs"),
        ({"training.epoch": 3}, "training.epoch"),
        ({"training.optimiser.kind": "sgd"}, "training.optimiser"),
        ({"model.kind": "magic"}, "kind must be one of"),
        ({"training.loss.kind": "focal"}, "mse, mae, huber"),
        ({"data.cleaning.7.column": "b"}, "data.cleaning.7"),
        ({"training.optimizer.learning_rate": float("nan")}, "learning_rate"),
    ],
)
def test_a_bad_edit_names_the_field(spec: RunSpec, changes: dict[str, object], said: str) -> None:
    with pytest.raises(EngineError, match=said) as caught:
        spec.edit(changes)
    assert caught.value.kind is ErrorKind.BAD_INPUT


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 2}'])
def test_what_is_no_document_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(EngineError):
        RunSpec.parse(text)


def test_a_family_must_take_the_modality(spec: RunSpec) -> None:
    with pytest.raises(EngineError, match="does not take data of the kind table"):
        spec.edit({"model.kind": "cnn"})


def test_differences_are_the_differing_fields_and_nothing_else(spec: RunSpec) -> None:
    other = spec.edit({"training.epochs": 7})
    assert differences([spec, other]) == {"training.epochs": [spec.training.epochs, 7]}
    assert differences([spec, spec]) == {}


def test_the_digest_ignores_the_name_only(spec: RunSpec) -> None:
    assert spec.digest() == spec.model_copy(update={"name": "x"}).digest()
    assert spec.digest() != spec.edit({"seed": 1}).digest()


def test_flatten_reaches_into_lists_of_documents(spec: RunSpec) -> None:
    assert flatten(spec)["data.cleaning.0.kind"] == "drop_missing"
    assert flatten(spec)["model.units"] == [256, 256]
