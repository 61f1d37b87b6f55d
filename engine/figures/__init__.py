"""Figures: plain records in, a Plotly figure out. The page, the report and the notebook draw with the same functions."""
