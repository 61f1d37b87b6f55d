"""Downloading a file once: resumed where it broke off, checked against its published checksum, then kept."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.store.home import cache_dir
from engine.text import N_

Progress = Callable[[float, str], None]
_CHUNK_BYTES = 1 << 18
_TIMEOUT_S = 30.0  # without a byte; a slow line is no dead one


@dataclass(frozen=True)
class Remote:
    """A file on a server."""

    url: str
    checksum: str  # MD5 (32 digits) or SHA-256 (64), as its publishers give it
    bytes: int  # about, for the progress

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.url.rsplit("/", 1)[-1]


def download(remote: Remote, progress: Progress) -> Path:
    """Fetch a file into the cache, or take it from there.

    Raises:
        EngineError: UNAVAILABLE where the network or the server does not answer, or sends another file.
    """
    folder = cache_dir() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{remote.checksum[:16]}-{remote.name}"
    if target.is_file():
        return target
    partial = target.with_suffix(target.suffix + f".{os.getpid()}.part")
    _take_over(target, partial)
    try:
        _fetch(remote, partial, progress)
    except (OSError, urllib.error.URLError) as error:
        if getattr(error, "errno", None) == 28:
            partial.unlink(missing_ok=True)
            raise
        raise _unavailable(remote, str(getattr(error, "reason", error))) from error
    if checksum_of(partial, remote.checksum) != remote.checksum:
        partial.unlink()
        raise _unavailable(remote, N_("another file came than the published checksum says"))
    os.replace(partial, target)
    return target


def checksum_of(path: Path, like: str) -> str:
    """The checksum of a file by the method that has as many digits as `like`."""
    hashed = hashlib.md5(usedforsecurity=False) if len(like) == 32 else hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            hashed.update(chunk)
    return hashed.hexdigest()


def _take_over(target: Path, partial: Path) -> None:
    """Go on with what an earlier attempt left."""
    left = sorted(target.parent.glob(target.name + ".*.part"), key=lambda path: path.stat().st_size)
    if left and left[-1] != partial:
        os.replace(left[-1], partial)


def _fetch(remote: Remote, partial: Path, progress: Progress) -> None:
    done = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(remote.url, headers={"Range": f"bytes={done}-"} if done else {})  # noqa: S310 - https, from our list
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the whole file is there already; its checksum decides
            return
        raise
    with answer:
        resumed = answer.status == 206
        _copy(answer, partial, done if resumed else 0, remote, progress)


def _copy(answer: Any, partial: Path, done: int, remote: Remote, progress: Progress) -> None:
    total = done + int(answer.headers.get("Content-Length") or 0) or remote.bytes
    with open(partial, "ab" if done else "wb") as file:
        while chunk := answer.read(_CHUNK_BYTES):
            file.write(chunk)
            done += len(chunk)
            progress(min(done / max(total, 1), 1.0), N_("Downloading"))
    if done < total and answer.headers.get("Content-Length"):
        raise OSError("the connection broke off")


def _unavailable(remote: Remote, problem: str) -> EngineError:
    return EngineError(
        ErrorKind.UNAVAILABLE,
        N_("{file} could not be downloaded: {problem}."),
        hint=N_("Check the connection to the internet and try again; what has come so far is kept."),
        file=remote.name,
        problem=problem[:200],
    )
