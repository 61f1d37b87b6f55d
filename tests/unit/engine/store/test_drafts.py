"""Drafts survive a reload, and are never changed."""

import os
from pathlib import Path

import pytest

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.store import drafts

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_regression", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
        "training": {"loss": {"kind": "mse"}},
    }
)


def test_what_was_kept_is_read_again() -> None:
    assert drafts.read_draft(drafts.save_draft(SPEC)) == SPEC


def test_an_edit_is_a_new_draft_and_the_same_document_the_same() -> None:
    first = drafts.save_draft(SPEC)
    edited = drafts.save_draft(SPEC.edit({"training.epochs": 3}))
    assert first != edited
    assert drafts.save_draft(SPEC) == first
    assert drafts.read_draft(first).training.epochs == SPEC.training.epochs


@pytest.mark.parametrize("draft_id", ["0" * 16, "../lathe", "", "x" * 16])
def test_what_is_not_there_is_said(draft_id: str) -> None:
    with pytest.raises(EngineError) as caught:
        drafts.read_draft(draft_id)
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_the_oldest_are_forgotten(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "KEEP", 2)
    ids = []
    for epochs in (1, 2, 3):
        ids.append(drafts.save_draft(SPEC.edit({"training.epochs": epochs})))
        os.utime(workspace / "drafts" / f"{ids[-1]}.json", (epochs, epochs))
    drafts.save_draft(SPEC.edit({"training.epochs": 4}))
    assert len(list((workspace / "drafts").iterdir())) == 2
    with pytest.raises(EngineError):
        drafts.read_draft(ids[0])
