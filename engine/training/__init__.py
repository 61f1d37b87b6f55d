"""Losses, optimizers, schedules, callbacks, checkpoints and the fit itself."""
