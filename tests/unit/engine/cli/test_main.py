import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine import api
from engine.cli import main
from engine.specs import RunSpec
from engine.store import queue
from engine.store.runs import add_run

SPEC = RunSpec.parse(
    {
        "name": "houses",
        "data": {"dataset": "0" * 16, "task": "table_regression", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
        "training": {"loss": {"kind": "mse"}},
    }
)


def test_help_and_runs_answer_without_anything_heavy() -> None:
    heavy = "{'keras', 'ray', 'mlflow', 'pandas'}"
    code = f"import sys; from engine.cli import main; main(['runs']); print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert answer.stdout.splitlines() == ["There are no runs yet.", "[]"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dance"], "invalid choice"),
        ([], "required"),
        (["run"], "RUN.JSON"),
        (["run", "missing.json"], "missing.json cannot be read: No such file or directory."),
        (["stop", "abc"], "There is no run abc."),
        (["spec", "nothing-here"], "nothing-here is no file, no folder, no sample and no data set."),
        (["predict", "abc", "--data", "digits", "-o", "answers.doc"], "must end in .csv, .parquet, .jsonl"),
    ],
)
def test_bad_usage_is_one_sentence_and_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    said = capsys.readouterr()
    assert code == 2
    assert sentence in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert said.out == ""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("training.epochs", "--set needs PATH=VALUE, got training.epochs."),
        ("training.epochs=0", "training.epochs must be at least 1, got 0."),
        ("training.epoch=3", "There is no field training.epoch."),
        ("model.kind=forest", "kind must be one of"),
    ],
)
def test_a_bad_change_names_its_field(
    change: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "run.json"
    document.write_text(SPEC.to_json())
    assert main(["run", str(document), "--set", change]) == 2
    assert sentence in capsys.readouterr().err
    assert api.count_runs() == 0


def test_runs_are_listed_as_text_and_as_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    run_id = add_run(SPEC)
    claim = queue.claim_next()
    assert claim is not None
    queue.write_progress(claim, {"metrics": {"val/rmse": 2.5, "cpu_percent": 50.0}}, {}, seconds=4.0)
    assert main(["runs"]) == 0
    assert "val/rmse 2.5000" in capsys.readouterr().out
    assert main(["runs", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    record = json.loads(lines[0])[0]
    expected = {"run_id": run_id, "status": "RUNNING", "metrics": {"val/rmse": 2.5}, "seconds": 4.0, "error": None}
    assert {key: record[key] for key in expected} == expected
    assert main(["history", run_id]) == 0
    assert capsys.readouterr().out.strip() == "key,step,value,time"


def test_a_waiting_run_is_stopped_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    run_id = add_run(SPEC)
    assert main(["stop", run_id[:10]]) == 0
    assert capsys.readouterr().out.split()[:2] == [run_id, "Stopped"]


def test_a_sample_becomes_a_complete_document(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    assert main(["spec", "diabetes", "-o", str(file)]) == 0
    spec = RunSpec.parse(file.read_text())
    assert spec.data.task == "table_regression"
    assert api.dataset(spec.data.dataset).rows == 442
