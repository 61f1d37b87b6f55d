import subprocess
import sys
import time

import psutil
import pytest

from engine.specs.records import EngineState
from engine.store import lease
from engine.store.database import writing
from engine.store.schema import engine_lease

HOLD = """
import sys, time
from engine.store.lease import Lease
held = Lease()
print(held.acquire(), flush=True)
time.sleep(600)
"""


def test_one_engine_holds_the_lease_until_it_gives_it_up() -> None:
    first, second = lease.Lease(), lease.Lease()
    assert lease.read_state() is None
    assert first.acquire()
    assert not second.acquire()
    assert first.renew(EngineState(state="ready"), [])
    state = lease.read_state()
    assert state is not None
    assert state.state == "ready"
    assert not second.renew(None, [])
    first.release()
    assert lease.read_state() is None
    assert second.acquire()
    assert not first.renew(None, [])


def test_a_lease_without_a_heartbeat_is_taken_over() -> None:
    first, second = lease.Lease(), lease.Lease()
    assert first.acquire()
    with writing() as connection:
        connection.execute(engine_lease.update().values(heartbeat=time.time() - 60))
    assert lease.engine_pid() is None
    assert second.acquire()
    assert not first.renew(None, [])  # and the first one, should it wake up, learns of it


def test_the_lease_of_a_killed_engine_is_free_at_once_and_its_children_are_swept() -> None:
    left_behind = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as engine:
            assert engine.stdout is not None
            assert engine.stdout.readline().strip() == "True"
            processes = [
                [left_behind.pid, psutil.Process(left_behind.pid).create_time()],
                [stranger.pid, 1.0],  # a process id that has been used again since
            ]
            with writing() as connection:
                connection.execute(engine_lease.update().values(processes=str(processes)))
            assert not lease.Lease().acquire()
            engine.kill()
            engine.wait()
        assert lease.Lease().acquire()
        assert left_behind.wait(10) != 0
        assert stranger.poll() is None
    finally:
        for process in (left_behind, stranger):
            process.kill()
            process.wait()


def test_a_lease_on_another_machine_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lease.Lease().acquire()
    with writing() as connection:  # its process id means nothing here
        connection.execute(engine_lease.update().values(host="elsewhere", pid=2**22 + 1))
    assert not lease.Lease().acquire()
