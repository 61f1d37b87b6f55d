"""Samples that need no network come in whole; an unknown one is named."""

import pytest

from engine.data.samples import import_sample, samples
from engine.errors import EngineError, ErrorKind
from engine.specs import Task

PUBLISHED = {
    "digits": (Task.IMAGE_CLASSIFICATION, "label", 1797),  # Alpaydin & Kaynak 1998, the test part
    "breast-cancer": (Task.TABLE_CLASSIFICATION, "diagnosis", 569),  # Street et al. 1993
    "diabetes": (Task.TABLE_REGRESSION, "progression", 442),  # Efron et al. 2004
}


@pytest.mark.slow
@pytest.mark.parametrize("sample", PUBLISHED)
def test_samples_hold_what_was_published(sample: str) -> None:
    told: list[float] = []
    record = import_sample(sample, lambda share, text: told.append(share))
    assert (record.task, record.target, record.rows) == PUBLISHED[sample]
    assert record.licence
    assert told == sorted(told)


def test_what_needs_no_network_is_offered_first() -> None:
    needs = [sample.needs_network for sample in samples()]
    assert needs == sorted(needs)
    assert needs.count(True) == 3
    assert all(sample.bytes for sample in samples() if sample.needs_network)


def test_an_unknown_sample_names_those_there_are() -> None:
    with pytest.raises(EngineError, match="nothing") as caught:
        import_sample("nothing")
    assert caught.value.kind is ErrorKind.NOT_FOUND
    assert "digits" in caught.value.hint.format(**caught.value.values)
