"""`engine search`: what it makes of its files and options, and what it prints."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli import search as command
from engine.cli.main import main
from engine.cli.output import USAGE
from engine.errors import EngineError
from engine.specs import RunSpec
from engine.specs.search_records import SearchRecord, SearchStatus, TrialRecord, TrialStatus

RATE = {"kind": "float", "path": "training.optimizer.learning_rate", "low": 1e-4, "high": 1e-1, "scale": "log"}


@pytest.fixture
def spec() -> RunSpec:
    data = {"dataset": "0" * 16, "task": "image_classification", "preprocessing": {"kind": "image"}}
    return RunSpec.parse({"data": data, "model": {"kind": "cnn"}})


def written(folder: Path, content: Any) -> Path:
    file = folder / "space.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def test_a_space_is_a_list_of_dimensions_or_a_whole_search(spec: RunSpec, tmp_path: Path) -> None:
    made = command._with_search(spec, written(tmp_path, [RATE]), {"trials": 7, "seconds": None}, "bayesian").search
    assert made is not None
    assert (made.budget.trials, made.algorithm.kind, len(made.dimensions)) == (7, "bayesian", 1)
    whole = {"dimensions": [RATE], "repeats": 3, "algorithm": {"kind": "hyperband", "max_epochs": 9}}
    made = command._with_search(spec, written(tmp_path, whole), {"trials": None}, "hyperband").search
    assert made is not None
    assert (made.repeats, made.budget.trials) == (3, 0)  # its brackets say how many
    assert made.algorithm.model_dump()["max_epochs"] == 9  # the file's own, not the default


def test_what_cannot_be_read_is_said_in_a_sentence(spec: RunSpec, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is not JSON"):
        command._with_search(spec, written(tmp_path, "{"), {}, None)
    with pytest.raises(EngineError, match="cannot be read"):
        command._with_search(spec, tmp_path / "none.json", {}, None)


def test_a_search_that_cannot_start_is_a_usage_error(
    spec: RunSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run.json"
    run.write_text(spec.to_json(), encoding="utf-8")
    space = written(tmp_path, [{**RATE, "low": 1.0}])
    assert main(["search", str(run), "--space", str(space)]) == USAGE
    assert "the range is empty, from 1 to 0.1" in capsys.readouterr().err


def test_the_leaderboard_has_the_best_first(spec: RunSpec, capsys: pytest.CaptureFixture[str]) -> None:
    record = SearchRecord(
        id="a", name="n", status=SearchStatus.FINISHED, spec=spec, created_at=0.0, objectives=(("val/loss", "min"),)
    )
    trials = [
        TrialRecord(search_id="a", number=i, status=TrialStatus.COMPLETED, score=score, values={RATE["path"]: 0.01})
        for i, score in enumerate((0.3, 0.1, 0.2))
    ]
    failed = TrialRecord(
        search_id="a", number=3, status=TrialStatus.FAILED, error={"kind": "diverged", "message": "It diverged."}
    )
    line = command.search_line(record, [*trials, failed])
    assert [entry["trial"] for entry in line["leaderboard"]] == [1, 2, 0]
    command.print_search(record, [*trials, failed])
    printed = capsys.readouterr().out
    assert printed.index("trial 1 ") < printed.index("trial 2 ") < printed.index("trial 0 ")
    assert "1 failed; trial 3: It diverged." in printed
