"""The fit: losses, optimizers, schedules, callbacks, checkpoints, and the job that a worker runs."""
