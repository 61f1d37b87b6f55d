"""What the texts of a data set look like."""

import re
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.profile.repeats import text_columns
from engine.data.scripts import script_counts
from engine.data.values import join_texts, to_text
from engine.specs.records import DatasetRecord
from engine.store.datasets import read_table

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_MOST_TEXTS = 50_000
_MOST_CLASSES = 20
_WORDS_A_CLASS = 20
_PRIOR_WORDS = 500.0  # weight of the prior, in words, of the whole corpus (Monroe et al. use the corpus as prior)
_FEWEST_COUNTS = 5  # rarer words tell of one text, not of a class
_SAMPLES, _SAMPLE_CHARS = 24, 600
_BINS = 40
_HAN_SHARE = 0.3
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")


def describe_texts(record: DatasetRecord, target: str, target_is_class: bool) -> dict[str, Any]:
    """See `engine.data.profile.shapes.TextsProfile`."""
    columns = text_columns(record, target)
    frame = read_table(record.id, [*columns, target])
    step = max(1, -(-len(frame) // _MOST_TEXTS))
    frame = frame.iloc[::step]
    texts = join_texts(frame, columns)
    labels = to_text(frame[target])
    scripts = script_counts("".join(texts.str[:500]))
    letters = sum(scripts.values()) or 1
    chinese = scripts.get("Han", 0) / letters > _HAN_SHARE
    characters = np.asarray(texts.str.len(), dtype=np.float64)
    tokens = characters if chinese else np.asarray(texts.str.count(r"\w+|[^\w\s]"), dtype=np.float64)
    full = texts[characters > 0]
    return {
        "looked_at": len(texts),
        "columns": columns,
        "tokens": "characters" if chinese else "words",
        "empty": int((characters == 0).sum()),
        "characters": _histogram(characters),
        "token_counts": _histogram(tokens),
        "length_quantiles": {str(q): float(np.quantile(tokens, q)) for q in QUANTILES},
        "scripts": {n: round(count / letters, 4) for n, count in scripts.items() if count / letters >= 1e-3},
        "telling_words": telling_words(full, labels[full.index], chinese) if target_is_class else {},
        "samples": _samples(full, labels),
    }


def _histogram(values: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Whole numbers up to the 99th percentile; longer ones are counted in `above`."""
    top = max(float(np.quantile(values, 0.99)), 1.0)
    width = max(1.0, np.ceil(top / _BINS))
    edges = np.arange(0.0, top + width, width)
    edges = edges if edges[-1] > top else np.append(edges, edges[-1] + width)
    edges = edges[: _BINS + 1]
    counts, _ = np.histogram(values, bins=edges)
    above = int((values > edges[-1]).sum())
    return {"edges": edges.tolist(), "counts": counts.tolist(), "below": 0, "above": above}


def _samples(texts: pd.Series, labels: pd.Series) -> list[dict[str, Any]]:
    chosen = np.unique(np.linspace(0, max(len(texts) - 1, 0), min(_SAMPLES, len(texts))).astype(np.int64))
    return [
        {
            "row": int(texts.index[position]),
            "text": str(texts.iloc[position])[:_SAMPLE_CHARS],
            "label": "" if pd.isna(labels[texts.index[position]]) else str(labels[texts.index[position]]),
        }
        for position in chosen
    ]


def words_of(text: str, chinese: bool) -> list[str]:
    """The words of a text in lower case; of Chinese the pairs of neighbouring characters."""
    if not chinese:
        return _WORD.findall(text.lower())
    return [run[i : i + 2] for run in _HAN.findall(text) for i in range(len(run) - 1)]


def telling_words(texts: pd.Series, labels: pd.Series, chinese: bool) -> dict[str, list[tuple[str, float]]]:
    """Words that stand more often in one class than in the others: z-scores of log-odds with an informative Dirichlet
    prior (Monroe, Colaresi & Quinn 2008, "Fightin' Words", eq. 16 and 22).

    Args:
        texts: the texts.
        labels: their classes.
        chinese: whether pairs of characters stand for words.
    """
    names = [str(name) for name in labels.value_counts().index[:_MOST_CLASSES]]
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    for text, label in zip(texts, labels, strict=True):
        if label in counts:
            counts[label].update(words_of(text, chinese))
    whole: Counter[str] = Counter()
    for counted in counts.values():
        whole.update(counted)
    words = [word for word, count in whole.items() if count >= _FEWEST_COUNTS]
    if not words:
        return {}
    total = np.array([whole[word] for word in words], dtype=np.float64)
    prior = total * (_PRIOR_WORDS / total.sum())
    found: dict[str, list[tuple[str, float]]] = {}
    for name in names:
        mine = np.array([counts[name][word] for word in words], dtype=np.float64)
        scores = log_odds(mine, total - mine, prior)
        best = np.argsort(-scores, kind="stable")[:_WORDS_A_CLASS]
        found[name] = [(words[i], round(float(scores[i]), 3)) for i in best if scores[i] > 0]
    return found


def log_odds(
    mine: npt.NDArray[np.float64], others: npt.NDArray[np.float64], prior: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """`(words,)` z-scores of the log-odds ratio between two counts of the same words, with a Dirichlet prior."""
    weight = prior.sum()
    left = np.log((mine + prior) / (mine.sum() + weight - mine - prior))
    right = np.log((others + prior) / (others.sum() + weight - others - prior))
    return (left - right) / np.sqrt(1.0 / (mine + prior) + 1.0 / (others + prior))
