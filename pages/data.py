"""Data."""

from pages.widgets import layout
from pages.widgets.text import _

layout.page_header(_("Data"))
