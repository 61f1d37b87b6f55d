"""The child process of an import: reads files into a draft folder, says how far it is, and ends.

One JSON document comes in on the first line of stdin; stdin stays open as long as the parent lives, and its end ends
the child. JSON lines go out on stdout: {"share", "text"} while it works, then {"record"} or {"error"}.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.data.limits import MAX_UNPACKED_BYTES
from engine.errors import EngineError, ErrorKind
from engine.text import N_


def main() -> int:
    """Read, answer, end."""
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not leave gigabytes behind
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_UNPACKED_BYTES, MAX_UNPACKED_BYTES))
    _say(answer(request, lambda share, text: _say({"share": share, "text": text})))
    return 0


def answer(request: dict[str, Any], report: Callable[[float, str], None]) -> dict[str, Any]:
    """What is said in the end: {"record"} of what was read, or {"error"}, whatever happened."""
    try:
        return {"record": _import(request, report)}
    except EngineError as error:
        return {"error": error.to_record()}
    except MemoryError:
        return {"error": out_of_memory().to_record()}
    except OSError as error:
        return {"error": _os_error(error).to_record()}
    except Exception as error:  # noqa: BLE001 - the border of the process: whatever happened is told to the parent
        return {"error": _unexpected(error).to_record()}


def out_of_memory() -> EngineError:
    """The error for an import that took more memory than it may."""
    return EngineError(
        ErrorKind.OUT_OF_MEMORY,
        N_("The import needed more memory than it may take and was stopped."),
        hint=N_("Import a part of the data, or save a table as Parquet or CSV, which are read in pieces."),
    )


def _import(request: dict[str, Any], report: Callable[[float, str], None]) -> dict[str, Any]:
    from engine.data.assembling import assemble
    from engine.data.readers.base import Context
    from engine.data.sources import gather

    folder = Path(request["folder"])
    context = Context(
        work_dir=folder / "scratch",
        draft_dir=folder / "draft",
        options=request["options"],
        report=report,
    )
    context.work_dir.mkdir(parents=True)
    context.draft_dir.mkdir(parents=True)
    context.progress(0.0, N_("Looking at the files"))
    files = gather([Path(path) for path in request["paths"]], context)
    record = assemble(files, context, name=request["name"], source=request["source"])
    return record.model_dump(mode="json")


def _os_error(error: OSError) -> EngineError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return EngineError(
            ErrorKind.OUT_OF_DISK,
            N_("The disk is full: the import could not be finished, and nothing of it was kept."),
            hint=N_("Free some space, or empty the bin, and import again."),
        )
    if error.errno == errno.EACCES:
        return EngineError(
            ErrorKind.BAD_INPUT,
            N_("{file} may not be read by Lathe."),
            hint=N_("Change its permissions, or copy it to a place of your own."),
            file=Path(str(error.filename or "")).name,
        )
    return _unexpected(error)


def _unexpected(error: BaseException) -> EngineError:
    text = str(error)
    if "No space left" in text:
        return _os_error(OSError(errno.ENOSPC, text))
    if "Out of Memory" in type(error).__name__ or "OutOfMemory" in type(error).__name__:
        return out_of_memory()
    return EngineError(
        ErrorKind.INTERNAL,
        N_("The import failed unexpectedly: {problem}"),
        hint=N_("Nothing was kept. Check that the file is complete; if it is, this is a defect of Lathe."),
        problem=f"{type(error).__name__}: {text[:300]}",
    )


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock would be held at the end of the interpreter
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
