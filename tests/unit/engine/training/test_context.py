"""The folder-backed context keeps what it is told, in order, from several threads."""

import threading
from pathlib import Path

from engine.specs.records import ExampleRecord
from engine.training.context import TRAINING, LocalContext, RunContext


def test_it_is_a_run_context(tmp_path: Path) -> None:
    assert isinstance(LocalContext(tmp_path / "run"), RunContext)


def test_metrics_come_back_by_key_in_order(tmp_path: Path) -> None:
    context = LocalContext(tmp_path)
    context.metrics(1, {"train/loss": 2.0})
    context.metrics(5, {"train/loss": 1.0, "val/loss": 1.5})
    assert context.history("train/loss") == [(1, 2.0), (5, 1.0)]
    assert context.history("val/loss") == [(5, 1.5)]
    assert context.history("val/accuracy") == []


def test_everything_else_is_kept(tmp_path: Path) -> None:
    context = LocalContext(tmp_path)
    context.phase(TRAINING)
    context.progress(epoch=1, step=10, total_steps=20, seconds_left=3.5)
    context.examples([ExampleRecord(row=3, truth="猫", prediction="dog", group="worst")])
    context.checkpoint_saved(tmp_path / "checkpoints" / "1")
    context.log("one line\n")
    assert context.read("phases")[0]["phase"] == "training"
    assert context.read("progress")[0]["seconds_left"] == 3.5
    assert context.read("examples")[0]["examples"][0]["truth"] == "猫"
    assert context.read("checkpoints")[0]["path"].endswith("1")
    assert (tmp_path / "log.txt").read_text() == "one line\n"


def test_a_stop_is_seen(tmp_path: Path) -> None:
    context = LocalContext(tmp_path)
    assert not context.stop_requested()
    context.request_stop()
    assert context.stop_requested()


def test_lines_of_several_threads_do_not_mix(tmp_path: Path) -> None:
    context = LocalContext(tmp_path)

    def write(first: int) -> None:
        for step in range(first, first + 50):
            context.metrics(step, {"train/loss": float(step)})

    threads = [threading.Thread(target=write, args=(50 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(context.history("train/loss")) == [(step, float(step)) for step in range(200)]
