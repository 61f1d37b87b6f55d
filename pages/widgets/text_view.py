"""What texts look like: lengths, scripts, telling words, samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.figures import data as figures
from engine.text import N_
from pages.widgets import layout, numbers
from pages.widgets.charts import chart
from pages.widgets.text import _, plain, say, shorten

SAMPLES = 6
SCRIPTS = {
    "Latin": N_("Latin"),
    "Han": N_("Chinese characters"),
    "Hiragana and Katakana": N_("Hiragana and Katakana"),
    "Hangul": N_("Hangul"),
    "Cyrillic": N_("Cyrillic"),
    "Greek": N_("Greek"),
    "Arabic": N_("Arabic"),
    "Hebrew": N_("Hebrew"),
    "Devanagari": N_("Devanagari"),
    "Thai": N_("Thai"),
}


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
            f"{_(SCRIPTS[name]) if name in SCRIPTS else plain(name)} {numbers.percent(share)}"
            for name, share in texts["scripts"].items()
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
