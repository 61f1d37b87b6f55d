"""What the data look like, from the profile that the engine keeps."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.specs import RunSpec
from engine.specs.records import DatasetRecord
from pages.widgets import fields, layout
from pages.widgets.text import _


def draw(record: DatasetRecord, spec: RunSpec) -> None:
    """The columns as the import saw them."""
    layout.section(_("Columns"))
    rows = [
        {
            _("Column"): column.name,
            _("Kind"): fields.value_label(column.kind),
            _("Distinct"): column.distinct,
            _("Missing"): column.missing,
        }
        for column in record.columns
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="profile_columns")
