"""What if: before there is anything, a turned knob, verdicts, pins, the ledger, a link that another person opens.

The pages tests have no engine. What it would write into the store (a probe's curves) is written here by hand.
"""

import math

import pytest
from streamlit.testing.v1 import AppTest

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus
from engine.specs.probe import ProbeStatus, VerdictKind
from engine.store import probes
from pages.widgets.whatif_state import Comparison, from_address, to_address

RATE = "training.optimizer.learning_rate"
STEPS = 60


@pytest.fixture
def spec(import_in_process) -> RunSpec:  # type: ignore[no-untyped-def]
    record = api.import_sample("digits")
    return api.default_spec(record.id).model_copy(update={"name": "first"})


def accuracy_of(spec: RunSpec) -> float:
    """Higher rates are better here, the noise comes from the seed and is shared by both sides of a pair."""
    return 0.8 + 0.05 * math.log10(spec.training.optimizer.learning_rate / 1e-3) + 0.01 * math.sin(spec.seed * 2.3)


def answer_probes() -> int:
    """Do what the prober does with all that waits; rates above 0.05 diverge."""
    count = 0
    while (claim := probes.claim_next()) is not None:
        count += 1
        if claim.spec.training.optimizer.learning_rate > 0.05:
            error = EngineError(ErrorKind.DIVERGED, "The loss exploded.", hint="Lower the learning rate.").to_record()
            assert probes.finish(claim, ProbeStatus.FAILED, {"error": error, "total_steps": STEPS})
            continue
        end = accuracy_of(claim.spec)
        curves = {
            "train/loss": [(step, 2.0 - step / STEPS) for step in range(1, STEPS + 1)],
            "val/accuracy": [(step, end * step / STEPS) for step in (20, 40, 60)],
            "val/loss": [(step, 2.0 - step / STEPS) for step in (20, 40, 60)],
        }
        metrics = {key: points[-1][1] for key, points in curves.items()}
        result = {"curves": curves, "metrics": metrics, "step": STEPS, "total_steps": STEPS, "traced": False}
        assert probes.finish(claim, ProbeStatus.FINISHED, result)
    return count


def texts(test: AppTest) -> str:
    return "\n".join(element.value for kind in ("markdown", "caption", "info", "error") for element in test.get(kind))


def slider(test: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(found for found in test.select_slider if label in found.label)


def test_without_anything_it_sends_to_the_data(screen) -> None:  # type: ignore[no-untyped-def]
    assert screen("whatif").button(key="whatif_empty").label == "Go to Data"


def test_with_data_alone_it_sends_to_design(screen, spec) -> None:  # type: ignore[no-untyped-def]
    assert screen("whatif").button(key="whatif_empty").label == "Go to Design"


def test_the_design_is_proposed_as_baseline_and_its_noise_is_probed(screen, spec) -> None:  # type: ignore[no-untyped-def]
    draft = api.save_draft(spec)
    test = screen("whatif", draft=draft)
    assert test.query_params["base"] == f"draft:{draft}"
    assert "Nothing is changed yet" in texts(test)
    assert answer_probes() == 5  # the baseline's seeds


def test_a_run_in_the_address_is_the_baseline(screen, spec) -> None:  # type: ignore[no-untyped-def]
    run = api.submit(spec)
    assert screen("whatif", run=run).query_params["base"] == f"run:{run}"


def test_a_turned_knob_is_probed_and_called_better_with_its_interval(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("whatif", draft=api.save_draft(spec))
    knob = slider(test, "Learning rate")
    knob.set_value(knob.value + 2).run()
    assert test.query_params["turn"] == f"{RATE}:0.002"
    assert "measuring" in texts(test)
    assert "A probe of 60 steps, not the full run" in texts(test)
    answer_probes()
    test.run()
    assert "Validation accuracy \\+1\\.5 points \\(95 %\\: \\+1\\.5 to \\+1\\.5\\), better" in texts(test)
    assert "was 0\\.001" in slider(test, "Learning rate").label
    entry = api.ledger(spec)[0]
    assert entry.changes == {RATE: 0.002}
    assert entry.verdict.kind is VerdictKind.BETTER


def test_a_diverged_probe_says_so_and_what_to_try(screen, spec) -> None:  # type: ignore[no-untyped-def]
    address = {"base": f"draft:{api.save_draft(spec)}", "turn": f"{RATE}:0.1"}
    screen("whatif", **address)
    answer_probes()
    test = screen("whatif", **address)
    assert "This does not train" in texts(test)
    assert "The loss exploded" in texts(test)
    assert "Lower the learning rate" in texts(test)


def test_a_link_shows_another_person_the_same(screen, spec) -> None:  # type: ignore[no-untyped-def]
    address = {"base": f"draft:{api.save_draft(spec)}", "turn": f"{RATE}:0.003;training.optimizer.kind:lion"}
    address |= {"pin": f"{RATE}:0.002", "box": "steps:30;seeds:3"}
    test = screen("whatif", **address)
    assert {key: test.query_params[key] for key in address} == address
    assert "A probe of 30 steps" in texts(test)
    assert any("Lion" in button.label for button in test.button)
    assert "Learning rate 0\\.001 → 0\\.002" in texts(test)


def test_a_new_optimizer_brings_its_own_knobs_and_takes_the_old_ones_along(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("whatif", draft=api.save_draft(spec))
    decay = slider(test, "Weight decay")
    decay.set_value(decay.value + 2).run()
    optimizer = next(found for found in test.selectbox if found.label == "Optimizer")
    optimizer.set_value(optimizer.options.index("SGD with momentum")).run()
    assert test.query_params["turn"] == "training.optimizer.kind:sgd"
    test.button(key="chip_training.optimizer.kind").click().run()
    assert "turn" not in test.query_params


def test_a_tweak_that_does_not_fit_is_said_in_the_place_of_its_answer(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("whatif", base=f"draft:{api.save_draft(spec)}", turn=f"{RATE}:-1")
    assert "learning" in texts(test)
    assert slider(test, "Learning rate")
    test.button(key="whatif_misfit_back").click().run()
    assert "Nothing is changed yet" in texts(test)


def test_an_address_that_cannot_be_read_says_how_to_go_on(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("whatif", base=f"draft:{api.save_draft(spec)}", box="steps:many")
    assert "The address of this comparison cannot be read" in texts(test)
    test.button(key="whatif_anew").click().run()
    assert "A what-if begins with a design" in texts(test)


def test_pins_are_compared_and_taken_off(screen, spec) -> None:  # type: ignore[no-untyped-def]
    address = {"base": f"draft:{api.save_draft(spec)}", "turn": f"{RATE}:0.002"}
    screen("whatif", **address)
    answer_probes()
    test = screen("whatif", **address)
    test.button(key="whatif_pin").click().run()
    assert test.query_params["pin"] == f"{RATE}:0.002"
    assert test.button(key="whatif_pin").disabled
    assert "**A** · Learning rate 0\\.001 → 0\\.002" in texts(test)
    test.button(key="pin_off_0").click().run()
    assert "pin" not in test.query_params


def test_a_full_run_is_named_after_the_tweak(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("whatif", base=f"draft:{api.save_draft(spec)}", turn=f"{RATE}:0.002")
    test.session_state["whatif_hand_full"] = True  # as if the button was pressed that opens it
    test.run()
    test.button(key="whatif_hand_start").click().run()
    run = api.runs()[0]
    assert run.name == "first · Learning rate 0.001 → 0.002"
    assert run.spec.training.optimizer.learning_rate == 0.002
    assert run.status is RunStatus.SCHEDULED


def test_every_knob_is_turned_by_itself_when_asked_for(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("whatif", draft=api.save_draft(spec))
    test.session_state["whatif_tabs"] = "Which knobs matter"
    test.run()
    test.button(key="sensitivity_start").click().run()
    assert test.query_params["tornado"] == "1"
    assert answer_probes() > 20
    test.run()
    assert "two seeds a turn" in texts(test)


def test_knobs_may_wait_with_their_probe(screen, spec) -> None:  # type: ignore[no-untyped-def]
    base = f"draft:{api.save_draft(spec)}"
    screen("whatif", base=base, hold="1")
    assert answer_probes() == 5
    test = screen("whatif", base=base, hold="1", turn=f"{RATE}:0.002")
    assert "Not probed yet" in texts(test)
    assert answer_probes() == 0
    test.button(key="whatif_probe").click().run()
    assert answer_probes() == 5
    assert "better" in texts(test.run())


def test_design_and_train_lead_here(screen, spec) -> None:  # type: ignore[no-untyped-def]
    draft, run = api.save_draft(spec), api.submit(spec)
    test = screen("design", draft=draft, dataset=spec.data.dataset)
    test.button(key="design_whatif").click().run()
    assert test.session_state["whatif"].base == f"draft:{draft}"
    test = screen("train", run=run)
    test.button(key="train_whatif").click().run()
    assert test.session_state["whatif"].base == f"run:{run}"


def test_chinese(screen, spec) -> None:  # type: ignore[no-untyped-def]
    test = screen("whatif", draft=api.save_draft(spec), language="zh_CN")
    assert test.title[0].value != "What if?"


@pytest.mark.parametrize(
    "comparison",
    [
        Comparison(),
        Comparison("run:ab", ((RATE, 0.003), ("model.filters", [16, 32]), ("model.pooling", "max; : % é"))),
        Comparison("draft:ab", pins=(((RATE, 1e-5),), (("a.b", True), ("c", "true"))), seeds=3, knobs=("x.y", "z")),
        Comparison("draft:ab", tornado=True, more="width", hold=True),
    ],
)
def test_the_address_holds_the_whole_state(comparison: Comparison) -> None:
    assert from_address(to_address(comparison)) == comparison
