"""How the GPUs of a machine are given to workers."""

import pytest

from engine.jobs.pool import Pool, gpus_per_worker


@pytest.mark.parametrize(
    ("gpus", "environment", "each"),
    [
        (0, {"KERAS_BACKEND": "jax", "LATHE_WORKERS": "1"}, 0),
        (4, {}, 1),
        (4, {"KERAS_BACKEND": "jax"}, 1),
        (4, {"KERAS_BACKEND": "jax", "LATHE_WORKERS": "1"}, 4),
        (4, {"KERAS_BACKEND": "jax", "LATHE_GPUS_PER_WORKER": "2"}, 2),
        (2, {"KERAS_BACKEND": "jax", "LATHE_GPUS_PER_WORKER": "8"}, 2),
        (4, {"KERAS_BACKEND": "jax", "LATHE_GPUS_PER_WORKER": "many"}, 1),
        (4, {"KERAS_BACKEND": "tensorflow", "LATHE_GPUS_PER_WORKER": "2"}, 1),  # its step runs on one
    ],
)
def test_gpus_are_divided_among_workers(
    gpus: int, environment: dict[str, str], each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KERAS_BACKEND", "LATHE_WORKERS", "LATHE_GPUS_PER_WORKER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert gpus_per_worker(gpus) == each


def test_there_are_as_many_workers_as_the_gpus_give() -> None:
    pool = Pool()
    assert pool.possible(3) == 3
    pool._gpus, pool._gpus_each = 5, 2
    assert pool.possible(9) == 2
