"""What accompanies a fit: reporting, early stopping, checkpoints, the clock, divergence, examples."""
