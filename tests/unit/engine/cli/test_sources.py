"""`engine sources` and `engine spec --from`: pretrained models on the command line."""

import json
from pathlib import Path

import pandas as pd
import pytest

from engine.cli import main
from engine.specs import RunSpec
from tests.support.bert_folders import write_bert_folder

pytestmark = pytest.mark.usefixtures("import_in_process")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATHE_DATA_DIRS", str(tmp_path))
    return write_bert_folder(tmp_path / "model")


@pytest.fixture
def reviews(tmp_path: Path) -> str:
    good = [f"film {number} was a very good one, great story, never boring" for number in range(20)]
    bad = [f"the plot of number {number} was bad, very long and sad, hate" for number in range(20)]
    rows = pd.DataFrame({"text": good + bad, "label": ["good"] * 20 + ["bad"] * 20})
    rows.to_csv(tmp_path / "reviews.csv", index=False)
    return str(tmp_path / "reviews.csv")


def test_sources_are_listed_for_people_and_for_scripts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources", "--kind", "text"]) == 0
    lines = capsys.readouterr().out.splitlines()
    line = next(line for line in lines if line.startswith(f"folder:{folder}"))
    assert "ready" in line
    assert any(line.startswith("preset:bert_tiny_en_uncased") and "download" in line for line in lines)
    (folder / "vocab.txt").unlink()
    assert main(["sources"]) == 0
    assert "vocab.txt is missing" in capsys.readouterr().out
    assert main(["sources", "--kind", "image", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_document_for_fine_tuning(folder: Path, reviews: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spec", reviews, "--from", str(folder)]) == 0
    spec = RunSpec.parse(capsys.readouterr().out)
    assert spec.model.source == spec.data.preprocessing.learned_from == f"folder:{folder}"  # type: ignore[attr-defined]
    assert spec.model.method.kind == "lora"  # type: ignore[attr-defined]
    assert main(["spec", reviews, "--from", f"folder:{folder}", "--method", "bitfit"]) == 0
    assert RunSpec.parse(capsys.readouterr().out).model.method.kind == "bitfit"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--from", "nothing-here"], "There is no pretrained source nothing-here."),
        (["--from", "run:0000000000000000"], "There is no run 0000000000000000."),
        (["--from", "package:nothing"], "There is no pretrained source package:nothing."),
        (["--method", "lora"], "--method lora needs a pretrained model to work on."),
    ],
)
def test_a_wrong_source_is_told_before_the_data_are_read(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["spec", "no-such-data.csv", *arguments]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_a_wrong_method_is_told(folder: Path, reviews: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spec", reviews, "--from", str(folder), "--method", "magic"]) == 2
    assert "There is no method magic. Choose one of: head, last_blocks" in capsys.readouterr().err
