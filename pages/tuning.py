"""Tuning: search over any fields of a document, watch it, and take the best."""

from __future__ import annotations

from pages.widgets import layout
from pages.widgets.text import _


def main() -> None:
    """Draw the screen."""
    layout.page_header(_("Tuning"), _("Find the best settings: a search over any fields of a document."))


if __name__ == "__main__":
    main()
