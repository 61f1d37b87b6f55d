"""What texts look like: lengths, scripts, telling words, samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.figures import data as figures
from pages.widgets import fields, layout, numbers
from pages.widgets.charts import chart
from pages.widgets.text import _, plain, say, shorten

SAMPLES = 6


def draw(texts: Mapping[str, Any]) -> None:
    """The texts' part of a profile (`engine.data.profile.shapes.TextsProfile`)."""
    left, right = st.columns(2, gap="large")
    with left:
        layout.section(_("Length"))
        lengths = texts["length_quantiles"]
        unit = _("words") if texts["tokens"] == "words" else _("characters")
        layout.metric_row(
            [
                (_("Median"), f"{numbers.figure(lengths.get('0.5'), 3)} {unit}"),
                (_("95 % are below"), f"{numbers.figure(lengths.get('0.95'), 3)} {unit}"),
                (_("Empty"), numbers.count(texts["empty"])),
            ]
        )
        shape = texts["token_counts"]
        chart(
            lambda: figures.text_length(shape["edges"], shape["counts"], unit=unit, translate=_),
            key="profile_lengths",
            of=(shape, unit),
            alt=_("Length"),
        )
        scripts = ", ".join(
            f"{plain(fields.value_label(name))} {numbers.percent(share)}" for name, share in texts["scripts"].items()
        )
        if scripts:
            st.caption(f"{_('Scripts')}: {scripts}")
    with right:
        layout.section(_("Samples"))
        for number, sample in enumerate(texts["samples"][:SAMPLES]):
            with st.container(border=True, gap="xxsmall", key=f"profile_sample_{number}"):
                label = plain(shorten(sample.get("label", ""), 40))
                st.caption(f"{say('Row {row}', row=sample['row'])} · **{label}**")
                st.text(shorten(sample["text"], 220), width="stretch")
    if texts["telling_words"]:
        layout.section(_("Telling words"), _("Words that are far more frequent in one class than in the others."))
        chart(
            lambda: figures.telling_words(texts["telling_words"], translate=_),
            key="profile_words",
            of=texts["telling_words"],
            alt=_("Telling words"),
        )
