"""What pictures look like: some of each class, their means, sizes, modes and brightness."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine import api
from engine.figures import data as figures
from engine.specs.records import DatasetRecord
from pages.widgets import layout, numbers
from pages.widgets.charts import chart
from pages.widgets.text import _, plain, say, say_raw, shorten

CLASSES, A_CLASS, SIZE_PX = 12, 8, 56


def draw(record: DatasetRecord, images: Mapping[str, Any]) -> None:
    """The pictures' part of a profile (`engine.data.profile.shapes.ImagesProfile`)."""
    grid(record, images)
    left, right = st.columns(2, gap="large")
    with left:
        layout.section(_("Sizes and modes"))
        said = [
            (_("Different sizes"), numbers.count(images["distinct_sizes"])),
            (_("Unreadable"), numbers.count(images["unreadable"])),
            (_("Nearly black"), numbers.count(images["dark"])),
            (_("Nearly white"), numbers.count(images["bright"])),
        ]
        layout.metric_row(said)
        sizes = {f"{size['width']} × {size['height']}": size["count"] for size in images["sizes"]}
        chart(
            lambda: figures.bars(sizes, limit=8, x_title=_("Pictures"), translate=_),
            key="profile_sizes",
            of=sizes,
            alt=_("Sizes and modes"),
        )
        modes = ", ".join(f"{mode_title(mode)} ({numbers.count(n)})" for mode, n in images["modes"].items())
        st.caption(say("Colour modes: {modes}", modes="") + modes)
    with right:
        layout.section(_("Brightness"))
        shape = images["brightness"]
        chart(
            lambda: figures.histogram(shape["edges"], shape["counts"], x_title=_("Mean grey, 0 to 255"), translate=_),
            key="profile_brightness",
            of=shape,
            alt=_("Brightness"),
        )


def mode_title(mode: str) -> str:
    """What a mode of Pillow means."""
    titles = {
        "1": _("black and white"),
        "L": _("grey"),
        "LA": _("grey, transparent"),
        "P": _("palette"),
        "RGB": _("colour"),
        "RGBA": _("colour, transparent"),
        "CMYK": _("print colours (CMYK)"),
    }
    return titles.get(mode) or plain(mode)


def grid(record: DatasetRecord, images: Mapping[str, Any]) -> None:
    """One line a class: its mean image, then examples."""
    examples: Mapping[str, list[int]] = images["examples"]
    if not examples:
        return
    layout.section(_("Classes in pictures"), _("The first of each line is the mean of the class, then some examples."))
    shown = list(examples)[:CLASSES]
    rows = [row for name in shown for row in examples[name][:A_CLASS]]
    pictures = dict(zip(rows, api.images(record.id, rows, size_px=SIZE_PX * 2), strict=True))
    for name in shown:
        title, strip = st.columns([1, 6], vertical_alignment="center")
        title.markdown(f"**{plain(shorten(name, 22))}**")
        mean = images["mean_images"].get(name)
        first = [base64.b64decode(mean)] if mean else []
        said = [say_raw("Mean of {name}", name=name)] if mean else []
        rows_shown = examples[name][:A_CLASS]
        strip.image(
            first + [pictures[row] for row in rows_shown],
            width=SIZE_PX,
            alt=said + [say_raw("{name}, row {row}", name=name, row=row) for row in rows_shown],
        )
    if len(examples) > CLASSES:
        st.caption(_("and {n} more").format(n=len(examples) - CLASSES))
