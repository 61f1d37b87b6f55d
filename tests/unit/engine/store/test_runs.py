import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus
from engine.store import queue, runs
from engine.store.database import connect, writing
from engine.store.schema import details, values
from engine.store.schema import runs as runs_table


def document(**changes: object) -> RunSpec:
    spec = RunSpec.parse(
        {
            "data": {
                "dataset": "0" * 16,
                "name": "Houses",
                "task": "table_regression",
                "preprocessing": {"kind": "table"},
            },
            "model": {"kind": "mlp"},
            "training": {"loss": {"kind": "mse"}},
        }
    )
    return spec.edit(changes)


def test_a_new_run_waits_and_carries_its_document() -> None:
    spec = document(name="first")
    record = runs.get_run(runs.add_run(spec))
    assert (record.name, record.status, record.spec, record.attempt) == ("first", RunStatus.SCHEDULED, spec, 0)
    assert record.dataset_name == "Houses"
    assert record.metrics == {}
    assert record.sparkline == ()


def test_twenty_threads_with_one_form_make_one_run() -> None:
    with ThreadPoolExecutor(20) as pool:
        ids = set(pool.map(lambda _: runs.add_run(document(), token="form"), range(20)))
    assert len(ids) == 1
    assert runs.count_runs() == 1


def test_without_a_token_every_submit_is_a_run() -> None:
    assert runs.add_run(document()) != runs.add_run(document())


def test_a_prefix_finds_a_run_where_it_is_unique() -> None:
    ids = [runs.add_run(document()) for _ in range(17)]  # 17 ids over 16 first digits: two begin alike
    assert runs.get_run(ids[0]).id == ids[0]
    first_digits = [run_id[0] for run_id in ids]
    double = next(digit for digit in first_digits if first_digits.count(digit) > 1)
    with pytest.raises(EngineError) as error:
        runs.get_run(double)
    assert error.value.kind is ErrorKind.BAD_INPUT
    for missing in ("nothing", "", "%", "_"):
        with pytest.raises(EngineError) as error:
            runs.get_run(missing)
        assert error.value.kind is ErrorKind.NOT_FOUND


def test_lists_search_filter_and_sort() -> None:
    small, large = runs.add_run(document(name="small net")), runs.add_run(document(name="large net"))
    runs.update_run(small, note="with 100% care", tags={"paper": "", "stage": "draft"})
    with writing() as connection:
        connection.execute(values.insert(), [{"run_id": large, "key": "val/rmse", "value": 2.0}])
    assert [r.id for r in runs.list_runs()] == [large, small]
    assert [r.id for r in runs.list_runs(sort="created_at")] == [small, large]
    assert [r.id for r in runs.list_runs(sort="name")] == [large, small]
    assert [r.id for r in runs.list_runs(sort="val/rmse")] == [large, small]  # without a value: last
    assert [r.id for r in runs.list_runs(sort="-val/rmse")] == [large, small]
    for search in ("SMALL", "net small", "100%", "draft", "paper"):
        assert [r.id for r in runs.list_runs(search=search)] == [small], search
    assert runs.count_runs(search="houses mlp") == 2
    assert runs.count_runs(search="_") == 2  # table_regression: the sign itself, not "any letter"
    assert runs.count_runs(search="100_") == 0
    assert [r.id for r in runs.list_runs(tag="stage=draft")] == [small]
    assert [r.id for r in runs.list_runs(tag="paper")] == [small]
    assert runs.list_runs(tag="stage=dra") == []
    assert runs.count_runs(status=RunStatus.FINISHED) == 0
    assert runs.count_runs(dataset_id="0" * 16) == 2
    assert [r.id for r in runs.list_runs(offset=1, limit=1)] == [small]


def test_names_notes_and_tags_are_replaced_one_by_one() -> None:
    run_id = runs.add_run(document(name="a"))
    runs.update_run(run_id, tags={" key ": " value "})
    runs.update_run(run_id, note="note")
    runs.update_run(run_id, name="  ")  # a run keeps a name
    record = runs.get_run(run_id)
    assert (record.name, record.note, record.tags) == ("a", "note", {"key": "value"})


def test_deleted_runs_go_to_the_bin_and_come_back() -> None:
    run_id = runs.add_run(document())
    runs.delete_runs([run_id])
    assert runs.list_runs() == []
    assert [r.id for r in runs.list_runs(deleted=True)] == [run_id]
    assert queue.claim_next() is None  # it has left the queue
    runs.restore_runs([run_id])
    assert [r.status for r in runs.list_runs()] == [RunStatus.KILLED]


def test_a_running_run_is_not_deleted() -> None:
    waiting, running = runs.add_run(document()), runs.add_run(document())
    queue.reorder([running, waiting])
    claim = queue.claim_next()
    assert claim is not None
    assert claim.run_id == running
    with pytest.raises(EngineError) as error:
        runs.delete_runs([waiting, running])
    assert error.value.kind is ErrorKind.CONFLICT
    assert runs.count_runs() == 2


def test_a_document_of_another_version_does_not_break_the_list() -> None:
    broken, whole = runs.add_run(document()), runs.add_run(document())
    with writing() as connection:
        text = json.dumps({"version": 99})
        connection.execute(details.update().where(details.c.run_id == broken).values(spec=text))
    assert [r.id for r in runs.list_runs()] == [whole]
    with pytest.raises(EngineError) as error:
        runs.get_run(broken)
    assert error.value.kind is ErrorKind.CONFLICT


def test_a_page_of_ten_thousand_runs_is_quick() -> None:
    text = document().model_dump_json()
    rows = [
        {"id": f"{i:016x}", "name": f"run {i}", "status": "FINISHED", "search": f"run {i}\nhouses\nmlp", "position": i}
        | {"created_at": float(i), "dataset_id": "0" * 16}
        for i in range(10_000)
    ]
    with writing() as connection:
        connection.execute(runs_table.insert(), rows)
        connection.execute(details.insert(), [{"run_id": row["id"], "spec": text} for row in rows])
        connection.execute(
            values.insert(), [{"run_id": row["id"], "key": "val/rmse", "value": row["created_at"]} for row in rows]
        )
    runs.list_runs()  # opens the connection
    for arguments in ({}, {"search": "run 77"}, {"sort": "-val/rmse"}, {"sort": "name", "offset": 5000}):
        started = time.perf_counter()
        found = runs.list_runs(**arguments)  # type: ignore[arg-type]
        assert len(found) == 50
        assert time.perf_counter() - started < 0.5  # a few ms; the bound is for a busy machine


PARALLEL_START = """
import sys
from engine.specs import RunSpec
from engine.store.runs import add_run
print(add_run(RunSpec.parse(sys.argv[1]), token="one form"))
"""


@pytest.mark.slow
def test_processes_that_start_together_make_one_store_and_one_run(workspace: Path) -> None:
    command = [sys.executable, "-c", PARALLEL_START, document().model_dump_json()]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(8)]
    outputs = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0] * 8, outputs
    assert len({out for out, _ in outputs}) == 1
    with connect().connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
