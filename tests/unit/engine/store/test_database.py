import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.errors import EngineError, ErrorKind
from engine.store import database, runs
from engine.store.schema import SCHEMA_VERSION, meta


def refused() -> EngineError:
    with pytest.raises(EngineError) as error:
        runs.count_runs()
    return error.value


def test_the_workspace_file_is_the_default(workspace: Path) -> None:
    assert runs.count_runs() == 0
    assert (workspace / "lathe.db").is_file()
    assert database.tracking_uri() == f"sqlite:///{workspace / 'lathe.db'}"


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("postgresql://lathe:secret@db/lathe", "postgresql+psycopg://lathe:secret@db/lathe"),
        ("postgres://db/lathe", "postgresql+psycopg://db/lathe"),
        ("postgresql+psycopg://db/lathe", "postgresql+psycopg://db/lathe"),
        ("sqlite:////data/team.db", "sqlite:////data/team.db"),
    ],
)
def test_a_database_of_mlflow_holds_lathes_tables_too(uri: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert database.database_url() == url
    assert database.has_mlflow_tables()


def test_beside_an_mlflow_server_the_workspace_file_holds_them(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert database.database_url() == f"sqlite:///{workspace / 'lathe.db'}"
    assert not database.has_mlflow_tables()


def test_another_kind_of_address_is_refused_without_telling_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mysql://user:secret@db/lathe")
    error = refused()
    assert error.kind is ErrorKind.BAD_INPUT
    assert "secret" not in str(error)


def test_a_stopped_server_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://lathe:secret@127.0.0.1:1/lathe")
    error = refused()
    assert error.kind is ErrorKind.UNAVAILABLE
    assert "secret" not in str(error)


def test_a_file_that_is_no_database_is_one_sentence(workspace: Path) -> None:
    workspace.mkdir(parents=True)
    (workspace / "lathe.db").write_text("this is not a database " * 100)
    assert refused().kind is ErrorKind.UNAVAILABLE


def test_a_store_locked_by_another_program_is_one_sentence(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    runs.count_runs()
    other = sqlite3.connect(workspace / "lathe.db")
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(EngineError) as error, database.writing():
            pass
        assert error.value.kind is ErrorKind.UNAVAILABLE
        assert "locked" in str(error.value)
    finally:
        other.close()
    with database.writing():  # and it goes on as soon as the other one is gone
        pass


def test_a_full_disk_is_one_sentence() -> None:
    runs.count_runs()

    def write_too_much() -> None:
        with database.writing() as connection:
            pages = connection.execute(sa.text("PRAGMA page_count")).scalar()
            connection.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
            connection.execute(meta.insert(), [{"key": f"k{i}", "value": "x" * 10_000} for i in range(100)])

    with pytest.raises(EngineError) as error:
        write_too_much()
    assert error.value.kind is ErrorKind.OUT_OF_DISK


def test_a_workspace_of_a_newer_lathe_is_left_alone() -> None:
    runs.count_runs()
    with database.writing() as connection:
        connection.execute(meta.update().values(value=str(SCHEMA_VERSION + 1)))
    database.disconnect()
    error = refused()
    assert error.kind is ErrorKind.CONFLICT
    assert "newer" in str(error)


LIGHT = """
import sys
from engine import api
api.runs(), api.count_runs(), api.engine_state()
heavy = {"keras", "tensorflow", "ray", "mlflow", "torch", "jax"} & set(sys.modules)
assert not heavy, heavy
import psutil
print(psutil.Process().memory_info().rss // 2**20)
"""


def test_listing_runs_stays_light() -> None:
    answer = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) < 150  # MiB; the page process has 400 for everything


@pytest.fixture
def postgresql(tmp_path: Path) -> str:
    """A PostgreSQL of its own on a Unix socket; skips where none is installed."""
    folders = [path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    if not folders:
        pytest.skip("PostgreSQL is not installed here")
    return str(folders[-1])


def test_runs_live_in_postgresql_too(postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import pwd
    import shutil
    import tempfile

    from engine.specs import RunSpec, RunStatus
    from engine.store import lease, questions, queue

    folder = Path(tempfile.mkdtemp(prefix="lathe-pg-"))  # short: it holds a Unix socket
    command: list[str] = []
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("there is no user for PostgreSQL here")
        os.chown(folder, user.pw_uid, user.pw_gid)
        command = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    start = [*command, f"{postgresql}/pg_ctl", "-D", str(data), "-w", "-o", f"-k {folder} -c listen_addresses=''"]
    subprocess.run(
        [*command, f"{postgresql}/initdb", "-D", data, "-U", "lathe", "-A", "trust"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run([*start, "-l", str(folder / "log"), "start"], check=True, stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql://lathe@/postgres?host={folder}")
        spec = RunSpec.parse(
            {
                "data": {"dataset": "0" * 16, "task": "table_regression", "preprocessing": {"kind": "table"}},
                "model": {"kind": "mlp"},
                "training": {"loss": {"kind": "mse"}},
            }
        )
        assert len({runs.add_run(spec, token="form") for _ in range(3)}) == 1
        claim = queue.claim_next()
        assert claim is not None
        assert queue.write_progress(claim, {"step": 3}, {"val/rmse": 2.0}, seconds=1.0)
        assert queue.finish(claim, RunStatus.FINISHED)
        runs.update_run(claim.run_id, note="a note", tags={"k": "v"})
        listed = runs.list_runs(search="note", tag="k=v", sort="-val/rmse")
        assert [(record.id, record.step) for record in listed] == [(claim.run_id, 3)]
        held = lease.Lease()
        assert held.acquire()
        assert not lease.Lease().acquire()
        key = questions.put("describe", {}, timeout_s=5)
        assert questions.take(("describe",)) is not None
        questions.answer(key, {"a": 1})
        assert questions.answer_of(key) == {"a": 1}
        questions.clean_up()
    finally:
        database.disconnect()
        stop = [*command, f"{postgresql}/pg_ctl", "-D", str(data), "-m", "immediate", "stop"]
        subprocess.run(stop, check=False, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_workspace_of_an_older_lathe_gets_the_tables_and_columns_it_lacks(workspace: Path) -> None:
    run_id = queue_one()
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE lathe_runs DROP COLUMN checkpoint_asked")
        connection.exec_driver_sql("DROP TABLE lathe_questions")
        connection.exec_driver_sql("DROP INDEX lathe_runs_parent")
    database.disconnect()  # the next process to come opens it with the newer program
    with database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT id, checkpoint_asked FROM lathe_runs").fetchall()
        assert [tuple(row) for row in rows] == [(run_id, 0)]
        assert connection.exec_driver_sql("SELECT count(*) FROM lathe_questions").scalar() == 0
        assert "lathe_runs_parent" in {index["name"] for index in sa.inspect(connection).get_indexes("lathe_runs")}


def queue_one() -> str:
    from engine.specs import RunSpec

    data = {"dataset": "0" * 16, "task": "table_regression", "preprocessing": {"kind": "table"}}
    return runs.add_run(RunSpec.parse({"data": data, "model": {"kind": "mlp"}, "training": {"loss": {"kind": "mse"}}}))
