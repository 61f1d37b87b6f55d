"""The Evaluate page on real runs of real samples; the predictions are those of a scikit-learn model."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.preprocessing import StandardScaler
from streamlit.testing.v1 import AppTest

from engine import api
from engine.data.load import Prepared, load
from engine.evaluation.evaluate import evaluate_run
from engine.specs import Part, RunStatus
from engine.store import queue
from engine.store.home import run_dir
from engine.store.runs import add_run
from engine.training.context import LocalContext

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "evaluate.py")
SAMPLES = ("breast-cancer", "digits", "diabetes")


def fitted_predictions(prepared: Prepared) -> dict[Part, np.ndarray]:
    """Probabilities or values of a linear model for validation and test."""
    if "image" in prepared.columns:
        features = np.stack([picture.reshape(-1) for picture in prepared.images(np.arange(len(prepared.frame)))])
    else:
        features = prepared.frame.to_numpy(float)
    train = prepared.parts[Part.TRAIN]
    features = StandardScaler().fit(features[train]).transform(features)
    model = LogisticRegression(max_iter=1000) if prepared.classes else LinearRegression()
    model.fit(features[train], prepared.target[train])
    predict = model.predict_proba if prepared.classes else model.predict
    return {part: predict(features[prepared.parts[part]]) for part in (Part.VALIDATION, Part.TEST)}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A workspace with a finished, evaluated run of each sample, and their ids."""
    home = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATHE_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        runs = {}
        for sample in SAMPLES:
            record = api.import_sample(sample)
            spec = api.default_spec(record.id)
            run_id = add_run(spec.model_copy(update={"name": f"run of {sample}"}), dataset_name=record.name)
            claim = queue.claim_next()
            assert claim is not None
            prepared = load(spec.data)
            evaluate_run(spec, prepared, fitted_predictions(prepared), LocalContext(run_dir(run_id)))
            queue.finish(claim, RunStatus.FINISHED)
            runs[sample] = run_id
        yield home, runs


@pytest.fixture
def runs(evaluated: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The ids of the runs, with their workspace in place."""
    monkeypatch.setenv("LATHE_HOME", str(evaluated[0]))
    return evaluated[1]


def page(run_id: str = "", **address: str) -> AppTest:
    at = AppTest.from_file(PAGE, default_timeout=60)
    if run_id:
        at.query_params["run"] = run_id
    for key, value in address.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def texts(at: AppTest) -> str:
    """Everything that can be read on the page."""
    kinds = (at.title, at.subheader, at.markdown, at.caption, at.info, at.success, at.error, at.warning)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_an_empty_workspace_says_what_to_do_next() -> None:
    at = page()
    assert "Nothing to evaluate yet" in texts(at)
    assert any(button.label == "Go to Train" for button in at.button)


def test_headline_is_the_accuracy_with_its_interval(runs: dict[str, str]) -> None:
    at = page(runs["breast-cancer"])
    rows = api.predictions(runs["breast-cancer"], Part.TEST)
    expected = accuracy_score(rows["truth"], rows["prediction"])
    shown = next(metric for metric in at.metric if metric.label == "Accuracy")
    assert shown.value == f"{100 * expected:.1f} %"
    low, high = (float(end) for end in shown.delta.removesuffix(" %").split(" – "))
    assert low < 100 * expected < high


@pytest.mark.parametrize("sample", SAMPLES)
def test_verdict_names_the_classical_model_and_an_interval(runs: dict[str, str], sample: str) -> None:
    at = page(runs[sample])
    rival = "Logistic regression on pixels" if sample == "digits" else "Gradient boosting"
    record = api.evaluation(runs[sample])
    word = {"beats": "Beats", "level": "Level with", "loses": "Loses to"}[record.verdict]
    sentence = next(line for line in texts(at).splitlines() if rival in line)
    assert word in sentence
    assert "95 % interval" in sentence


def test_the_newest_run_and_the_test_part_are_shown_without_an_address(runs: dict[str, str]) -> None:
    at = page()
    assert at.query_params["run"] == runs["diabetes"]
    assert "RMSE" in metrics(at)


def test_the_part_follows_the_address(runs: dict[str, str]) -> None:
    run_id = runs["digits"]
    validation = page(run_id, part="validation")
    expected = api.evaluation(run_id, Part.VALIDATION).metrics["accuracy"].value
    assert metrics(validation)["Accuracy"] == f"{100 * expected:.1f} %"
    assert "the test part is the fair measure" in texts(validation)


@pytest.mark.parametrize("view", ["overview", "matrix", "classes", "ranking", "calibration", "threshold"])
def test_every_view_of_a_classifier_draws(runs: dict[str, str], view: str) -> None:
    at = page(runs["breast-cancer"], view=view)
    assert not at.error
    assert len(at.get("plotly_chart")) >= 1
    assert "Worst errors" in texts(at)


@pytest.mark.parametrize("view", ["overview", "predicted", "residuals"])
def test_every_view_of_a_regression_draws(runs: dict[str, str], view: str) -> None:
    at = page(runs["diabetes"], view=view)
    assert len(at.get("plotly_chart")) >= 1


def test_robustness_waits_for_the_engine_and_offers_other_runs_on_these_data(
    runs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATHE_ENGINE", "external")  # none is started here
    at = page(runs["digits"], view="robustness")
    assert "Attacking the examples…" in " ".join(caption.value for caption in at.caption)
    assert not [box for box in at.selectbox if box.label == "Beside it"]  # there is no other run on them
    assert not at.exception


def test_a_cell_in_the_address_filters_examples_and_figures(runs: dict[str, str]) -> None:
    run_id = runs["breast-cancer"]
    rows = api.predictions(run_id, Part.TEST)
    counts = confusion_matrix(rows["truth"], rows["prediction"])
    true, said = (0, 1) if counts[0, 1] else (1, 0)
    at = page(run_id, filter=f"cell:{true},{said}")
    assert f"{counts[true, said]} of {len(rows)} examples" in texts(at)
    table = at.dataframe[-1].value
    assert len(table) == counts[true, said]
    classes = api.evaluation(run_id).classes
    assert set(table["True"]) == {classes[true]}
    assert set(table["Predicted"]) == {classes[said]}
    chip = next(button for button in at.button if button.label.startswith("Filter:"))
    chip.click().run()
    assert "filter" not in at.query_params
    assert "of 1" not in texts(at).split("Worst")[0].replace("95", "")


def test_two_filters_meet_and_an_impossible_one_is_said(runs: dict[str, str]) -> None:
    run_id = runs["breast-cancer"]
    rows = api.predictions(run_id, Part.TEST)
    expected = ((rows["truth"] == 1) & (rows[["p_0", "p_1"]].max(axis=1) >= 0.9)).sum()
    assert f"{expected} of {len(rows)} examples" in texts(page(run_id, filter="class:1;sure:0.9,1"))
    assert "No example passes the filters" in texts(page(run_id, filter="sure:0.1,0.2"))


def test_a_nonsense_filter_is_passed_over(runs: dict[str, str]) -> None:
    at = page(runs["breast-cancer"], filter="cell:7,9;class:x;residual:0,1;drop table")
    assert not [button for button in at.button if button.label.startswith("Filter")]


def test_residual_bars_filter_a_regression(runs: dict[str, str]) -> None:
    run_id = runs["diabetes"]
    rows = api.predictions(run_id, Part.TEST)
    expected = ((rows["truth"] - rows["prediction"]) > 0).sum()
    at = page(run_id, view="residuals", filter="residual:0,1000")
    assert f"{expected} of {len(rows)} examples" in texts(at)


def test_choosing_a_class_filters_by_keyboard_alone(runs: dict[str, str]) -> None:
    at = page(runs["digits"], view="matrix")
    box = next(box for box in at.selectbox if box.label == "Show one class only")
    box.select_index(3).run()
    rows = api.predictions(runs["digits"], Part.TEST)
    assert at.query_params["filter"] == "class:3"
    assert f"{(rows['truth'] == 3).sum()} of {len(rows)} examples" in texts(at)


@pytest.mark.parametrize(
    ("sample", "view", "label", "kind"),
    [
        ("digits", "matrix", "Show one confusion only", "cell:"),
        ("breast-cancer", "calibration", "Show one bar only", "promised:"),
        ("diabetes", "residuals", "Show one bar only", "residual:"),
    ],
)
def test_whatever_a_click_filters_can_be_chosen_by_keyboard(
    runs: dict[str, str], sample: str, view: str, label: str, kind: str
) -> None:
    at = page(runs[sample], view=view)
    box = next(box for box in at.selectbox if box.label == label)
    rows = int(box.options[0].rsplit("(", 1)[1].rstrip(")").replace(",", ""))
    box.select_index(0).run()
    assert not at.exception
    assert at.query_params["filter"].startswith(kind)
    assert f"{rows:,} of " in texts(at)


def test_cost_follows_threshold_and_prices(runs: dict[str, str]) -> None:
    run_id = runs["breast-cancer"]
    at = page(run_id, view="threshold", threshold="0.3", false_negative="5")
    rows = api.predictions(run_id, Part.TEST)

    def cost(threshold: float) -> float:
        said, truth = rows["p_1"] >= threshold, rows["truth"] == 1
        return float((said & ~truth).sum() + 5 * (~said & truth).sum())

    assert float(metrics(at)["Cost"]) == cost(0.3)
    at.slider(key="evaluate_threshold").set_value(0.9).run()
    assert float(metrics(at)["Cost"]) == cost(0.9)
    assert at.query_params["threshold"] == "0.90"


def test_worst_errors_of_pictures_are_pictures(runs: dict[str, str]) -> None:
    at = page(runs["digits"])
    assert len(at.get("image")) == 12
    rows = api.predictions(runs["digits"], Part.TEST).sort_values("loss", ascending=False)
    worst = rows.iloc[0]
    classes = api.evaluation(runs["digits"]).classes
    said, true = classes[int(worst["prediction"])], classes[int(worst["truth"])]
    assert f"{said}, is {true}" in texts(at)


def test_worst_errors_of_a_table_are_its_rows_as_imported(runs: dict[str, str]) -> None:
    run_id = runs["diabetes"]
    at = page(run_id)
    table = at.dataframe[-1].value
    rows = api.predictions(run_id, Part.TEST).sort_values("loss", ascending=False)
    assert list(table["Row"]) == rows["row"].head(12).tolist()
    original = api.rows(api.run(run_id).spec.data.dataset, offset=int(table["Row"][0]), limit=1)
    assert str(original["bmi"].iloc[0]) == table["bmi"][0]


def test_a_run_that_has_not_finished_says_so(runs: dict[str, str]) -> None:
    waiting = add_run(api.run(runs["digits"]).spec, dataset_name="digits")
    at = page(waiting)
    assert "Not evaluated yet" in texts(at)
    assert any(button.label == "Watch it on Train" for button in at.button)
    api.stop(waiting)


def test_a_run_that_is_gone_does_not_break_the_page(runs: dict[str, str]) -> None:
    at = page("0123456789abcdef0123456789abcdef")
    assert not at.error


def test_the_page_brings_no_training_library(runs: dict[str, str]) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        f"at = AppTest.from_file({PAGE!r}, default_timeout=60); at.query_params['run'] = {runs['digits']!r}\n"
        "at.query_params['filter'] = 'class:1'; at.run(); assert not at.exception and at.metric\n"
        "print([n for n in ('tensorflow', 'keras', 'ray', 'torch', 'sklearn') if n in sys.modules])"
    )
    root = Path(PAGE).parents[1]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout.strip().splitlines()[-1] == "[]"
