"""The document that a source, a method and a data set get where nobody says otherwise."""

from pathlib import Path

import pandas as pd
import pytest

from engine import api
from engine.errors import EngineError
from engine.specs import Task
from engine.specs.finetuning import MethodSpec
from tests.support.bert_folders import VOCABULARY, random_tensors, write_bert_folder

pytestmark = pytest.mark.usefixtures("import_in_process")


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LATHE_DATA_DIRS", str(tmp_path))
    rows = pd.DataFrame({"text": [f"review {number} of a film, {'very ' * (number % 9)} long" for number in range(60)]})
    rows.assign(label=["good", "bad"] * 30).to_csv(tmp_path / "reviews.csv", index=False)
    return api.import_data([tmp_path / "reviews.csv"]).id


@pytest.mark.parametrize("method", list(MethodSpec.alternatives))
def test_every_method_has_a_document(dataset: str, tmp_path: Path, method: str) -> None:
    spec = api.tuned_spec(f"folder:{write_bert_folder(tmp_path / 'model')}", dataset, method=method)
    assert spec.model.method.kind == method  # type: ignore[attr-defined]
    assert spec.data.task is Task.TEXT_CLASSIFICATION
    assert 1e-6 < spec.training.optimizer.learning_rate < 0.1  # type: ignore[attr-defined]


def test_the_length_is_that_of_nearly_all_texts(dataset: str, tmp_path: Path) -> None:
    """In pieces of the source's own vocabulary, in whole eights, never beyond its positions."""
    config = {"max_position_embeddings": 64}
    tensors = random_tensors({**_config(), **config})
    long = write_bert_folder(tmp_path / "long", config=config, tensors=tensors)
    found = api.tuned_spec(f"folder:{long}", dataset).data.preprocessing.sequence_length  # type: ignore[attr-defined]
    assert found % 8 == 0
    assert 24 <= found <= 40  # letters are pieces here: "review 59" alone is eight of them
    short = write_bert_folder(tmp_path / "short")
    assert api.tuned_spec(f"folder:{short}", dataset).data.preprocessing.sequence_length == 24  # type: ignore[attr-defined]


def test_a_wider_body_learns_more_slowly(dataset: str, tmp_path: Path) -> None:
    wide = {"hidden_size": 768, "num_hidden_layers": 1, "intermediate_size": 8}
    tensors = random_tensors({**_config(), **wide})
    addresses = [
        f"folder:{write_bert_folder(tmp_path / 'narrow')}",
        f"folder:{write_bert_folder(tmp_path / 'wide', config=wide, tensors=tensors)}",
    ]
    narrow, broad = (api.tuned_spec(address, dataset).training.optimizer.learning_rate for address in addresses)  # type: ignore[attr-defined]
    assert broad == pytest.approx(narrow / 2)
    same = [api.tuned_spec(a, dataset, method="full").training.optimizer.learning_rate for a in addresses]  # type: ignore[attr-defined]
    assert same[0] == same[1]


def test_a_source_that_is_not_ready_is_refused(dataset: str) -> None:
    with pytest.raises(EngineError, match=r"bert_tiny_en_uncased is not here yet\. Download it first"):
        api.tuned_spec("preset:bert_tiny_en_uncased", dataset)


def _config() -> dict[str, object]:
    from tests.support.bert_folders import CONFIG

    assert CONFIG["vocab_size"] == len(VOCABULARY)
    return CONFIG
