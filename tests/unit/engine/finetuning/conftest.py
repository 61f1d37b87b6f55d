"""The tiny pretrained body and its texts, made once."""

import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "methods"), str(HERE.parent / "models")]


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of 2 blocks."""
    from tuning_cases import write_tiny_bert

    return write_tiny_bert(tmp_path_factory.mktemp("sources") / "bert")


@pytest.fixture(autouse=True)
def _readable(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_DATA_DIRS", str(tiny_bert.parent))


@pytest.fixture(scope="session")
def encoded_texts(tiny_bert: Path) -> Any:
    """Its texts, encoded."""
    from tuning_cases import encoded_sentences, tuning_spec

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATHE_DATA_DIRS", str(tiny_bert.parent))
        return encoded_sentences(tuning_spec(tiny_bert))
