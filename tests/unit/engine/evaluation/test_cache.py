"""Baselines are fitted once for the same data and split."""

from dataclasses import replace

import numpy as np
import pytest

from engine.data.load import Prepared
from engine.evaluation import cache
from engine.specs import Part
from engine.store.home import cache_dir


def test_the_second_time_nothing_is_fitted(numbers_table: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cache.cached_baselines(numbers_table, [Part.TEST])

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(cache, "fit_baselines", refuse)
    second = cache.cached_baselines(numbers_table, [Part.TEST])
    assert [one.name for one in second] == [one.name for one in first]
    np.testing.assert_array_equal(second[1].predictions[Part.TEST], first[1].predictions[Part.TEST])


def test_another_split_seed_or_part_is_fitted_anew(numbers_table: Prepared) -> None:
    cache.cached_baselines(numbers_table, [Part.TEST])
    other = numbers_table.spec.model_copy(update={"split": numbers_table.spec.split.model_copy(update={"seed": 5})})
    cache.cached_baselines(replace(numbers_table, spec=other), [Part.TEST])
    cache.cached_baselines(numbers_table, [Part.TEST], seed=1)
    cache.cached_baselines(numbers_table, [Part.VALIDATION, Part.TEST])
    assert len(list((cache_dir() / "baselines").glob("*.npz"))) == 4


def test_half_a_file_is_fitted_anew(numbers_table: Prepared) -> None:
    cache.cached_baselines(numbers_table, [Part.TEST])
    file = next((cache_dir() / "baselines").glob("*.npz"))
    file.write_bytes(file.read_bytes()[:100])
    assert len(cache.cached_baselines(numbers_table, [Part.TEST])) == 2
