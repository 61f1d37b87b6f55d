"""The store: data sets, runs, models and artifacts. Everything a page shows can be rebuilt from it."""
