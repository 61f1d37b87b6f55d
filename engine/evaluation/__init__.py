"""Metrics with intervals, baselines on the same split, predictions and their errors."""
