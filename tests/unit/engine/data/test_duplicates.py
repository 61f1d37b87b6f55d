import numpy as np
import pandas as pd

from engine.data.duplicates import across, exact_groups, example_keys
from engine.specs import ColumnKind


def test_equal_rows_have_equal_keys_and_gaps_are_equal():
    frame = pd.DataFrame({"a": [1.0, np.nan, 1.0, np.nan], "b": ["x", None, "x", None]})
    kinds = {"a": ColumnKind.NUMBER, "b": ColumnKind.CATEGORY}
    groups = exact_groups(example_keys(frame, ["a", "b"], kinds))
    assert [group.tolist() for group in groups] == [[0, 2], [1, 3]]


def test_groups_across_parts():
    part_of = np.array(["train", "test", "train", None, "test"], dtype=object)
    groups = [np.array([0, 1]), np.array([2, 3]), np.array([0, 2, 4])]
    assert [group.tolist() for group in across(groups, part_of)] == [[0, 1], [0, 2, 4]]
