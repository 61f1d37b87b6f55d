"""Bringing files into the workspace, in a child process with limits; the same content gives the same id.

The child writes into a folder of its own; only when everything is there and synced is it renamed into place. Whatever
goes wrong before that leaves nothing behind: the folder is removed here, or by the next import where this process died.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.data.import_child import out_of_memory
from engine.data.limits import CHILD_MEMORY_BYTES, CHILD_TIMEOUT_S, RESERVED_DISK_BYTES
from engine.errors import EngineError, ErrorKind
from engine.specs.records import DatasetRecord
from engine.store.datasets import get_dataset
from engine.store.home import dataset_dir, home
from engine.text import N_

Progress = Callable[[float, str], None]
_PREFIX = ".import-"
_LOCK = "lock"
_WATCH_EVERY_S = 0.5
_MAX_LINE_CHARS = 16_000_000  # a record of thousands of columns


def import_data(
    paths: Sequence[Path],
    *,
    name: str = "",
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    source: str = "",
    licence: str = "",
) -> DatasetRecord:
    """Read files, folders or archives into the workspace.

    Args:
        paths: what to read; several files that belong together are joined.
        name: of the data set; else the name of the file or folder.
        options: delimiter, header (bool), encoding, task, target; what is not given is inferred.
        progress: called with the share done and what is being done.
        source: what is recorded as the source, where it is not the names of the files.
        licence: of the data.

    Returns:
        The new record; or the first one, where the same content was imported before.

    Raises:
        EngineError: with one sentence on what was wrong and a way on; nothing is left behind then.
    """
    given = _resolved(paths)
    check_free_disk()
    request = {
        "paths": [str(path) for path in given],
        "name": (name or default_name(given))[:200],
        "source": (source or ", ".join(path.name for path in given))[:500],
        "options": {key: value for key, value in (options or {}).items() if value is not None},
    }
    with draft_folder() as folder:
        record = DatasetRecord.model_validate(_run(request | {"folder": str(folder)}, progress))
        if licence:
            record = record.model_copy(update={"licence": licence})
        return publish(folder / "draft", record)


def default_name(paths: Sequence[Path]) -> str:
    """The name of a data set: that of its file without the ending, or of the folder that the files share."""
    first = paths[0]
    if len(paths) > 1:
        common = {path.parent for path in paths}
        return first.parent.name if len(common) == 1 and first.parent.name else first.stem
    return first.name if first.is_dir() else first.name.split(".")[0] or first.name


@contextmanager
def draft_folder() -> Iterator[Path]:
    """A folder for an import, removed in any case; it is locked, so that others can tell it from a forgotten one."""
    parent = home() / "datasets"
    parent.mkdir(parents=True, exist_ok=True)
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        with open(folder / _LOCK, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the folders of imports whose process is gone."""
    for folder in (home() / "datasets").glob(f"{_PREFIX}*"):
        try:
            with open(folder / _LOCK) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # at work
        except OSError:
            if time.time() - folder.stat().st_mtime < 60:  # just made, its lock is still to come
                continue
        shutil.rmtree(folder, ignore_errors=True)


def publish(draft: Path, record: DatasetRecord) -> DatasetRecord:
    """Sync a finished draft and rename it into place; where its content is there already, return that record."""
    from engine.store.datasets import MANIFEST

    (draft / MANIFEST).write_text(record.model_dump_json(indent=1), encoding="utf-8")
    for path in (*draft.rglob("*"), draft):
        _sync(path)
    target = dataset_dir(record.id)
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        return get_dataset(record.id)
    _sync(target.parent)
    return record


def check_free_disk(needed_bytes: int = 0) -> None:
    """Refuse to begin where the disk is (nearly) full."""
    free_bytes = shutil.disk_usage(home()).free
    if free_bytes < RESERVED_DISK_BYTES + needed_bytes:
        raise EngineError(
            ErrorKind.OUT_OF_DISK,
            N_("Only {free} MiB are free on the disk of the workspace; {needed} MiB are needed."),
            hint=N_("Free some space, or empty the bin, and import again."),
            free=free_bytes >> 20,
            needed=(RESERVED_DISK_BYTES + needed_bytes) >> 20,
        )


def _resolved(paths: Sequence[Path]) -> list[Path]:
    if not paths:
        raise EngineError(
            ErrorKind.BAD_INPUT, N_("No file was given."), hint=N_("Choose at least one file or a folder.")
        )
    given = [Path(path).expanduser().resolve() for path in paths]
    for path in given:
        if not path.exists():
            raise EngineError(
                ErrorKind.NOT_FOUND,
                N_("{file} is not there."),
                hint=N_("Check the name, or choose another file."),
                file=path.name,
            )
    return given


def _run(request: Mapping[str, Any], progress: Progress | None) -> dict[str, Any]:
    """Run the child and return the record it answers with."""
    child = subprocess.Popen(
        [sys.executable, "-m", "engine.data.import_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": _python_path(), "PYTHONUTF8": "1"},
    )
    watch = _Watch(child)
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(request) + "\n")
        child.stdin.flush()
        answer = _listen(child.stdout, progress)
        child.wait(timeout=30)
    except BrokenPipeError:
        answer = {}
    finally:
        watch.stop()
        if child.poll() is None:
            child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what a child that died did not read any more
                    pipe.close()
    if "record" in answer:
        return dict(answer["record"])
    raise EngineError.from_record(answer["error"]) if "error" in answer else watch.reason(child.returncode)


def _listen(stdout: Any, progress: Progress | None) -> dict[str, Any]:
    while line := stdout.readline(_MAX_LINE_CHARS):
        try:
            message = json.loads(line)
        except ValueError:  # a library that prints
            continue
        if "share" in message and progress:
            progress(float(message["share"]), str(message["text"]))
        elif "record" in message or "error" in message:
            return dict(message)
    return {}


class _Watch:
    """Ends a child that takes too much memory, disk or time, and knows why afterwards."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child, self._done = child, threading.Event()
        self._error: EngineError | None = None
        self._deadline = time.monotonic() + CHILD_TIMEOUT_S
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._done.set()
        self._thread.join()

    def reason(self, code: int) -> EngineError:
        """Why the child ended without an answer."""
        if self._error is not None:
            return self._error
        if code == -9:  # the kernel's way to say that memory ran out
            return out_of_memory()
        return EngineError(
            ErrorKind.INTERNAL,
            N_("The import ended unexpectedly (code {code}). Nothing of it was kept."),
            hint=N_("Try again; if it happens again with the same file, the file may be damaged."),
            code=code,
        )

    def _watch(self) -> None:
        import psutil

        while not self._done.wait(_WATCH_EVERY_S):
            try:
                used_bytes = psutil.Process(self._child.pid).memory_info().rss
                check_free_disk()
            except psutil.Error:
                return
            except EngineError as error:
                self._end(error)
                return
            if used_bytes > CHILD_MEMORY_BYTES:
                self._end(out_of_memory())
            elif time.monotonic() > self._deadline:
                self._end(
                    EngineError(
                        ErrorKind.BAD_INPUT,
                        N_("The import took longer than {hours} hours and was stopped."),
                        hint=N_("Import a part of the data."),
                        hours=round(CHILD_TIMEOUT_S / 3600),
                    )
                )

    def _end(self, error: EngineError) -> None:
        self._error = error
        self._child.kill()


def _python_path() -> str:
    """The child finds this package wherever the parent was started."""
    root = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
