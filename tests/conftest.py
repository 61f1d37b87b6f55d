"""What all tests share: a workspace of their own, and the shared data sets where they are."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

SHARED_DATA = Path(os.environ.get("LATHE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh LATHE_HOME for every test."""
    folder = tmp_path / "lathe-home"
    monkeypatch.setenv("LATHE_HOME", str(folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return folder


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the shared data sets are not here ({SHARED_DATA}); set LATHE_TEST_DATA to their folder")
    return SHARED_DATA


@pytest.fixture
def import_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports do in this process what their child does, between the same two JSON documents: a second sooner each."""
    from engine.data import import_child, importing
    from engine.errors import EngineError

    def run(request: Mapping[str, Any], progress: Callable[[float, str], None] | None) -> dict[str, Any]:
        answer = import_child.answer(json.loads(json.dumps(request)), progress or (lambda share, text: None))
        answer = json.loads(json.dumps(answer))
        if "error" in answer:
            raise EngineError.from_record(answer["error"])
        return dict(answer["record"])

    monkeypatch.setattr(importing, "_run", run)
