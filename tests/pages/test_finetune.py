"""Fine-tune: before there is anything, source → data → method → go, before and after, methods side by side.

The pages tests have no engine. Runs are trained here, in this process, by the job that a worker does.
"""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from engine import api
from engine.specs import RunSpec, RunStatus
from engine.store import queue

METHODS = ("bitfit", "full")


def texts(test: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "error", "success", "warning", "subheader")
    return "\n".join(element.value for kind in kinds for element in test.get(kind))


def do_all() -> None:
    """Do what a worker does with all that waits."""
    from engine.jobs.context import StoreContext
    from engine.training.job import execute

    while (claim := queue.claim_next()) is not None:
        spec = queue.spec_of(claim.run_id)
        with StoreContext(claim, spec) as context:
            execute(spec, context)
        queue.finish(claim, RunStatus.FINISHED)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A workspace with a trained source, a run that fine-tuned it, and a comparison of two methods."""
    home = tmp_path_factory.mktemp("finetune")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATHE_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("LATHE_ENGINE", "external")
        record = api.import_sample("breast-cancer")
        spec = api.default_spec(record.id).edit({"model.kind": "mlp", "training.epochs": 3, "name": "the source"})
        source = api.submit(spec)
        do_all()
        new = api.tuned_spec(f"run:{source}", record.id, method="full").edit({"training.epochs": 2})
        comparison = api.compare_methods(new, METHODS, seeds=2, token="test")
        do_all()
        run = next(one for one in api.method_comparison(comparison).methods if one.method == "full").runs[0]
        names = {"home": str(home), "data": record.id, "source": source, "run": run, "methods": comparison}
        yield names | {"draft": api.save_draft(new)}


@pytest.fixture
def there(tuned: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The names of what is there, with its workspace in place."""
    monkeypatch.setenv("LATHE_HOME", tuned["home"])
    return tuned


# ---- before there is anything ---------------------------------------------------------------------------------------
def test_without_a_ready_source_it_says_how_to_get_one(screen, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("engine.finetuning.sources.package.find_spec", lambda name: None)  # as if it were not installed
    test = screen("finetune")
    assert test.button(key="finetune_empty").label == "Go to Data"
    offline = next(option for option in test.selectbox(key="finetune_waiting").options if "MiniLM L6 (" in option)
    test.selectbox(key="finetune_waiting").select(offline).run()
    assert [code.value for code in test.code] == ["make offline-model"]
    assert "is not installed" in texts(test)


@pytest.mark.parametrize(("view", "key"), [("result", "finetune_no_result"), ("methods", "finetune_no_methods")])
def test_other_views_send_to_the_sources_first(screen, view: str, key: str) -> None:  # type: ignore[no-untyped-def]
    test = screen("finetune", view=view)
    test.button(key=key).click().run()
    assert test.query_params["view"] == "new"


def test_a_source_that_is_gone_says_so_and_another_can_be_taken(screen) -> None:  # type: ignore[no-untyped-def]
    test = screen("finetune", source="run:0000000000000000")
    assert test.error
    test.button(key="finetune_source_other").click().run()
    assert not test.error


# ---- source → data → method → go ------------------------------------------------------------------------------------
def test_a_finished_run_is_a_source_and_its_data_become_a_document(screen, there) -> None:  # type: ignore[no-untyped-def]
    test = screen("finetune")
    test.button(key=f"finetune_use_run:{there['source']}").click().run()
    assert test.query_params["source"] == f"run:{there['source']}"
    data = next(box for box in test.selectbox if box.label == "Data set")
    data.select(there["data"]).run()
    spec = api.draft(test.query_params["draft"])
    assert spec.model.kind == "pretrained"
    assert spec.model.source == f"run:{there['source']}"
    assert test.button(key="finetune_start").label == "Start training"


def test_another_method_brings_the_rate_that_suits_it_and_keeps_the_rest(screen, there) -> None:  # type: ignore[no-untyped-def]
    test = screen("finetune", draft=there["draft"])
    method = next(box for box in test.selectbox if box.label == "Method")
    before = api.draft(there["draft"])
    method.select("head").run()
    after = api.draft(test.query_params["draft"])
    assert after.model.method.kind == "head"
    assert after == api.method_document(before, "head")
    assert after.training.epochs == before.training.epochs == 2
    assert not test.exception


def test_start_enters_the_run_once(screen, there) -> None:  # type: ignore[no-untyped-def]
    test = screen("finetune", draft=there["draft"])
    before = api.count_runs()
    test.button(key="finetune_start").click().run()
    assert api.count_runs() == before + 1
    waiting = api.runs(status=RunStatus.SCHEDULED)
    assert waiting[0].spec.model.method.kind == "full"
    api.delete_runs([run.id for run in waiting])


# ---- before and after -----------------------------------------------------------------------------------------------
def test_before_and_after_show_what_the_record_holds(screen, there) -> None:  # type: ignore[no-untyped-def]
    test = screen("finetune", view="result", run=there["run"])
    record = api.fine_tuning(there["run"])
    found = record.before_after
    assert found is not None
    said = texts(test)
    word = {"better": "Better than before", "worse": "Worse than before", "level": "As before"}[found.verdict]
    assert word in said
    assert f"Rows right only after: {found.only_after}, only before: {found.only_before}" in said
    evaluation = api.evaluation(there["run"])
    assert found.after.value == pytest.approx(evaluation.metrics["accuracy"].value)
    assert found.rows == evaluation.examples
    assert len(test.get("plotly_chart")) == 4  # before and after, forgetting, blocks, drift


def test_the_source_s_own_task_is_measured_before_and_after(screen, there) -> None:  # type: ignore[no-untyped-def]
    found = api.fine_tuning(there["run"]).forgetting
    assert found is not None
    assert found.source_run == there["source"]
    assert found.before.value == pytest.approx(api.evaluation(there["source"]).metrics["accuracy"].value)
    assert "the source" in texts(screen("finetune", view="result", run=there["run"]))


def test_a_tuned_run_can_be_tuned_further(screen, there) -> None:  # type: ignore[no-untyped-def]
    test = screen("finetune", view="result", run=there["run"])
    assert test.button(key="finetune_further").label == "Fine-tune from this"
    further = screen("finetune", source=f"run:{there['run']}")
    assert not further.error
    assert any(box.label == "Data set" for box in further.selectbox)


def test_evaluate_and_train_lead_to_before_and_after(screen, there) -> None:  # type: ignore[no-untyped-def]
    assert screen("evaluate", run=there["run"]).button(key="evaluate_before_after").label == "Before and after"
    train = screen("train", run=there["run"])
    assert train.button(key="train_before_after").label == "Before and after"
    assert screen("train", run=there["source"]).button(key="train_finetune").label == "Fine-tune from this"
    with pytest.raises(KeyError):
        screen("evaluate", run=there["source"]).button(key="evaluate_before_after")


# ---- methods side by side -------------------------------------------------------------------------------------------
def test_a_comparison_is_read_from_its_runs(screen, there) -> None:  # type: ignore[no-untyped-def]
    found = api.method_comparison(there["methods"])
    assert [one.method for one in found.methods] == list(METHODS)
    assert all(len(one.scores) == 2 and one.seconds > 0 and one.memory_bytes > 0 for one in found.methods)
    bitfit, full = found.methods
    assert 0 < bitfit.trainable_parameters < full.trainable_parameters
    scores = [api.evaluation(run).metrics["accuracy"].value for run in full.runs]
    assert full.scores == pytest.approx(scores)
    test = screen("finetune", view="methods", methods=there["methods"])
    (table,) = test.dataframe
    assert list(table.value["method"]) == ["Biases only (BitFit)", "Whole model"]
    assert list(table.value["runs"]) == ["2 / 2", "2 / 2"]
    assert "Best on average" in texts(test)


def test_one_click_enters_a_run_for_each_method_and_seed(screen, there) -> None:  # type: ignore[no-untyped-def]
    test = screen("finetune", view="methods", draft=there["draft"])
    test.number_input(key="finetune_seeds").set_value(2).run()
    test.button_group(key="finetune_methods").set_value(["head", "bitfit"]).run()
    test.button(key="finetune_compare").click().run()
    found = api.method_comparison(test.query_params["methods"])
    assert [(one.method, one.seeds, one.waiting) for one in found.methods] == [
        ("head", (0, 1), 2),
        ("bitfit", (0, 1), 2),
    ]
    documents: list[RunSpec] = [api.run(run).spec for one in found.methods for run in one.runs]
    assert len({one.data.model_dump_json() for one in documents}) == 1
    api.delete_runs([run for one in found.methods for run in one.runs])


def test_it_is_drawn_in_chinese(screen, there) -> None:  # type: ignore[no-untyped-def]
    for view in ("new", "result", "methods"):
        test = screen("finetune", view=view, run=there["run"], language="zh_CN")
        assert "微调" in test.title[0].value


def test_design_leads_a_tuned_document_to_its_own_screen(screen, there) -> None:  # type: ignore[no-untyped-def]
    test = screen("design", draft=there["draft"])
    assert test.button(key="design_tuned").label == "Go to Fine-tune"


def test_a_body_without_attention_gets_lora_on_all_of_its_matrices(there) -> None:  # type: ignore[no-untyped-def]
    document = api.method_document(api.draft(there["draft"]), "lora")
    assert document.model.method.targets == "all"
