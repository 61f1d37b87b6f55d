"""Every kind and size of data gets a whole document; what it is worth is measured by bench/defaults.py."""

from itertools import product

import pytest

from engine.data.defaults_model import FEW_ROWS, Facts, choose_model, table_bins
from engine.specs import RunSpec, Task

SIZES = (10, 150, 1_000, 5_000, 60_000, 2_000_000)


def document(task: Task, rows: int) -> RunSpec:
    facts = Facts(task.modality, task, rows, classes=2, image_size_px=28, channels=1, tokens="words")
    model, training = choose_model(task, facts)
    data = {"dataset": "0" * 16, "task": task, "preprocessing": {"kind": task.modality}}
    return RunSpec.parse({"data": data, "model": model, "training": training})


@pytest.mark.parametrize(("task", "rows"), list(product(Task, SIZES)))
def test_every_kind_and_size_of_data_gets_a_document(task: Task, rows: int) -> None:
    spec = document(task, rows)
    assert 0 < spec.training.max_train_time_s <= 180
    assert spec.training.batch_size <= max(32, rows)


@pytest.mark.parametrize("task", Task)
def test_few_rows_do_not_choose_an_epoch_by_a_handful_of_validation_rows(task: Task) -> None:
    assert not document(task, FEW_ROWS - 1).training.early_stopping.restore_best
    assert document(task, FEW_ROWS).training.early_stopping.restore_best


@pytest.mark.parametrize("task", Task)
def test_more_rows_never_ask_for_more_epochs(task: Task) -> None:
    """Within each recipe; between the one for few rows and the one for many there may be a step."""
    epochs = [document(task, rows).training.epochs for rows in SIZES if rows >= FEW_ROWS]
    assert epochs == sorted(epochs, reverse=True)


def test_many_pixels_get_the_quick_network() -> None:
    def filters(rows: int) -> tuple[int, ...]:
        return tuple(document(Task.IMAGE_CLASSIFICATION, rows).model.filters)  # type: ignore[attr-defined]

    assert len(filters(60_000)) < len(filters(1_000))


def test_bins_are_finer_where_rows_can_fill_them() -> None:
    assert table_bins(500) < table_bins(50_000)
