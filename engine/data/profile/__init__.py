"""What a data set looks like: computed once, out of core, in a child process; kept beside the data.

The shape of the answer is described in `engine.data.profile.shapes`.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.store.datasets import get_dataset
from engine.store.home import dataset_dir
from engine.text import N_

Progress = Callable[[float, str], None]
VERSION = 1  # of the shape and of how it is computed; older files are computed anew
_MOST_TIME_S = 3600.0


def profile(dataset_id: str, *, target: str | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """The profile of a data set, from the store where it is known.

    Args:
        dataset_id: the data set.
        target: the column that associations and classes are about; default: the one that the import inferred.
        progress: called with the share done and what is being done.

    Returns:
        A `Profile` (see `engine.data.profile.shapes`).

    Raises:
        EngineError: NOT_FOUND for a data set that is not there, BAD_INPUT for a target that is no column,
            OUT_OF_MEMORY where the child was ended by the system.
    """
    record = get_dataset(dataset_id)
    target = target or record.target
    if target not in {column.name for column in record.columns}:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The target “{target}” is not a column of the data."),
            hint=N_("Choose one of its columns."),
            target=target,
        )
    path = profile_path(dataset_id, target)
    if path.is_file():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    answer = _ask_child({"dataset": dataset_id, "target": target}, progress)
    temporary = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
    temporary.write_text(json.dumps(answer, ensure_ascii=False), encoding="utf-8")
    temporary.replace(path)
    return answer


def profile_path(dataset_id: str, target: str) -> Path:
    """Where the profile for a target is kept."""
    name = hashlib.sha256(target.encode()).hexdigest()[:12]
    return dataset_dir(dataset_id) / f"profile-v{VERSION}-{name}.json"


def _ask_child(request: dict[str, str], progress: Progress | None) -> dict[str, Any]:
    """Run the child and listen to it until it answers."""
    root = str(Path(__file__).resolve().parents[3])
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    child = subprocess.Popen(
        [sys.executable, "-m", "engine.data.profile.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": paths, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "2"},
    )
    guard = threading.Timer(_MOST_TIME_S, child.kill)
    guard.start()
    try:
        with child:  # closes the pipes and waits
            child.stdin.write(json.dumps(request) + "\n")  # type: ignore[union-attr] # given by PIPE
            child.stdin.flush()  # type: ignore[union-attr]
            answer = _listen(child, progress)
            child.kill()  # it has said what it had to say
    except BrokenPipeError:
        answer = {}
    finally:
        guard.cancel()
        if child.poll() is None:
            child.kill()
            child.wait()
    if "profile" in answer:
        return dict(answer["profile"])
    if "error" in answer:
        raise EngineError.from_record(answer["error"])
    raise EngineError(
        ErrorKind.OUT_OF_MEMORY,
        N_("The profile ended unexpectedly (code {code}), probably because memory ran out."),
        hint=N_("Close other work and try again. Training does not need the profile."),
        code=child.returncode,
    )


def _listen(child: "subprocess.Popen[str]", progress: Progress | None) -> dict[str, Any]:
    for line in child.stdout or ():
        try:
            message = json.loads(line)
        except ValueError:  # a library that prints
            continue
        if "share" in message:
            if progress:
                progress(float(message["share"]), str(message["text"]))
        elif "profile" in message or "error" in message:
            return dict(message)
    return {}
