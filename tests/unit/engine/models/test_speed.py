"""How fast this machine trains."""

import pytest

pytestmark = pytest.mark.tensorflow


def test_finished_runs_teach_and_the_middle_counts() -> None:
    from engine.models import speed

    assert speed.seconds_per_epoch("cnn", 1000, 500) is None
    for samples_per_second in (100.0, 200.0, 1.0):  # one run was disturbed
        speed.record("cnn", 1000, samples_per_second)
    assert speed.seconds_per_epoch("cnn", 1000, 500) == pytest.approx(5.0)
    assert speed.seconds_per_epoch("cnn", 2000, 500) == pytest.approx(10.0)
    assert speed.seconds_per_epoch("vit", 1000, 500) is None  # another family says nothing of this one
    speed.record("cnn", 0, 5.0)
    assert speed.seconds_per_epoch("cnn", 1000, 500) == pytest.approx(5.0)


def test_short_runs_teach_nothing() -> None:
    import keras

    from engine.models import speed

    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(5, use_bias=False)])
    speed.learn("mlp", model, samples=1000, seconds=2.0)
    assert speed.seconds_per_epoch("mlp", 100, 500) is None
    speed.learn("mlp", model, samples=1000, seconds=10.0)  # 100 operations a sample
    assert speed.seconds_per_epoch("mlp", 100, 500) == pytest.approx(5.0)


def test_a_broken_file_is_measured_anew() -> None:
    from engine.models import speed

    speed.record("cnn", 1000, 100.0)
    speed._path().write_text("{")
    assert speed.seconds_per_epoch("cnn", 1000, 500) is None


def test_calibration_measures_once() -> None:
    from engine.models import speed

    rate = speed.calibrate()
    assert 1e8 < rate < 1e16
    assert speed.calibrate() == rate
    assert speed.seconds_per_epoch("vit", 1000, 500) == pytest.approx(3 * 1000 * 500 / rate)
