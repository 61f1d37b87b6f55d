"""What the page tests share: a screen as Streamlit draws it, without a browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
Screen = Callable[..., AppTest]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Draw a screen by its name, with values in its address: `screen("data", dataset=…, language="zh_CN")`."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("LATHE_ENGINE", "external")  # what needs an engine is tested in tests/browser and tests/faults

    def draw(name: str, **address: str) -> AppTest:
        test = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=60)
        for key, value in address.items():
            test.query_params[key] = value
        test.run()
        assert not test.exception, [error.value for error in test.exception]
        return test

    return draw
