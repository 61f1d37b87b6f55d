"""The child process of a profile: one JSON request on stdin, JSON lines on stdout, then it ends.

Stdin stays open as long as the parent lives; its end ends the child.
"""

import json
import os
import sys
import threading
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.text import N_


def main() -> int:
    """Compute, answer, end."""
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        from engine.data.profile.compute import compute

        _say({"profile": compute(request["dataset"], request["target"], _progress)})
    except EngineError as error:
        _say({"error": error.to_record()})
    except Exception as error:  # noqa: BLE001 - the border of the process: whatever happened is told to the parent
        _say({"error": _unexpected(error).to_record()})
    return 0


def _progress(share: float, text: str) -> None:
    _say({"share": share, "text": text})


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    while sys.stdin.readline():
        pass
    os._exit(1)


def _unexpected(error: Exception) -> EngineError:
    memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException"
    if memory:
        return EngineError(
            ErrorKind.OUT_OF_MEMORY,
            N_("There was not enough memory for the profile."),
            hint=N_("Close other work and try again. Training does not need the profile."),
        )
    return EngineError(
        ErrorKind.INTERNAL,
        N_("The profile could not be computed ({what})."),
        hint=N_("Training does not need it. Please report this with the kind of data."),
        what=f"{type(error).__name__}: {str(error)[:200]}",
    )


if __name__ == "__main__":
    sys.exit(main())
