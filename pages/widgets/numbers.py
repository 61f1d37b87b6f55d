"""Numbers as people read them: with separators, units and no more digits than they can use."""

from __future__ import annotations

import math
import time

from pages.widgets.text import _, ngettext

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(n: float) -> str:
    """`1234567` → `1,234,567`."""
    return f"{round(n):,}"


def short(n: float) -> str:
    """`25600000` → `25.6 M`; below ten thousand as it is."""
    if not math.isfinite(n):
        return "–"
    if abs(n) < 10_000:
        return count(n)
    factor, prefix = next(pair for pair in _PREFIXES if abs(n) >= pair[0])
    return f"{n / factor:.3g} {prefix}" if abs(n) / factor < 1000 else f"{n / factor:,.0f} {prefix}"


def size(n_bytes: float) -> str:
    """`1200000000` → `1.2 GB` (powers of 1000, as on a disk's label)."""
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(n_bytes) >= factor:
            return f"{n_bytes / factor:.3g} {unit}"
    return f"{n_bytes:.0f} B"


def duration(seconds: float | None) -> str:
    """`200` → `3 min 20 s`; a dash where it is not known."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return "–"
    if seconds < 1:
        return _("{n} ms").format(n=f"{seconds * 1000:.0f}")
    if seconds < 10:
        return _("{n} s").format(n=f"{seconds:.1f}".removesuffix(".0"))
    whole = round(seconds)
    if whole < 60:
        return _("{n} s").format(n=whole)
    if whole < 3600:
        return _("{minutes} min {seconds} s").format(minutes=whole // 60, seconds=whole % 60)
    if whole < 48 * 3600:
        return _("{hours} h {minutes} min").format(hours=whole // 3600, minutes=whole % 3600 // 60)
    return _("{days} d {hours} h").format(days=whole // 86400, hours=whole % 86400 // 3600)


def percent(share: float | None, digits: int = 1) -> str:
    """`0.1234` → `12.3 %`."""
    return "–" if share is None or not math.isfinite(share) else f"{100 * share:.{digits}f} %"


def figure(value: float | None, digits: int = 4) -> str:
    """A measured value with its significant digits: `0.92134` → `0.9213`, `47600.4` → `47,600`."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def ago(moment: float | None, now: float | None = None) -> str:
    """How long ago a moment (Unix seconds) was: `5 minutes ago`; a date where it is more than a week."""
    if not moment:
        return "–"
    seconds = max(0.0, (time.time() if now is None else now) - moment)
    if seconds < 45:
        return _("just now")
    if seconds < 3600:
        return ngettext("{n} minute ago", "{n} minutes ago", max(1, round(seconds / 60)))
    if seconds < 24 * 3600:
        return ngettext("{n} hour ago", "{n} hours ago", round(seconds / 3600))
    if seconds < 7 * 24 * 3600:
        return ngettext("{n} day ago", "{n} days ago", round(seconds / 86400))
    return time.strftime("%Y-%m-%d", time.localtime(moment))
