"""Ray and the actors on it: started, watched, replaced. The only file that knows Ray."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import socket
import tempfile
from concurrent.futures import Future
from dataclasses import astuple, dataclass, field
from typing import Any

import psutil

from engine.jobs.desk import LANES, Desk
from engine.jobs.prober import Prober
from engine.jobs.tuner import Tuner
from engine.jobs.worker import DEFAULT_JOB, Worker
from engine.specs.records import WorkerRecord
from engine.store.home import home
from engine.store.queue import Claim
from engine.store.wishes import wished_workers

_OBJECT_STORE_BYTES = 200 * 2**20  # arguments and answers are small; data are read from the workspace
_MAX_RUNS = 50  # a worker is replaced after so many: what leaks, leaks for so long
_CARRIED = ("LATHE_", "MLFLOW_TRACKING_URI", "KERAS_BACKEND", "TF_", "XLA_FLAGS", "OMP_NUM_THREADS")
log = logging.getLogger("lathe.engine")


@dataclass
class Seat:
    """One actor and what it is doing."""

    name: str
    actor: Any
    ready: Future[Any]
    state: str = "starting"
    claim: Claim | None = None
    task: Future[Any] | None = None
    info: dict[str, Any] = field(default_factory=dict)
    runs: int = 0
    leaving: bool = False  # takes no more runs, and goes when it has done what it has

    def to_record(self) -> WorkerRecord:
        """As Home shows it."""
        pid = self.info.get("pid")
        memory = self.info.get("memory_bytes", 0)
        with contextlib.suppress(psutil.Error):
            memory = psutil.Process(pid).memory_info().rss if pid else 0
        return WorkerRecord(
            name=self.name,
            state=self.state,  # type: ignore[arg-type]  # only the four words of the record are written here
            run_id=self.claim.run_id if self.claim else "",
            memory_bytes=memory,
            device=self.info.get("device", "CPU"),
        )


class Pool:
    """Workers, desk and prober.

    Args:
        job: "module:function" that workers call; another one than the default in tests of the machinery.
        verbs: further verbs for the desk, of the same form.
    """

    def __init__(self, job: str = DEFAULT_JOB, verbs: dict[str, str] | None = None) -> None:
        self._job = job
        self._verbs = verbs or {}
        self._temporary = ""
        self.seats: list[Seat] = []
        self._gpus = self._gpus_each = 0
        self.desk: Seat | None = None
        self.tuner: Seat | None = None
        self.prober: Seat | None = None
        me = psutil.Process()
        self._engine = (socket.gethostname(), me.pid, me.create_time())

    def start(self) -> None:
        """Start Ray (or join the cluster of `RAY_ADDRESS`), then the workers; they warm up by themselves."""
        self._start_ray()
        import ray

        gpus = self._gpus = int(ray.cluster_resources().get("GPU", 0))
        self._gpus_each = gpus_per_worker(gpus)
        count = self.possible(wished_workers() or _worker_count(gpus))
        self._environment = _environment(count if not gpus else 1)
        self.seats = [self._seat(i) for i in range(count)]

    def stop(self) -> None:
        """Shut Ray down and remove its files."""
        import ray

        ray.shutdown()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def give(self, seat: Seat, claim: Claim) -> None:
        """Hand a claimed run to an idle worker."""
        seat.claim, seat.state = claim, "busy"
        seat.task = seat.actor.run.remote(astuple(claim)).future()

    def ask_desk(self, lane: str, verb: str, document: dict[str, Any]) -> Future[Any]:
        """Hand a question to the desk."""
        if self.desk is None:
            raise RuntimeError("the desk has not been started")
        return self.desk.actor.answer.options(concurrency_group=lane).remote(verb, document).future()

    def verbs_of(self, lane: str) -> tuple[str, ...]:
        """The verbs that are answered in a lane; further ones are quick."""
        return (*LANES[lane], *(self._verbs if lane == "quick" else ()))

    def replace(self, seat: Seat) -> None:
        """A fresh worker in place of one that died or has grown too large."""
        self._kill(seat)
        self.seats[self.seats.index(seat)] = self._seat(int(seat.name.rsplit(" ", 1)[-1]) - 1)

    def start_desk(self) -> None:
        """A desk, or a fresh one in place of one that died."""
        if self.desk is not None:
            self._kill(self.desk)
        self.desk = self._desk()

    def start_prober(self) -> None:
        """A prober, or a fresh one in place of one that died or has grown too large."""
        if self.prober is not None:
            self._kill(self.prober)
        self.prober = self._new_prober()

    def let_probe(self) -> None:
        """Let a prober that is warm take probes until it has to be replaced."""
        if self.prober is not None:
            self.prober.task = self.prober.actor.serve.remote(_memory_limit()).future()

    @property
    def does_probe(self) -> bool:
        """False in tests of the machinery, whose jobs train nothing."""
        return self._job == DEFAULT_JOB

    def add(self) -> Seat:
        """One worker more, with the lowest number that is free."""
        taken = {int(seat.name.rsplit(" ", 1)[-1]) for seat in self.seats}
        index = next(i for i in range(len(taken) + 1) if i + 1 not in taken)
        self._environment = _environment(1 if self._gpus else len(self.seats) + 1)
        self.seats.append(self._seat(index))
        return self.seats[-1]

    def dismiss(self, seat: Seat) -> None:
        """One worker less."""
        self._kill(seat)
        self.seats.remove(seat)

    def possible(self, wished: int) -> int:
        """How many workers there can be: each has a GPU of its own where there are any."""
        return min(wished, self._gpus // self._gpus_each) if self._gpus else wished

    def start_tuner(self) -> None:
        """The process of the oracles; it sees no GPU."""
        import ray

        remote = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)(Tuner)
        actor = remote.remote(self._environment, self._engine)
        self.tuner = Seat("tuner", actor, actor.warm_up.remote().future())

    def end_tuner(self) -> None:
        """Let the process of the oracles go; what it knew is in the store."""
        if self.tuner is not None:
            self._kill(self.tuner)
            self.tuner = None

    def kill_all(self) -> None:
        """End all actors at once."""
        for seat in [*self.seats, *(seat for seat in (self.desk, self.prober, self.tuner) if seat)]:
            self._kill(seat)

    def is_worn(self, seat: Seat) -> bool:
        """True where a worker should be replaced before its next run."""
        return seat.runs >= _MAX_RUNS or seat.info.get("memory_bytes", 0) > _memory_limit()

    def _kill(self, seat: Seat) -> None:
        import ray

        with contextlib.suppress(Exception):  # it is gone already
            ray.kill(seat.actor)

    def _seat(self, index: int) -> Seat:
        import ray

        options = {"num_cpus": 0, "num_gpus": self._gpus_each, "max_restarts": 0, "max_task_retries": 0}
        actor = ray.remote(**options)(Worker).remote(self._environment, self._engine, self._job)
        return Seat(f"worker {index + 1}", actor, actor.warm_up.remote().future())

    def _desk(self) -> Seat:
        import ray

        groups = dict.fromkeys(LANES, 1)
        remote = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0, concurrency_groups=groups)(Desk)
        # The desk sees no GPU: workers own those, and its answers are small.
        environment = self._environment | {"CUDA_VISIBLE_DEVICES": "-1"}
        actor = remote.remote(environment, self._engine, self._verbs)
        return Seat("desk", actor, actor.warm_up.remote().future())

    def _new_prober(self) -> Seat:
        import ray

        # No GPU of its own by Ray's count: it shares the last one, whose memory is taken as it is needed.
        gpus = int(ray.cluster_resources().get("GPU", 0))
        shared = {"CUDA_VISIBLE_DEVICES": str(gpus - 1)} if gpus else {}
        remote = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)(Prober)
        actor = remote.remote(self._environment | shared, self._engine)
        return Seat("prober", actor, actor.warm_up.remote().future())

    def _start_ray(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # telemetry off
        os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))  # Ray would set 1
        if os.environ.get("RAY_ADDRESS"):
            import ray

            ray.init(log_to_driver=False, logging_level=logging.WARNING)
            return
        # Ray listens on all interfaces unless it believes that it cannot form a cluster: then on loopback only.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else one is written to the home folder
        import ray

        # Short: paths of Unix sockets may have 107 characters.
        self._temporary = tempfile.mkdtemp(prefix="lathe-ray-")
        ray.init(
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.WARNING,
            object_store_memory=_OBJECT_STORE_BYTES,
            _node_ip_address="127.0.0.1",
            _temp_dir=self._temporary,
            _system_config={"enable_worker_prestart": False, "prestart_worker_first_driver": False},
        )


def _memory_limit() -> int:
    """Bytes beyond which a process is replaced: `LATHE_WORKER_MEMORY_MB`, else a quarter of the machine's memory."""
    limit = int(os.environ.get("LATHE_WORKER_MEMORY_MB", "0")) * 2**20 or psutil.virtual_memory().total // 4
    return max(limit, 3 * 2**30)


def gpus_per_worker(gpus: int) -> int:
    """GPUs that each worker owns: `LATHE_GPUS_PER_WORKER`; all of them where there is to be one worker; else one.

    Several need a step that divides its rows among them, which only the JAX backend has.

    Args:
        gpus: of the machine or cluster.
    """
    if not gpus:
        return 0
    text = os.environ.get("LATHE_GPUS_PER_WORKER", "")
    alone = gpus if os.environ.get("LATHE_WORKERS") == "1" else 1
    wanted = int(text) if text.isdigit() and int(text) > 0 else alone
    if os.environ.get("KERAS_BACKEND") != "jax":
        if wanted > 1 and text:
            log.warning("several GPUs in one worker need KERAS_BACKEND=jax; each worker gets one")
        return 1
    return min(wanted, gpus)


def _worker_count(gpus: int) -> int:
    wanted = os.environ.get("LATHE_WORKERS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return min(int(wanted), 64) if not gpus else min(int(wanted), gpus)
    return gpus or max(1, (os.cpu_count() or 1) // 2)


def _environment(workers_sharing: int) -> dict[str, str]:
    carried = {key: value for key, value in os.environ.items() if key.startswith(_CARRIED)}
    if workers_sharing > 1:  # several workers share the processor
        threads = str(max(1, (os.cpu_count() or 1) // workers_sharing))
        carried |= {"OMP_NUM_THREADS": threads, "TF_NUM_INTRAOP_THREADS": threads}
    return carried | {"LATHE_HOME": str(home()), "TF_CPP_MIN_LOG_LEVEL": "2"}
