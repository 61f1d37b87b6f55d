"""The ledger keeps one line a tweak, the newest first, and its first author."""

from engine.specs import RunSpec
from engine.specs.probe import ProbeBudget, VerdictKind, VerdictRecord
from engine.store.ledger import forget_tweak, ledger, note_tweak

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
        "name": "Base",
    }
)
BUDGET = ProbeBudget()


def judged(kind: VerdictKind, difference: float | None = None) -> VerdictRecord:
    return VerdictRecord(
        kind=kind, metric="val/accuracy", higher_is_better=True, pairs=5 if difference else 0, difference=difference
    )


def test_a_tweak_has_one_line_that_is_brought_up_to_date() -> None:
    change = {"model.dropout": 0.5}
    first = note_tweak(SPEC, change, BUDGET, judged(VerdictKind.TOO_EARLY), who="Ada")
    again = note_tweak(SPEC, change, BUDGET, judged(VerdictKind.BETTER, 0.02), who="Bob")
    lines = ledger(SPEC)
    assert first.id == again.id
    assert len(lines) == 1
    assert (lines[0].verdict.kind, lines[0].who, lines[0].verdict.difference) == (VerdictKind.BETTER, "Ada", 0.02)
    assert (lines[0].before, lines[0].changes) == ({"model.dropout": SPEC.model.dropout}, change)
    assert lines[0].created_at == first.created_at


def test_lines_belong_to_the_document_whatever_its_name_and_come_newest_first() -> None:
    note_tweak(SPEC, {"seed": 1}, BUDGET, judged(VerdictKind.WORSE, -0.1))
    note_tweak(SPEC.edit({"name": "Other"}), {"seed": 2}, BUDGET, judged(VerdictKind.BETTER, 0.1))
    note_tweak(SPEC.edit({"seed": 9}), {"seed": 3}, BUDGET, judged(VerdictKind.BETTER, 0.1))
    assert [line.changes for line in ledger(SPEC)] == [{"seed": 2}, {"seed": 1}]
    forget_tweak(ledger(SPEC)[0].id)
    assert [line.changes for line in ledger(SPEC)] == [{"seed": 1}]
