"""A tweak and what it does, in words: "Learning rate 0.001 → 0.003", "validation accuracy +0.8 points, better"."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import EngineError
from engine.specs import RunSpec
from engine.specs.knobs import Knob, changes_between
from engine.specs.prediction import Effect
from engine.specs.probe import INFINITE, VerdictKind, VerdictRecord
from engine.text import N_
from pages.widgets import documents, fields, layout, numbers
from pages.widgets.text import _, plain, say_raw

SHARES = ("accuracy", "balanced_accuracy", "macro_f1", "micro_f1", "weighted_f1", "f1", "precision", "recall")
VERDICT_LOOKS = {
    VerdictKind.BETTER: (":material/trending_up:", "green"),
    VerdictKind.WORSE: (":material/trending_down:", "red"),
    VerdictKind.WITHIN_NOISE: (":material/drag_handle:", "gray"),
    VerdictKind.TOO_EARLY: (":material/hourglass_top:", "blue"),
    VerdictKind.SAME: (":material/equal:", "gray"),
    VerdictKind.FAILS: (":material/error:", "red"),
}
METRIC_WORDS = {  # key of a curve → its name within a sentence
    "val/accuracy": N_("validation accuracy"),
    "val/loss": N_("validation loss"),
    "val/rmse": N_("validation RMSE"),
    "val/mae": N_("validation MAE"),
    "train/loss": N_("training loss"),
    "train/accuracy": N_("training accuracy"),
    "train/rmse": N_("training RMSE"),
}


def edited(baseline: RunSpec, changes: Mapping[str, Any]) -> RunSpec:
    """The baseline with a tweak laid over it; what a new kind brings along is set after the kind.

    Raises:
        EngineError: BAD_INPUT where the tweak does not fit the document.
    """
    return baseline.edit(ordered(changes))


def ordered(changes: Mapping[str, Any]) -> dict[str, Any]:
    """A tweak in the order in which `RunSpec.edit` has to read it: a new kind first, which resets what is beside it."""
    return dict(sorted(changes.items(), key=lambda change: (not change[0].endswith(".kind"), change[0].count("."))))


def in_words(baseline: RunSpec, changes: Mapping[str, Any]) -> str:
    """The difference from the baseline, translated: "Learning rate 0.001 → 0.003, Optimizer AdamW → Lion"."""
    try:
        return ", ".join(words for _path, words in parts_in_words(baseline, changes)) or _("The baseline")
    except EngineError:
        return ", ".join(f"{path} → {value}" for path, value in changes.items())


def parts_in_words(baseline: RunSpec, changes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(path, words) of every field in which the edited document differs. No markdown: make it `plain` for labels.

    Raises:
        EngineError: BAD_INPUT where the tweak does not fit the document.
    """
    after = edited(baseline, changes)
    found = changes_between(baseline, after)
    paths = {change.path for change in found}
    titles = [_(change.title) for change in found]
    parts = []
    for change, title in zip(found, titles, strict=True):
        name = documents.path_titles([after, baseline], change.path) if titles.count(title) > 1 else title
        old = documents.value_text(baseline, change.path, change.before)
        new = documents.value_text(after, change.path, change.after)
        parts.append((change.path, f"{name} {old} → {new}"))
    for path in changes:  # set beside a new kind: not a difference of its own, but a part of the tweak
        if path not in paths and f"{path.rpartition('.')[0]}.kind" in paths:
            value = documents.value_text(after, path, changes[path])
            parts.append((path, f"{documents.path_titles([after], path).rpartition(' › ')[2]} {value}"))
    return parts


def knob_value(knob: Knob, value: Any) -> str:
    """A position of a knob as text, with its unit."""
    if knob.kind == "bool":
        return _("on") if value else _("off")
    if knob.kind == "choice":
        if isinstance(value, list | tuple):
            return " · ".join(str(item) for item in value)
        label = dict(zip(knob.choices, knob.labels, strict=False)).get(value, "") if knob.labels else ""
        return _(label) if label and label != str(value).replace("_", " ") else fields.value_label(value)
    text = numbers.count(value) if knob.kind == "int" else fields.format_float(value)
    return f"{text} {_(fields.UNITS.get(knob.unit, knob.unit))}" if knob.unit else text


def is_share(metric: str) -> bool:
    """Whether a metric is a share of one, drawn in percent and compared in points."""
    return metric.rpartition("/")[2] in SHARES


def scale_of(metric: str) -> tuple[float, str]:
    """Factor and unit in which a metric is drawn."""
    return (100.0, "%") if is_share(metric) else (1.0, "")


def metric_words(metric: str) -> str:
    """The name of a curve within a sentence, translated."""
    return _(METRIC_WORDS[metric]) if metric in METRIC_WORDS else layout.metric_title_raw(metric)


def difference(value: float | None, metric: str, *, unit: bool = True) -> str:
    """A difference with its sign: `+0.8 points`, `−3.2`."""
    if value is None or not math.isfinite(value):
        return "–"
    scaled = value * scale_of(metric)[0]
    text = _signed(scaled, 1 if is_share(metric) else 0)
    return say_raw("{n} points", n=text) if unit and is_share(metric) else text


def _signed(value: float, decimals: int) -> str:
    if decimals:
        digits = decimals if abs(value) >= 0.05 or value == 0 else 2
        text = f"{abs(value):.{digits}f}"
    else:
        text = numbers.figure(abs(value), 3)
    sign = "" if not float(text.replace(",", "")) else "+" if value > 0 else "−"
    return f"{sign}{text}" if sign else "±0"


def ends(verdict: VerdictRecord) -> str:
    """The 95 % interval of a difference, `+0.2 to +1.4`; empty where nothing is known of it."""
    low, high = verdict.low, verdict.high
    if low is None or high is None or low <= -INFINITE or high >= INFINITE:
        return ""
    metric = verdict.metric
    return say_raw(
        "{low} to {high}", low=difference(low, metric, unit=False), high=difference(high, metric, unit=False)
    )


def interval(verdict: VerdictRecord) -> str:
    """The same as it stands behind a value: ` (95 %: +0.2 to +1.4)`."""
    known = ends(verdict)
    return say_raw(" (95 %: {interval})", interval=known) if known else ""


def effect(verdict: VerdictRecord) -> str:
    """`+0.8 points (95 %: +0.2 to +1.4)`; a dash where nothing is known."""
    if verdict.kind in (VerdictKind.FAILS, VerdictKind.SAME) or verdict.difference is None:
        return "–"
    return difference(verdict.difference, verdict.metric) + interval(verdict)


def sentence(verdict: VerdictRecord) -> str:
    """What the probes say, in one sentence with its interval. Safe in markdown."""
    kind, metric = verdict.kind, metric_words(verdict.metric)
    if kind is VerdictKind.SAME:
        return plain(_("Nothing is changed yet: turn a knob."))
    if kind is VerdictKind.FAILS:
        return plain(_("This does not train."))
    if verdict.difference is None:
        return plain(say_raw("{metric}: measuring…", metric=_capital(metric)))
    values = {"metric": _capital(metric), "effect": effect(verdict), "n": verdict.pairs}
    templates = {
        VerdictKind.BETTER: N_("{metric} {effect}, better"),
        VerdictKind.WORSE: N_("{metric} {effect}, worse"),
        VerdictKind.WITHIN_NOISE: N_("{metric} {effect}, within the noise"),
        VerdictKind.TOO_EARLY: N_("{metric} {effect} with one seed: too early to tell"),
    }
    return plain(say_raw(templates[kind], **values))


def expectation(effect: Effect) -> str:
    """What a tweak is expected to do before it is measured, in a sentence. Safe in markdown."""
    if not effect.inside or effect.difference is None:
        if effect.missing:
            return plain(say_raw("Expected: unknown; {n} more results are needed to foretell.", n=effect.missing))
        if effect.notice:
            return plain(say_raw("Expected: unknown. {reason} A probe will tell.", reason=_reason(effect.notice)))
        return plain(_("Expected: unknown. This lies outside of what was tried here; the probe will tell."))
    band, metric = effect.difference, effect.metric
    words = say_raw(
        "Expected before measuring: {metric} {value} (90 %: {low} to {high}), from {n} results",
        metric=metric_words(metric),
        value=difference(band.value, metric),
        low=difference(band.low, metric, unit=False),
        high=difference(band.high, metric, unit=False),
        n=effect.points,
    )
    if effect.cost is not None and effect.cost.seconds is not None and effect.cost.memory_bytes is not None:
        words += "; " + say_raw(
            "a full run about {time}, {memory}",
            time=numbers.duration(effect.cost.seconds.value),
            memory=numbers.size(effect.cost.memory_bytes.value),
        )
    if effect.notice:
        words += ". " + _reason(effect.notice)
    return plain(words)


def _reason(notice: Mapping[str, Any]) -> str:
    """The engine's sentence; the name of a knob in it is translated too."""
    values = dict(notice.get("values", {}))
    if "title" in values:
        values["title"] = _(values["title"])
    return say_raw(notice["message"], **values)


def badge(verdict: VerdictRecord) -> str:
    """The verdict as a coloured word with an icon, as markdown."""
    icon, colour = VERDICT_LOOKS[verdict.kind]
    return f":{colour}-badge[{icon} {_(verdict.kind.label)}]"


def mark(verdict: VerdictRecord) -> str:
    """The verdict as a coloured icon, for a sentence that says it in words."""
    icon, colour = VERDICT_LOOKS[verdict.kind]
    return f":{colour}[{icon}]"


def letters(count: int) -> Sequence[str]:
    """Names of pinned variants: A, B, C…"""
    return [chr(ord("A") + place) for place in range(count)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
