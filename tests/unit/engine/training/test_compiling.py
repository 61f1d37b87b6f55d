"""Numbers that are turned run on the program that is there, and give bit for bit what a program of their own gives."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from engine.specs import RunSpec

pytestmark = pytest.mark.tensorflow

Spec = Callable[..., RunSpec]
EncodedFor = Callable[[RunSpec], Any]
STEPS = 6
# A document in which every live number is there: none is 0.
ALIVE = {
    "model__dropout": 0.2,
    "model__l1": 1e-4,
    "model__l2": 1e-4,
    "training__loss__label_smoothing": 0.1,
    "training__optimizer__weight_decay": 1e-3,
}


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    from engine.training.compiling import forget_all

    forget_all()
    yield
    forget_all()


def train(spec: RunSpec, encoded: Any) -> tuple[list[np.ndarray], Any]:
    """A few steps by the document; the weights and the stepper."""
    from engine.training.compiling import compiled_steps
    from engine.training.steps import Chunk

    rows, batch = encoded.train, spec.training.batch_size
    indices = np.arange(STEPS * batch)
    chunk = Chunk(rows.take(indices), rows.targets[indices], np.ones(len(indices), np.float32), batch)
    rates = np.full(STEPS, spec.training.optimizer.learning_rate, np.float32)
    with compiled_steps(spec, encoded) as stepper:
        stepper.train(chunk, rates, np.zeros(STEPS, np.float32))
        return stepper.state()["model"], stepper


def fresh(spec: RunSpec, encoded: Any) -> list[np.ndarray]:
    """The same on a program of its own."""
    from engine.training.compiling import forget_all

    forget_all()
    return train(spec, encoded)[0]


def assert_same(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    "change",
    [
        {"training.optimizer.learning_rate": 0.02},
        {"training.optimizer.weight_decay": 0.5},
        {"model.dropout": 0.6},
        {"training.loss.label_smoothing": 0.3},
        {"training.clip_norm": 0.01},
        {"model.l1": 0.02},
        {"model.l2": 0.1},
        {"seed": 5},
        {"seed": 6, "model.dropout": 0.4, "training.batch_size": 16},
    ],
    ids=lambda change: ", ".join(change),
)
def test_a_turned_number_needs_no_new_trace(change: dict[str, Any], table_spec: Spec, encoded_for: EncodedFor) -> None:
    from engine.training.compiling import compilations

    spec = table_spec(**ALIVE)
    encoded = encoded_for(spec)
    before, _ = train(spec, encoded)
    count = compilations()
    turned, stepper = train(spec.edit(change), encoded)
    assert compilations() == count
    assert stepper.traces == 1
    assert any(not np.array_equal(a, b) for a, b in zip(before, turned, strict=True))
    back, stepper = train(spec, encoded)
    assert_same(back, before)
    assert stepper.traces == 1
    assert_same(turned, fresh(spec.edit(change), encoded))


@pytest.mark.parametrize("change", [{"model.dropout": 0.5}, {"training.loss.label_smoothing": 0.2}], ids=str)
def test_where_zeros_are_kept_they_can_be_turned_up(
    change: dict[str, Any], table_spec: Spec, encoded_for: EncodedFor
) -> None:
    from engine.models.live import keep_zeros
    from engine.training.compiling import compilations

    spec = table_spec(model__dropout=0.0)
    encoded = encoded_for(spec)
    plain, turned_plain = train(spec, encoded)[0], fresh(spec.edit(change), encoded)
    keep_zeros(True)
    try:
        wide, _ = train(spec, encoded)
        count = compilations()
        turned, stepper = train(spec.edit(change), encoded)
        assert (compilations(), stepper.traces) == (count, 1)
        assert_same(turned, fresh(spec.edit(change), encoded))
    finally:
        keep_zeros(False)
    # The layers that rest change nothing: the weights are those of a run without them (their seeds stand beside).
    assert_weights_close(wide, plain)
    assert_weights_close(turned, turned_plain)


def assert_weights_close(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    ours = [x for x in a if x.dtype == np.float32]
    theirs = [x for x in b if x.dtype == np.float32]
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_another_structure_gets_a_program_of_its_own(table_spec: Spec, encoded_for: EncodedFor) -> None:
    from engine.training.compiling import compilations

    spec = table_spec()
    encoded = encoded_for(spec)
    train(spec, encoded)
    count = compilations()
    for change in ({"model.units": [8]}, {"model.activation": "tanh"}, {"training.optimizer.kind": "sgd"}):
        train(spec.edit(change), encoded)
    assert compilations() == count + 3


def test_a_program_that_diverged_is_used_again(table_spec: Spec, encoded_for: EncodedFor) -> None:
    from engine.errors import EngineError, ErrorKind
    from engine.training.compiling import compilations, compiled_steps

    spec = table_spec()
    encoded = encoded_for(spec)
    before, _ = train(spec, encoded)
    count = compilations()

    def diverge() -> None:
        with compiled_steps(spec, encoded) as stepper:
            stepper.load_state({"model": [np.full_like(v, 7) for v in stepper.state()["model"]]})
            raise EngineError(ErrorKind.DIVERGED, "diverged")

    with pytest.raises(EngineError):
        diverge()
    assert_same(train(spec, encoded)[0], before)
    assert compilations() == count
