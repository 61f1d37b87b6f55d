"""What Design shows while one edits."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineError
from engine.specs import Modality, Part, Task
from engine.specs.models.graph import starting_graph
from engine.specs.records import ColumnRecord, DatasetRecord
from engine.specs.task import ColumnKind

sys.path.insert(0, str(Path(__file__).parent))
from model_cases import document, image_shape, preset, text_shape

pytestmark = pytest.mark.tensorflow


def record(rows: int = 1000, **changes: Any) -> DatasetRecord:
    values: dict[str, Any] = {
        "id": "0" * 16,
        "name": "pictures",
        "modality": Modality.IMAGE,
        "rows": rows,
        "columns": (ColumnRecord(name="label", kind=ColumnKind.CATEGORY, distinct=4),),
        "bytes": 1,
        "task": Task.IMAGE_CLASSIFICATION,
        "target": "label",
        "classes": ("a", "b", "c", "d"),
        "image_size_px": (28, 28),
        "channels": 3,
    }
    return DatasetRecord(**{**values, **changes})


def test_the_table_of_layers_tells_how_they_hang_together() -> None:
    from engine.models.describe import describe

    described = describe(document("image", preset("resnet", "resnet50")), encoder_info=image_shape(224))
    by_name = {layer.name: layer for layer in described.layers}
    assert described.trainable_parameters == 25_557_032
    assert described.parameters == sum(layer.parameters for layer in described.layers) == 25_610_152
    assert described.flops == sum(layer.flops for layer in described.layers)
    first = by_name["stage1_block1_add"]
    assert first.inputs == ("stage1_block1_shortcutnorm", "stage1_block1_norm3")
    assert first.group == "stage1_block1"
    assert first.output_shape == "(batch, 56, 56, 256)"
    assert by_name["image"].inputs == ()
    names = set(by_name)
    assert all(set(layer.inputs) <= names for layer in described.layers)


def test_no_weights_are_made_and_it_is_quick() -> None:
    import psutil

    from engine.models.describe import describe

    describe(document("text", preset("bert", "tiny")), encoder_info=text_shape(16, 100))  # what is imported once
    before = psutil.Process().memory_info().rss
    start = time.process_time()
    described = describe(document("text", preset("bert", "large")), encoder_info=text_shape(512, 30_522))
    seconds = time.process_time() - start
    assert described.parameters > 335_000_000  # 1.3 GB as float32
    assert psutil.Process().memory_info().rss - before < 300 * 2**20
    assert seconds < 5
    start = time.process_time()
    describe(document("text", preset("bert", "large"), seed=3), encoder_info=text_shape(512, 30_522))
    assert time.process_time() - start < 0.2  # the model's part of the document is the same


def test_nothing_is_left_to_be_initialised_later() -> None:
    import keras

    from engine.models.describe import describe

    describe(document("image", preset("vit", "tiny")), encoder_info=image_shape(32))
    with keras.StatelessScope():
        pass  # on leaving it, Keras initialises what is still waiting
    from keras.src.backend.common import global_state

    assert not global_state.get_global_attribute("uninitialized_variables")


def test_sizes_come_from_the_record_without_reading_data() -> None:
    from engine.models.describe import describe

    spec = document("image", preset("cnn", "small"), **{"data.preprocessing.image_size_px": 28})
    described = describe(spec, dataset=record())
    assert described.layers[0].output_shape == "(batch, 28, 28, 3)"
    assert described.layers[-1].output_shape == "(batch, 4)"
    with pytest.raises(EngineError):
        describe(spec)  # there is no such data set


def test_rows_of_an_epoch() -> None:
    from engine.models.describe import train_rows

    spec = document("image", preset("cnn", "tiny"))
    split = {"validation_fraction": 0.2, "test_fraction": 0.1}
    assert train_rows(spec.edit({"data.split": {"kind": "random", **split}}), record()) == 700
    assert train_rows(spec.edit({"data.split": {"kind": "k_fold", "folds": 5, **split}}), record()) == 720
    given = spec.edit({"data.split": {"kind": "given", **split}, "data.train_fraction": 0.5})
    parts = {Part.TRAIN: 600, Part.TEST: 400}
    assert train_rows(given, record(parts=parts)) == 240
    assert train_rows(given, record(parts={**parts, Part.VALIDATION: 100})) == 300


def test_warnings_say_what_to_do() -> None:
    from engine.models.describe import describe

    spec = document("image", preset("cnn", "large"), **{"training.batch_size": 4096})
    described = describe(spec, dataset=record(rows=10))
    assert any("learn them by heart" in warning for warning in described.warnings)
    assert any("larger than the train part of 7 rows" in warning for warning in described.warnings)
    assert [notice["message"].format(**notice["values"]) for notice in described.notices] == list(described.warnings)
    huge = describe(
        document("text", preset("bert", "large"), **{"training.batch_size": 4096}), encoder_info=text_shape(512, 30_522)
    )
    assert not huge.fits
    assert huge.memory_bytes > huge.available_bytes
    assert any("Lower the batch size" in warning for warning in huge.warnings)
    assert describe(document("image", preset("cnn", "tiny")), encoder_info=image_shape(28)).fits


def test_time_is_unknown_until_it_was_measured() -> None:
    from engine.models import speed
    from engine.models.describe import describe

    spec = document("image", preset("cnn", "tiny"))
    described = describe(spec, dataset=record())
    assert described.seconds_per_epoch is None
    speed.record("cnn", described.flops, samples_per_second=350.0)
    rows = 1000 * (1 - spec.data.split.validation_fraction - spec.data.split.test_fraction)
    assert describe(spec, dataset=record()).seconds_per_epoch == pytest.approx(rows / 350.0, rel=0.01)


def test_a_graph_groups_what_one_layer_of_the_editor_became() -> None:
    from engine.models.describe import describe

    described = describe(document("image", starting_graph(Modality.IMAGE)), encoder_info=image_shape(16, 1, 3))
    by_name = {layer.name: layer for layer in described.layers}
    assert by_name["conv_1.relu"].group == "conv_1"
    assert by_name["shortcut_1"].inputs == ("conv_3", "relu_1")
