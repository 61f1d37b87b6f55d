"""Hyperparameter search: a space over a document, KerasTuner's oracles, the loop of trials, and what they taught."""
