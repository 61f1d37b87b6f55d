"""Simple models on the same split, so that nobody is proud of a network that a simpler model beats.

For every task a trivial one (majority class, mean) and a classical one: gradient boosting on tables, logistic
regression on TF-IDF for texts and on pixels for images. They learn from the train part alone.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.features import ImageFeatures, TableFeatures
from engine.specs import Modality, Part
from engine.text import N_

if TYPE_CHECKING:
    from engine.data.load import Prepared

# Bounds that keep a fit within about a minute on two cores.
MAX_TABLE_ROWS = 200_000
MAX_TEXT_ROWS = 60_000
MAX_TEXT_FEATURES = 200_000
MAX_IMAGE_ROWS = 10_000
MAX_TREES = 10_000  # over all classes: boosting grows one tree a class in each round
ROUNDS = 100  # scikit-learn's own default
ONE_THREAD_ROWS = 20_000  # below it threads wait for each other: 0.2 s alone, 6 s in two threads on a busy machine

log = logging.getLogger("lathe.evaluation")

Kind = Literal["trivial", "classical"]
Predict = Callable[[NDArray[np.integer]], NDArray[np.floating]]
_Fitted = tuple[str, Kind, Predict, float, tuple[dict[str, Any], ...]]


@dataclass(frozen=True)
class Baseline:
    """A fitted simple model with its predictions of the other parts."""

    name: str  # marked for translation
    kind: Kind
    predictions: Mapping[Part, NDArray[np.floating]]  # probabilities (rows, classes) or values (rows,)
    seconds: float
    notices: tuple[dict[str, Any], ...] = field(default=())  # {"message": template, "values": {…}}


def fit_baselines(
    prepared: Prepared, *, parts: Sequence[Part] = (Part.VALIDATION, Part.TEST), seed: int = 0
) -> list[Baseline]:
    """Fit the trivial and the classical model on the train part and predict `parts`.

    A classical model that cannot be fitted (one class only, no usable column) is left out; the trivial one never is.

    Args:
        prepared: the data of the run, with its parts.
        parts: what to predict; parts without rows are passed over.
        seed: of the classical model and of the rows it is given where there are too many.
    """
    wanted = [part for part in parts if len(prepared.parts.get(part, ()))]
    train = np.asarray(prepared.parts[Part.TRAIN])
    name = N_("Majority class") if prepared.classes else N_("Mean")
    fitted = [_timed(name, "trivial", _trivial, prepared, train)]
    if not prepared.classes or len(np.unique(np.asarray(prepared.target)[train])) > 1:
        fitted += _classical(prepared, train, seed)
    return [
        Baseline(
            name=name,
            kind=kind,
            predictions={part: predict(np.asarray(prepared.parts[part])) for part in wanted},
            seconds=seconds,
            notices=notices,
        )
        for name, kind, predict, seconds, notices in fitted
    ]


def _classical(prepared: Prepared, train: NDArray[np.integer], seed: int) -> list[_Fitted]:
    name, fit, most_rows = _CLASSICAL[prepared.spec.task.modality]
    kept, notices = _at_most(train, most_rows, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "did not converge": good enough for a yardstick
        try:
            return [_timed(name, "classical", lambda p, rows: fit(p, rows, seed), prepared, kept, notices)]
        except ValueError as error:  # nothing to learn from, such as texts without a single word
            log.warning("no classical baseline: %s", error)
            return []


def _timed(
    name: str,
    kind: Kind,
    fit: Callable[[Prepared, NDArray[np.integer]], Predict],
    prepared: Prepared,
    rows: NDArray[np.integer],
    notices: tuple[dict[str, Any], ...] = (),
) -> _Fitted:
    start = time.perf_counter()
    predict = fit(prepared, rows)
    return name, kind, predict, time.perf_counter() - start, notices


def _at_most(
    train: NDArray[np.integer], most_rows: int, seed: int
) -> tuple[NDArray[np.integer], tuple[dict[str, Any], ...]]:
    if len(train) <= most_rows:
        return train, ()
    kept = np.sort(np.random.default_rng(seed).choice(train, most_rows, replace=False))
    message = N_("The classical baseline was fitted on {used} of {rows} train rows, to keep it quick.")
    return kept, ({"message": message, "values": {"used": most_rows, "rows": len(train)}},)


def _trivial(prepared: Prepared, train: NDArray[np.integer]) -> Predict:
    target = np.asarray(prepared.target)[train]
    if not prepared.classes:
        mean = float(target.mean())
        return lambda positions: np.full(len(positions), mean)
    shares = np.bincount(target.astype(np.int64), minlength=len(prepared.classes)) / len(target)
    return lambda positions: np.tile(shares, (len(positions), 1))


def _boosting(prepared: Prepared, train: NDArray[np.integer], seed: int) -> Predict:
    """Histogram gradient boosting (Ke et al. 2017) on numbers and categories, gaps left as they are."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    features = TableFeatures.fit(prepared, train)
    target = np.asarray(prepared.target)
    classes = len(prepared.classes)
    model_class = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    rounds = min(ROUNDS, max(10, MAX_TREES // max(classes, 1)))
    model = model_class(
        categorical_features=features.is_category, max_iter=rounds, early_stopping=False, random_state=seed
    )
    with threadpool_limits(1 if len(train) < ONE_THREAD_ROWS else None):
        model.fit(features.matrix(prepared, train), target[train])
    if not classes:
        return lambda positions: model.predict(features.matrix(prepared, positions))
    return lambda positions: _spread(model.predict_proba(features.matrix(prepared, positions)), model.classes_, classes)


def _tf_idf(prepared: Prepared, train: NDArray[np.integer], seed: int) -> Predict:
    """Logistic regression on TF-IDF of words (1-2) or, for Chinese, characters (1-2)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    characters = getattr(prepared.spec.preprocessing, "tokens", "words") == "characters"
    vectorizer = TfidfVectorizer(
        analyzer="char" if characters else "word",
        ngram_range=(1, 2),
        token_pattern=None if characters else r"(?u)\b\w+\b",  # one-letter words count: "i", "a"
        sublinear_tf=True,
        min_df=2 if len(train) > 1000 else 1,
        max_features=MAX_TEXT_FEATURES,
    )
    matrix = vectorizer.fit_transform(prepared.texts(train))
    model = LogisticRegression(C=4.0, max_iter=200, random_state=seed)
    model.fit(matrix, np.asarray(prepared.target)[train])
    return lambda positions: _spread(
        model.predict_proba(vectorizer.transform(prepared.texts(positions))), model.classes_, len(prepared.classes)
    )


def _pixels(prepared: Prepared, train: NDArray[np.integer], seed: int) -> Predict:
    """Logistic regression on small pictures (LeCun et al. 1998 begin with a linear classifier, too)."""
    from sklearn.linear_model import LogisticRegression

    features = ImageFeatures.of(prepared)
    model = LogisticRegression(C=0.1, max_iter=100, tol=1e-2, random_state=seed)
    pixels = features.matrix(prepared, train)
    centre, scale = pixels.mean(axis=0), max(float(pixels.std()), 1e-6)  # one scale: dead pixels stay quiet
    model.fit((pixels - centre) / scale, np.asarray(prepared.target)[train])
    return lambda positions: _spread(
        model.predict_proba((features.matrix(prepared, positions) - centre) / scale),
        model.classes_,
        len(prepared.classes),
    )


def _spread(probabilities: NDArray[np.floating], labels: NDArray[np.integer], classes: int) -> NDArray[np.floating]:
    """Columns for all classes, also for those that the train part did not have."""
    result = np.zeros((len(probabilities), classes))
    result[:, np.asarray(labels, dtype=np.int64)] = probabilities
    return result


_CLASSICAL: dict[Modality, tuple[str, Callable[[Prepared, NDArray[np.integer], int], Predict], int]] = {
    Modality.TABLE: (N_("Gradient boosting"), _boosting, MAX_TABLE_ROWS),
    Modality.TEXT: (N_("TF-IDF + logistic regression"), _tf_idf, MAX_TEXT_ROWS),
    Modality.IMAGE: (N_("Logistic regression on pixels"), _pixels, MAX_IMAGE_ROWS),
}
