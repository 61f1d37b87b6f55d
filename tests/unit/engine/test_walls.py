"""The page process never holds TensorFlow, Keras or Ray: importing them costs seconds and hundreds of megabytes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {"tensorflow", "keras", "keras_hub", "keras_tuner", "ray", "jax", "torch", "sklearn"}
LIST_MODULES = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"


@pytest.mark.parametrize(
    "work",
    [
        "import engine.api, engine.specs, engine.figures, engine.jobs.client, engine.store",
        "from engine import api; api.runs(); api.count_runs(); api.datasets(); api.samples(); api.engine_state()",
    ],
)
def test_a_fresh_page_process_is_light(work: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{work}\n{LIST_MODULES}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(done.stdout.split())


def test_the_engine_names_no_page() -> None:
    text = "".join(file.read_text("utf-8") for file in (ROOT / "engine").rglob("*.py"))
    assert "import streamlit" not in text
    assert "from pages" not in text
