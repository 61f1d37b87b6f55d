"""Figures: plain records in, a Plotly figure out. Page, report and notebook draw with the same functions."""
