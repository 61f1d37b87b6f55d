"""Bringing a KerasHub preset here: file by file, resumed and checked by kagglehub, put into place only when whole."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine.errors import EngineError, ErrorKind
from engine.finetuning.sources.base import Progress
from engine.text import N_

_LOOK_EVERY_S = 0.5


def download_preset(
    handle: str, files: Sequence[str], optional: Sequence[str], target: Path, size_bytes: int, progress: Progress
) -> None:
    """Download a preset's files into a folder that appears when all of them are there.

    kagglehub goes on where an earlier attempt broke off and holds every file against its published MD5.

    Args:
        handle: "keras/bert/keras/bert_tiny_en_uncased/3".
        files: their paths inside the preset.
        optional: those that not every preset has.
        target: the folder.
        size_bytes: about, for the progress.
        progress: told how far it is.

    Raises:
        EngineError: UNAVAILABLE where the network or the server does not answer, or another file came.
    """
    partial = target.with_name(f".{target.name}-{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    progress(0.0, N_("Downloading"))
    try:
        with _watched(handle, size_bytes, progress):
            for file in (*optional, *files):
                there = _file(handle, file, optional=file in optional)
                if not there:
                    continue
                place = partial / file
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(there, place)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    progress(1.0, N_("Downloading"))


def _file(handle: str, file: str, *, optional: bool) -> str:
    """Where a file lies that was brought; "" where it is optional and the server has none."""
    import kagglehub

    try:
        return str(kagglehub.model_download(handle, path=file))
    # The library raises what requests, its own checks and Kaggle's answers raise; a person gets one sentence.
    except Exception as error:
        if optional and ("404" in str(error) or "is not present in the model files" in str(error)):
            return ""
        raise EngineError(
            ErrorKind.UNAVAILABLE,
            N_("The preset {name} could not be downloaded: {problem}."),
            hint=N_("Check the connection to the internet, or put its folder below a folder in LATHE_DATA_DIRS."),
            name=handle.split("/")[-2],
            problem=_in_short(error),
        ) from error


def _in_short(error: Exception) -> str:
    name = type(error).__name__
    if "Connection" in name or "Timeout" in name or "Resolution" in name:
        return N_("no answer from the network")
    if "Corruption" in name:
        return N_("another file came than its checksum says")
    return (str(error).splitlines() or [name])[0][:160].rstrip(".")


@contextmanager
def _watched(handle: str, size_bytes: int, progress: Progress) -> Iterator[None]:
    """Say how much has come while files are downloaded."""
    from kagglehub.cache import get_cached_path
    from kagglehub.handle import parse_model_handle

    folder, over = Path(get_cached_path(parse_model_handle(handle))), threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_EVERY_S):
            come = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            progress(min(come / max(size_bytes, 1), 0.99), N_("Downloading"))

    watcher = threading.Thread(target=look, name="download", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
