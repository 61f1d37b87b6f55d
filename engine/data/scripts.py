"""In which scripts texts are written, by the blocks of Unicode."""

import re

# Name → ranges. Only scripts that have letters of their own are told apart; digits and signs belong to none.
_RANGES = {
    "Latin": r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff",
    "Han": r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f",
    "Hiragana and Katakana": r"\u3040-\u30ff\u31f0-\u31ff",
    "Hangul": r"\uac00-\ud7af\u1100-\u11ff",
    "Cyrillic": r"\u0400-\u052f",
    "Greek": r"\u0370-\u03ff\u1f00-\u1fff",
    "Arabic": r"\u0600-\u06ff\u0750-\u077f",
    "Hebrew": r"\u0590-\u05ff",
    "Devanagari": r"\u0900-\u097f",
    "Thai": r"\u0e00-\u0e7f",
}
_PATTERNS = {name: re.compile(f"[{ranges}]") for name, ranges in _RANGES.items()}


def script_counts(text: str) -> dict[str, int]:
    """Letters of each script in a text, most frequent first; scripts without a letter are left out."""
    counts = {name: len(pattern.findall(text)) for name, pattern in _PATTERNS.items()}
    return dict(sorted(((name, count) for name, count in counts.items() if count), key=lambda item: -item[1]))


def han_share(text: str) -> float:
    """Share of Chinese characters among all letters, 0 to 1."""
    counts = script_counts(text)
    letters = sum(counts.values())
    return counts.get("Han", 0) / letters if letters else 0.0
