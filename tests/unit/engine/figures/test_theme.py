"""The one look: light and dark, distinguishable without colour, readable in Chinese."""

import itertools
import subprocess
import sys

import numpy as np

from engine.figures.theme import (
    COLOURS,
    DASHES,
    MARKERS,
    empty_figure,
    look,
    new_figure,
    safe,
    sample_rows,
    themed,
    thin,
)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_stand_out_on_white_and_on_dark() -> None:
    for colour in COLOURS:  # 2.7 : 1: lines are 2 px wide and carry dash and marker beside their colour
        assert contrast(colour, "#ffffff") > 2.7, colour
        assert contrast(colour, "#12161d") > 2.7, colour


def test_neighbours_differ_in_dash_and_marker() -> None:
    for first, second in itertools.pairwise(range(len(COLOURS))):
        assert look(first)["dash"] != look(second)["dash"]
        assert look(first)["symbol"] != look(second)["symbol"]
    assert len(set(MARKERS)) == len(MARKERS)
    assert len(DASHES) == len(COLOURS)


def test_light_and_dark_differ_and_lie_on_the_page() -> None:
    light = new_figure("x", "y").layout.template.layout.font.color
    figure = themed(new_figure("x", "y"), dark=True)
    assert figure.layout.template.layout.font.color != light
    assert figure.layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"


def test_fonts_know_chinese() -> None:
    assert "PingFang SC" in new_figure().layout.template.layout.font.family


def test_texts_from_data_lose_their_tags_and_their_length() -> None:
    assert safe("<b>a & b</b>\nnext") == "&lt;b&gt;a &amp; b&lt;/b&gt; next"
    assert len(safe("x" * 500, 20)) == 20


def test_thinning_keeps_ends_and_extremes() -> None:
    values = np.zeros(100_000)
    values[12_345], values[67_890] = 9.0, -9.0
    x, y = thin(np.arange(100_000), values)
    assert len(x) <= 2000
    assert (y.max(), y.min()) == (9.0, -9.0)
    assert (x[0], x[-1]) == (0, 99_999)
    assert (np.diff(x) > 0).all()


def test_sampling_is_the_same_each_time() -> None:
    np.testing.assert_array_equal(sample_rows(10_000), sample_rows(10_000))
    assert len(np.unique(sample_rows(10_000))) == 2000


def test_an_empty_figure_keeps_its_height() -> None:
    assert empty_figure("Nothing", height_px=123).layout.height == 123


def test_figures_bring_no_training_library() -> None:
    code = (
        "import sys\n"
        "from engine.figures import classification, comparison, data, layers, regression, reliability, training\n"
        "print([n for n in ('tensorflow', 'keras', 'ray', 'sklearn', 'mlflow', 'streamlit') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
