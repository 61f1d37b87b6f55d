"""Data sets on disk: rows by windows, images by row, bin and back."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from engine import api
from engine.data.importing import import_data
from engine.errors import EngineError, ErrorKind
from engine.store import datasets as store
from engine.store.home import home

pytestmark = pytest.mark.usefixtures("import_in_process")  # the child has tests of its own


@pytest.fixture
def table(tmp_path: Path) -> tuple[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=500), "b": rng.integers(0, 9, 500), "label": ["x", "y"] * 250})
    frame.to_csv(tmp_path / "t.csv", index=False)
    return import_data([tmp_path / "t.csv"]).id, frame


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[str, np.ndarray]:
    images = np.random.default_rng(0).integers(0, 256, (40, 9, 7), dtype=np.uint8)
    np.savez(tmp_path / "p.npz", images=images, labels=np.arange(40) % 2)
    return import_data([tmp_path / "p.npz"]).id, images


def test_rows_come_by_windows_with_their_numbers(table: tuple[str, pd.DataFrame]) -> None:
    dataset_id, frame = table
    window = store.read_rows(dataset_id, offset=120, limit=30, columns=["b", "a"])
    assert list(window.index) == list(range(120, 150))
    assert list(window.columns) == ["b", "a"]
    np.testing.assert_allclose(window["a"], frame["a"][120:150])
    assert len(store.read_rows(dataset_id, offset=490, limit=30)) == 10
    assert store.read_rows(dataset_id, offset=9999).empty
    pd.testing.assert_frame_equal(store.read_table(dataset_id), frame, check_dtype=False)


def test_an_unknown_column_names_those_there_are(table: tuple[str, pd.DataFrame]) -> None:
    with pytest.raises(EngineError, match=r"no column c .* a, b, label") as caught:
        store.read_table(table[0], ["c"])
    assert caught.value.kind == ErrorKind.NOT_FOUND


def test_images_are_the_ones_that_went_in(pictures: tuple[str, np.ndarray]) -> None:
    dataset_id, images = pictures
    read = store.read_images(dataset_id, store.image_keys(dataset_id, [3, 39]))
    assert [image.shape for image in read] == [(9, 7, 1), (9, 7, 1)]
    np.testing.assert_array_equal(read[0][..., 0], images[3])
    np.testing.assert_array_equal(read[1][..., 0], images[39])


def test_thumbnails_are_png_and_small_ones_grow_in_whole_steps(pictures: tuple[str, np.ndarray]) -> None:
    dataset_id, images = pictures
    (png,) = store.thumbnails(dataset_id, [5], size_px=96)
    thumbnail = Image.open(io.BytesIO(png))
    assert thumbnail.format == "PNG"
    assert thumbnail.size == (70, 90)
    np.testing.assert_array_equal(np.asarray(thumbnail)[::10, ::10], images[5])
    with pytest.raises(EngineError, match="no row 40"):
        store.thumbnails(dataset_id, [40])


def test_deleted_data_sets_come_back(table: tuple[str, pd.DataFrame]) -> None:
    dataset_id, frame = table
    api.delete_dataset(dataset_id)
    assert api.datasets() == []
    with pytest.raises(EngineError) as caught:
        api.dataset(dataset_id)
    assert caught.value.kind == ErrorKind.NOT_FOUND
    api.restore_dataset(dataset_id)
    assert api.dataset(dataset_id).rows == len(frame)


@pytest.mark.parametrize("dataset_id", ["../../etc/passwd", "0123456789abcdeF", "", "0123456789abcdef"])
def test_an_id_that_is_none_is_not_found(dataset_id: str) -> None:
    for verb in (store.get_dataset, store.delete_dataset, store.restore_dataset, store.read_rows):
        with pytest.raises(EngineError) as caught:
            verb(dataset_id)
        assert caught.value.kind == ErrorKind.NOT_FOUND


def test_a_damaged_manifest_harms_no_other(table: tuple[str, pd.DataFrame]) -> None:
    broken = home() / "datasets" / "00000000000000ff"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    assert [record.id for record in store.list_datasets()] == [table[0]]
