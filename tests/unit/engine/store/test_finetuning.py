"""The small records of a fine-tuned run in its folder."""

from pathlib import Path

import pytest

from engine.errors import EngineError, ErrorKind
from engine.specs.finetuning_records import BlockChange, DriftPoint, FineTuningRecord
from engine.store.finetuning import has_record, read_drift, read_record, write_drift, write_record

RUN = "0123456789abcdef"


@pytest.fixture
def folder(workspace: Path) -> Path:
    made = workspace.resolve() / "runs" / RUN
    made.mkdir(parents=True)
    return made


def test_a_record_comes_back_as_it_was(folder: Path) -> None:
    record = FineTuningRecord(
        run_id=RUN, source="package:x", method="lora", blocks=(BlockChange(name="block1", drift=0.1, cka=0.9),)
    )
    assert not has_record(RUN)
    write_record(folder, record)
    assert has_record(RUN)
    assert read_record(RUN) == record


def test_drift_comes_back_by_epoch_and_is_empty_before_the_first(folder: Path) -> None:
    assert read_drift(RUN) == []
    points = [DriftPoint(epoch=1, step=4, blocks={"embed": 0.5}), DriftPoint(epoch=2, step=8, ranks={"query": 3})]
    write_drift(folder, points)
    assert read_drift(RUN) == points


def test_where_there_is_nothing_it_says_when_there_will_be(folder: Path) -> None:
    with pytest.raises(EngineError, match="when a fine-tuned run has finished") as error:
        read_record(RUN)
    assert error.value.kind is ErrorKind.NOT_FOUND
