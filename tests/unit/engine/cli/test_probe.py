"""`engine probe` says better, worse or within the noise; what is known from before is said without an engine."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.probe import ProbeBudget, ProbeStatus
from engine.store import probes
from engine.store.ledger import ledger
from engine.store.runs import add_run
from engine.whatif.compare import what_if

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
    }
)
CHANGE = {"training.optimizer.learning_rate": 0.003}
BUDGET = ProbeBudget(steps=30, seconds=60.0)


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_ENGINE", "external")


def known(values: dict[float, Any]) -> None:
    """Enter three pairs and end them: by learning rate a value to which a tenth of the seed is added, or an error."""
    what_if(SPEC, CHANGE, BUDGET, seeds=3)
    while (claim := probes.claim_next()) is not None:
        found = values[claim.spec.training.optimizer.learning_rate]
        if isinstance(found, EngineError):
            probes.finish(claim, ProbeStatus.FAILED, {"error": found.to_record()})
            continue
        value = found + claim.spec.seed / 10 + (0.001 * claim.spec.seed if found > 0.5 else 0)
        result = {"curves": {"val/accuracy": [[30, value]]}, "metrics": {"val/accuracy": value}}
        probes.finish(claim, ProbeStatus.FINISHED, result)


def run(target: str, *more: str) -> int:
    return main(["probe", target, "--steps", "30", "--seeds", "3", "--set", "training.learning_rate=0.003", *more])


def test_a_run_is_probed_and_the_last_line_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    known({0.001: 0.5, 0.003: 0.6})
    assert run(add_run(SPEC), "--json") == 0
    line = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert line["verdict"]["kind"] == "better"
    assert line["verdict"]["difference"] == pytest.approx(0.101)
    assert line["verdict"]["pairs"] == 3
    assert line["changes"] == "learning rate 0.001 → 0.003"
    assert line["error"] is None
    assert len(line["variant"]) == len(line["baseline"]) == 3
    assert [entry.changes for entry in ledger(SPEC)] == [CHANGE]


def test_a_document_is_probed_and_read_by_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known({0.001: 0.6, 0.003: 0.5})
    file = tmp_path / "run.json"
    file.write_text(SPEC.to_json())
    assert run(str(file)) == 0
    out = capsys.readouterr().out
    assert "learning rate 0.001 → 0.003" in out
    assert "difference -0.1010   95 %:" in out
    assert out.strip().endswith("Worse")


def test_a_change_that_does_not_train_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    known({0.001: 0.6, 0.003: EngineError(ErrorKind.DIVERGED, "It diverged.")})
    assert run(add_run(SPEC), "--json") == 1
    line = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (line["verdict"]["kind"], line["error"]) == ("fails", "It diverged.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "training.learning_rate=-1"], "learning_rate"),
        (["--set", "nothing=1"], "nothing"),
        (["--set", "nothing"], "PATH=VALUE"),
        (["--seeds", "0"], "between 1 and 100"),
        (["--steps", "0"], "steps"),
    ],
)
def test_bad_input_is_said_and_nothing_is_entered(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", add_run(SPEC), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert probes.open_count() == 0
