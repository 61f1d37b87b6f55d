"""In which scripts texts are written, by the blocks of Unicode."""

import re

# Name → ranges. Only scripts that have letters of their own are told apart; digits and signs belong to none.
_RANGES = {
    "Latin": "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ",
    "Han": "㐀-䶿一-鿿豈-﫿\U00020000-\U0002fa1f",
    "Hiragana and Katakana": "぀-ヿㇰ-ㇿ",
    "Hangul": "가-힯ᄀ-ᇿ",
    "Cyrillic": "Ѐ-ԯ",
    "Greek": "Ͱ-Ͽἀ-῿",
    "Arabic": "؀-ۿݐ-ݿ",
    "Hebrew": "֐-׿",
    "Devanagari": "ऀ-ॿ",
    "Thai": "฀-๿",
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
