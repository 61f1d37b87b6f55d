"""What the browser tests share: the app on a free port with a workspace of its own, and Chromium.

Without a Chromium the tests skip with the reason; where CI is set they fail, so that nothing passes unseen.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # nothing is fetched from elsewhere
    "--disable-component-update",
    "--disable-sync",
]
START_S, STOP_S = 60, 20
WAIT_MS = 60_000  # for what a person would see, on a slow machine


@dataclass(frozen=True)
class App:
    """A running app."""

    url: str
    home: Path
    log: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app with a fresh workspace; its log is shown where a test fails to reach it."""
    folder = tmp_path_factory.mktemp("browser")
    port = free_port()
    running = App(f"http://127.0.0.1:{port}", folder / "home", folder / "server.log")
    environment = os.environ | {"LATHE_HOME": str(running.home), "LATHE_WORKERS": "1"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    with running.log.open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_up(server, running)
            yield running
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(STOP_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait_until_up(server: "subprocess.Popen[bytes]", running: App) -> None:
    import time

    end = time.monotonic() + START_S
    while not is_up(running.url):
        if server.poll() is not None or time.monotonic() > end:
            pytest.fail(f"the app did not start:\n{running.log.read_text('utf-8', 'replace')[-4000:]}")
        time.sleep(0.1)


def chromium_of(playwright: Playwright) -> str | None:
    """Where a Chromium is: named by PLAYWRIGHT_CHROMIUM, installed, or Playwright's own."""
    named = os.environ.get("PLAYWRIGHT_CHROMIUM")
    candidates = [named, "/usr/bin/chromium", shutil.which("chromium-browser"), playwright.chromium.executable_path]
    return next((path for path in candidates if path and Path(path).is_file()), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with sync_playwright() as playwright:
        path = chromium_of(playwright)
        try:
            if path is None:
                raise Error("there is no Chromium: install it, or set PLAYWRIGHT_CHROMIUM to its path")
            opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error as error:
            if os.environ.get("CI", "").lower() in ("1", "true"):
                pytest.fail(f"Chromium does not start: {error.message}")
            pytest.skip(f"Chromium does not start: {error.message}")
        yield opened
        opened.close()


@pytest.fixture(params=["en-US"])
def locale(request: pytest.FixtureRequest) -> str:
    """The browser's language; a test asks for others with `@pytest.mark.parametrize("locale", […], indirect=True)`."""
    return str(request.param)


@pytest.fixture
def context(browser: Browser, locale: str) -> Iterator[BrowserContext]:
    """A fresh profile of the browser."""
    opened = browser.new_context(locale=locale, viewport={"width": 1440, "height": 1000})
    opened.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, app: App) -> Iterator[Page]:
    """A tab on Home; fails where the app asks for anything outside of this machine."""
    asked: list[str] = []
    tab = context.new_page()
    own = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")
    tab.on("request", lambda request: None if request.url.startswith(own) else asked.append(request.url))
    tab.goto(app.url)
    yield tab
    assert not asked, f"the app asked other machines: {asked}"
