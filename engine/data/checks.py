"""Checks of a split."""

from typing import TYPE_CHECKING

from engine.specs.records import CheckRecord

if TYPE_CHECKING:
    from engine.data.load import Prepared


def check_parts(prepared: "Prepared") -> tuple[CheckRecord, ...]:
    """Whether the parts resemble each other and nothing leaks."""
    return ()
