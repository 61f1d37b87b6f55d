"""What a person gave: files and folders, with archives unpacked, each file with its kind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from engine.data.archives import unpack
from engine.data.limits import MAX_FILES
from engine.data.readers.base import Context, FileKind, SourceFile
from engine.data.sniffing import is_hidden, kind_of
from engine.errors import EngineError, ErrorKind
from engine.text import N_


def gather(paths: Sequence[Path], context: Context) -> list[SourceFile]:
    """All files below the given paths; archives given directly are unpacked, archives inside them are not."""
    found: list[SourceFile] = []
    several = len(paths) > 1
    for path in paths:
        for file in _walk(path, prefix=path.name + "/" if several and path.is_dir() else ""):
            if file.kind != FileKind.ARCHIVE:
                found.append(file)
                continue
            below = unpack(file.path, file.name, context)
            prefix = "" if len(paths) == 1 and path.is_file() else _stem(file.name) + "/"
            found += _inside(below, prefix, file, context)
    return found


def _inside(folder: Path, prefix: str, archive: SourceFile, context: Context) -> list[SourceFile]:
    files = list(_walk(folder, prefix=prefix))
    nested = [file for file in files if file.kind == FileKind.ARCHIVE]
    if nested and len(nested) == len(files):
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("{file} holds archives only (such as {inner})."),
            hint=N_("Unpack it once and import what is inside."),
            file=archive.name,
            inner=nested[0].name,
        )
    if nested:
        context.warn(
            N_("{count} archives inside {file} were left out; unpack them first if they hold data."),
            count=len(nested),
            file=archive.name,
        )
    return [file for file in files if file.kind != FileKind.ARCHIVE]


def _walk(path: Path, prefix: str = "") -> list[SourceFile]:
    """Files below a path in the order of their names, as links are not followed out of it."""
    if path.is_file():
        return [SourceFile(path, path.name, kind_of(path, path.name))]
    if not path.is_dir():
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("{file} is not there."),
            hint=N_("Check the name, or choose another file."),
            file=path.name,
        )
    root, files = path.resolve(), []
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            file = Path(folder) / name
            below = prefix + file.relative_to(root).as_posix()
            if is_hidden(below) or not file.resolve().is_relative_to(root) or not file.is_file():
                continue
            files.append(SourceFile(file, below, kind_of(file, below)))
            if len(files) > MAX_FILES:
                raise EngineError(
                    ErrorKind.BAD_INPUT,
                    N_("{file} holds more than {most} files."),
                    hint=N_("Import a part of it."),
                    file=path.name,
                    most=MAX_FILES,
                )
    return files


def _stem(name: str) -> str:
    for suffix in (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".zip", ".tar", ".gz"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name
