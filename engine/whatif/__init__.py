"""What happens if I turn this knob: probes, verdicts, predictions."""
