"""What is foretold of a run on Train, and what runs took, on Train and beside each other on Runs."""

import pytest

from engine import api
from engine.jobs import answers
from engine.jobs.context import StoreContext
from engine.specs import RunSpec, RunStatus
from engine.specs.prediction import Band, Cost, CostReport, EnergySource, Estimate
from engine.store import questions, queue
from engine.store.artifacts import write_costs
from engine.store.home import run_dir


@pytest.fixture
def spec() -> RunSpec:
    record = api.import_sample("diabetes")
    changes = {"training.epochs": 30, "training.early_stopping": {"enabled": True, "patience_epochs": 4}}
    return api.default_spec(record.id).edit(changes).model_copy(update={"name": "first"})


def at_work(spec: RunSpec, epochs: int) -> queue.Claim:
    """A run whose error falls to 55 and stays there."""
    api.submit(spec)
    claim = queue.claim_next()
    assert claim is not None
    with StoreContext(claim, spec) as context:
        context.phase("training")
        for epoch in range(1, epochs + 1):
            error = 55.0 + 30.0 * 0.5**epoch + 0.2 * max(epoch - 8, 0)
            context.metrics(10 * epoch, {"val/rmse": error, "val/loss": error / 70})
        context.progress(epoch=epochs, step=10 * epochs, total_steps=300, seconds_left=60.0)
    return claim


def answered(run_id: str, epoch: int) -> None:
    """The desk's answer, worked out here."""
    key = questions.put(
        "forecast", {"run_id": run_id, "epoch": epoch}, timeout_s=60, about=str(api.run(run_id).ended_at)
    )
    questions.answer(key, answers.forecast(run_id=run_id, epoch=epoch))


def texts(test) -> str:  # type: ignore[no-untyped-def]
    return " ".join(element.value for element in [*test.markdown, *test.caption])


def test_the_end_of_a_run_is_foretold_in_a_sentence_and_drawn(screen, spec) -> None:  # type: ignore[no-untyped-def]
    run_id = at_work(spec, 11).run_id  # three epochs without a gain: the fourth ends it
    answered(run_id, 11)
    test = screen("train", run=run_id)
    shown = texts(test).replace("\\", "")
    assert "RMSE · Validation will end near 55.1" in shown
    assert "Early stopping is likely after epoch 12 (12)" in shown
    assert any(expander.label == "How it may go on" for expander in test.expander)
    assert "预计最终接近 55" in texts(screen("train", run=run_id, language="zh_CN"))


def test_too_few_epochs_say_what_is_missing(screen, spec) -> None:  # type: ignore[no-untyped-def]
    run_id = at_work(spec, 2).run_id
    assert "A forecast needs 4 epochs; 2 more to come" in texts(screen("train", run=run_id)).replace("\\", "")


def finished(spec: RunSpec, report: CostReport | None) -> str:
    claim = at_work(spec, 5)
    queue.finish(claim, RunStatus.FINISHED)
    if report is not None:
        write_costs(run_dir(claim.run_id), report)
    return claim.run_id


def report() -> CostReport:
    estimated = Estimate(
        seconds=Band(low=20, value=30, high=45),
        memory_bytes=Band(low=0.9e9, value=1e9, high=1.1e9),
        energy_wh=Band(low=0.1, value=0.2, high=0.4),
    )
    measured = Cost(seconds=42, memory_bytes=1.2e9, energy_wh=0.25, energy_sources=(EnergySource.ASSUMED,))
    return CostReport(run_id="", estimated=estimated, measured=measured)


def test_what_a_run_took_stands_beside_what_was_estimated(screen, spec) -> None:  # type: ignore[no-untyped-def]
    shown = texts(screen("train", run=finished(spec, report()))).replace("\\", "")
    assert "Time 42 s (estimated 30 s)" in shown
    assert "Memory 1.2 GB (estimated 1 GB)" in shown
    assert "Energy 250 mWh (estimated 200 mWh)" in shown


def test_runs_beside_each_other_show_their_costs(screen, spec) -> None:  # type: ignore[no-untyped-def]
    ids = [finished(spec, report()), finished(spec.model_copy(update={"name": "second"}), None)]
    test = screen("runs", compare=",".join(ids))
    table = next(frame.value for frame in test.dataframe if "Energy" in frame.value.iloc[:, 0].tolist())
    assert table["first"].tolist() == ["42 s (30 s)", "1.2 GB (1 GB)", "250 mWh (200 mWh)"]
    assert table["second"].tolist() == ["–", "–", "–"]


def test_runs_without_any_measured_costs_show_no_table(screen, spec) -> None:  # type: ignore[no-untyped-def]
    ids = [finished(spec, None), finished(spec.model_copy(update={"name": "second"}), None)]
    shown = screen("runs", compare=",".join(ids))
    assert all("Costs" not in element.value for element in shown.markdown)
