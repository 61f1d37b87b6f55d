"""What screens share: forms drawn from spec fields, live panels, empty and error states, translation."""
