"""The command line: the same verbs as the pages, one file a command."""

from engine.cli.main import main

__all__ = ["main"]
