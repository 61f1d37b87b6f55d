"""An engine without Ray and without training, for the tests of searches."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "support"))
sys.path.insert(0, str(Path(__file__).parent))
from search_cases import Engine, running_engine


@pytest.fixture
def quiet_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials leave no MLflow runs: importing it takes two seconds, and its histories are tested elsewhere."""
    from engine.store import tracking

    monkeypatch.setattr(tracking, "ensure_run", lambda run_id, spec: "")
    monkeypatch.setattr(tracking, "log_metrics", lambda run, points: None)


@pytest.fixture
def engine(quiet_mlflow: None) -> Iterator[Engine]:
    """One worker."""
    with running_engine() as made:
        yield made
