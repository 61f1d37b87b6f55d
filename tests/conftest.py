"""What all tests share: a workspace of their own, and the shared data sets where they are."""

import os
from pathlib import Path

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
