"""`engine spec`, and how a command finds the data that it was given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import api
from engine.cli.output import OK, ProgressLine
from engine.errors import EngineError, ErrorKind
from engine.specs import Task
from engine.specs.records import DatasetRecord
from engine.text import N_


def write_spec(
    data: str,
    *,
    task: str | None,
    target: str | None,
    output: Path | None,
    source: str | None = None,
    method: str | None = None,
) -> int:
    """Write a complete document for some data; with a source, for fine-tuning it."""
    chosen = _task(task)
    if source is None and method is not None:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("--method {method} needs a pretrained model to work on."),
            hint=N_("Name one with --from; see: python -m engine sources"),
            method=method,
        )
    address = api.source_address(source) if source is not None else ""  # a wrong name is told before data are read
    record = find_data(data, {"task": chosen, "target": target})
    if address:
        spec = api.tuned_spec(address, record.id, method=method or "lora", task=chosen, target=target)
    else:
        spec = api.default_spec(record.id, task=chosen, target=target)
    if output is None:
        print(spec.to_json())
        return OK
    try:
        output.write_text(spec.to_json() + "\n", encoding="utf-8")
    except OSError as error:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("{file} cannot be written: {reason}."),
            hint=N_("Choose another file."),
            file=str(output),
            reason=error.strerror or str(error),
        ) from error
    return OK


def find_data(data: str, options: Mapping[str, Any] | None = None) -> DatasetRecord:
    """The data set behind a file, a folder, the name of a sample or an id; brought into the workspace where needed.

    Args:
        data: what the person named.
        options: what they know of it, for `api.import_data`.

    Raises:
        EngineError: NOT_FOUND, or what the import says.
    """
    progress = ProgressLine()
    try:
        path = Path(data).expanduser()
        if path.exists():
            return api.import_data([path], options=options, progress=progress.draw)
        if data in {sample.id for sample in api.samples()}:
            return api.import_sample(data, progress.draw)
        if re.fullmatch(r"[0-9a-f]{16}", data):
            return api.dataset(data)
    finally:
        progress.end()
    names = ", ".join(sample.id for sample in api.samples())
    raise EngineError(
        ErrorKind.NOT_FOUND,
        N_("{data} is no file, no folder, no sample and no data set."),
        hint=N_("Samples are: {names}."),
        data=data,
        names=names,
    )


def _task(task: str | None) -> Task | None:
    if task is None:
        return None
    try:
        return Task(task)
    except ValueError:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("--task must be one of {tasks}, got {task}."),
            hint=N_("Leave it out to have it inferred."),
            tasks=", ".join(Task),
            task=task,
        ) from None
