"""From files to parts: readers, import, profile, cleaning, splits, samples, defaults."""
