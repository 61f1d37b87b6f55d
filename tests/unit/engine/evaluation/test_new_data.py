"""A trained run on data that came later."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.evaluation.new_data import evaluate_dataset, predict_dataset
from engine.store.evaluations import evaluated_parts, read_predictions
from engine.store.home import run_dir
from engine.training.context import LocalContext

pytestmark = pytest.mark.tensorflow
RUN = "trained"
ROOT = Path(__file__).resolve().parents[4]


def rows(n: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    first, second = random.normal(size=n), random.normal(size=n)
    shape = random.choice(["round", "square"], n)
    label = np.where(first + 0.5 * second + (shape == "round") > 0.3, "yes", "no")
    return pd.DataFrame({"first": first, "second": second, "shape": shape, "answer": label})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with one run, trained for a few epochs."""
    home = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATHE_HOME", str(home))
        file = home / "rows.csv"
        rows(600, 0).to_csv(file, index=False)
        record = api.import_data([file], name="rows", options={"target": "answer"})
        spec = api.default_spec(record.id, target="answer")
        spec = spec.edit({"training.epochs": 6})
        from engine.training.job import execute

        execute(spec, LocalContext(run_dir(RUN)))
        yield home


@pytest.fixture
def home(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATHE_HOME", str(trained))
    return trained


def bring(frame: pd.DataFrame, folder: Path, name: str) -> str:
    file = folder / f"{name}.csv"
    frame.to_csv(file, index=False)
    return api.import_data([file], name=name).id


def test_new_rows_are_evaluated_and_kept_beside_the_parts(home: Path, tmp_path: Path) -> None:
    fresh = rows(300, 1)
    dataset = bring(fresh, tmp_path, "fresh")
    record = evaluate_dataset(RUN, dataset)
    kept = read_predictions(RUN, dataset)
    said = np.asarray(record.classes)[kept["prediction"]]
    assert record.metrics["accuracy"].value == pytest.approx(accuracy_score(fresh["answer"], said))
    assert record.metrics["accuracy"].value > 0.8
    assert kept["row"].tolist() == list(range(300))
    assert dataset in evaluated_parts(RUN)


def test_predictions_agree_with_the_evaluation(home: Path, tmp_path: Path) -> None:
    fresh = rows(200, 2)
    labelled = bring(fresh, tmp_path, "labelled")
    record = evaluate_dataset(RUN, labelled)
    evaluated = read_predictions(RUN, labelled)
    predicted = pd.read_parquet(predict_dataset(RUN, bring(fresh.drop(columns="answer"), tmp_path, "unlabelled")))
    assert list(predicted.columns) == ["row", "prediction", "probability", "p_no", "p_yes"]
    assert predicted["prediction"].tolist() == [record.classes[code] for code in evaluated["prediction"]]
    np.testing.assert_allclose(predicted["p_yes"], evaluated["p_1"], atol=1e-5)


def test_a_process_that_built_no_model_yet_predicts_too(home: Path, tmp_path: Path) -> None:
    """The default families hold layers of our own, which a fresh desk has not met."""
    unlabelled = bring(rows(50, 3).drop(columns="answer"), tmp_path, "later")
    here = pd.read_parquet(predict_dataset(RUN, unlabelled))
    code = f"from engine.evaluation.new_data import predict_dataset; print(predict_dataset({RUN!r}, {unlabelled!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    there = pd.read_parquet(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(there["p_yes"], here["p_yes"], atol=1e-5)


def test_rows_without_an_answer_are_left_out(home: Path, tmp_path: Path) -> None:
    fresh = rows(100, 3)
    fresh.loc[:9, "answer"] = None
    assert evaluate_dataset(RUN, bring(fresh, tmp_path, "gaps")).examples == 90


def test_labels_never_learned_are_named(home: Path, tmp_path: Path) -> None:
    fresh = rows(60, 4)
    fresh.loc[:4, "answer"] = "perhaps"
    dataset = bring(fresh, tmp_path, "unseen")
    with pytest.raises(EngineError, match=r"5 rows have labels that this run never learned: perhaps\.") as caught:
        evaluate_dataset(RUN, dataset)
    assert caught.value.kind is ErrorKind.BAD_INPUT
    assert dataset not in evaluated_parts(RUN)


def test_a_missing_input_and_a_missing_answer_are_named(home: Path, tmp_path: Path) -> None:
    fresh = rows(60, 5)
    with pytest.raises(EngineError, match="second"):
        predict_dataset(RUN, bring(fresh.drop(columns="second"), tmp_path, "narrow"))
    with pytest.raises(EngineError, match="no column “answer”"):
        evaluate_dataset(RUN, bring(fresh.drop(columns="answer"), tmp_path, "unanswered"))


def test_data_of_another_kind_are_refused(home: Path) -> None:
    digits = api.import_sample("digits")
    with pytest.raises(EngineError, match="learned from table data"):
        evaluate_dataset(RUN, digits.id)


def test_a_run_without_a_model_says_so(home: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        evaluate_dataset("never-trained", bring(rows(60, 6), tmp_path, "any"))
    assert caught.value.kind is ErrorKind.NOT_FOUND
