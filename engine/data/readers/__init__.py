"""Readers: one a file, found by themselves. A new format is one new module here that registers a function."""

import importlib
import pkgutil


def load_readers() -> None:
    """Import every module of this package, so that each registers its reader."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
