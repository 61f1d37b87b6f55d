"""The sample that is made from what is installed."""

import pytest

from engine.data.docstrings import LIBRARIES
from engine.data.samples import import_sample
from engine.specs import Task
from engine.store.datasets import read_table


@pytest.mark.slow
def test_docstrings_of_each_library_without_what_gives_them_away() -> None:
    record = import_sample("docstrings")
    assert (record.task, record.target) == (Task.TEXT_CLASSIFICATION, "library")
    frame = read_table(record.id)
    counts = frame["library"].value_counts()
    assert set(counts.index) == set(LIBRARIES)
    assert counts.min() > 200
    texts = frame["docstring"]
    assert texts.nunique() > 0.99 * len(texts)
    assert texts.str.len().between(60, 1200).all()
    words = {word.strip(".,:;()`'\"").lower() for text in texts for word in text.split()}
    assert not {"numpy", "pandas", "sklearn", "scikit-learn", "streamlit", "dataframe", "ndarray"} & words
