"""Downloads from a real server: whole, resumed, broken off, changed, not there."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.data.downloads import Remote, download
from engine.errors import EngineError, ErrorKind
from engine.store.home import cache_dir

CONTENT = bytes(range(256)) * 4000  # about a megabyte: several portions


class Server(ThreadingHTTPServer):
    """Serves CONTENT with ranges, and remembers what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.break_after = 0
        self.knows_ranges = True


class Handler(BaseHTTPRequestHandler):
    """Answers as a plain file server does."""

    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.asked.append(wanted)
        if self.path == "/gone.bin":
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.knows_ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.break_after or None])

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def remote(server: Server) -> Remote:
    url = f"http://127.0.0.1:{server.server_address[1]}/data.bin"
    return Remote(url, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def test_a_file_is_fetched_once_with_progress(remote: Remote, server: Server) -> None:
    told: list[float] = []
    path = download(remote, lambda share, text: told.append(share))
    assert path.read_bytes() == CONTENT
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 2
    assert download(remote, lambda share, text: None) == path
    assert server.asked == [""]


def test_an_md5_is_a_checksum_too(remote: Remote) -> None:
    given = replace(remote, checksum=hashlib.md5(CONTENT, usedforsecurity=False).hexdigest())
    assert download(given, lambda share, text: None).read_bytes() == CONTENT


def test_what_broke_off_is_kept_and_gone_on_with(remote: Remote, server: Server) -> None:
    server.break_after = 600_000
    with pytest.raises(EngineError, match=r"data\.bin could not be downloaded") as caught:
        download(remote, lambda share, text: None)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    server.break_after = 0
    assert download(remote, lambda share, text: None).read_bytes() == CONTENT
    first, second = server.asked
    assert first == ""
    assert 0 < int(second.removeprefix("bytes=").rstrip("-")) <= 600_000
    assert not list((cache_dir() / "downloads").glob("*.part"))


def test_a_server_without_ranges_begins_anew(remote: Remote, server: Server) -> None:
    server.break_after = 600_000
    with pytest.raises(EngineError):
        download(remote, lambda share, text: None)
    server.break_after, server.knows_ranges = 0, False
    assert download(remote, lambda share, text: None).read_bytes() == CONTENT


def test_another_file_than_was_published_is_thrown_away(remote: Remote) -> None:
    with pytest.raises(EngineError, match="checksum") as caught:
        download(replace(remote, checksum="0" * 64), lambda share, text: None)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    assert list((cache_dir() / "downloads").iterdir()) == []


def test_a_server_that_has_it_not_or_is_not_there(remote: Remote, server: Server) -> None:
    for url in (remote.url.replace("data.bin", "gone.bin"), "http://127.0.0.1:9/data.bin"):
        with pytest.raises(EngineError) as caught:
            download(replace(remote, url=url), lambda share, text: None)
        assert caught.value.kind is ErrorKind.UNAVAILABLE
        assert caught.value.hint
