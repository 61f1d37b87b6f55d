"""What a body was worth before it moved: a linear model on its features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ITERATIONS = 500  # L-BFGS is done sooner on standardised features
STRENGTHS = (0.01, 0.1, 1.0)  # of logistic regression, chosen on held-back rows of the train part
RIDGES = tuple(10.0**power for power in range(-2, 5))
HELD_BACK = 0.2


def fit_and_predict(
    features: NDArray[np.floating],
    targets: NDArray[np.generic],
    unseen: NDArray[np.floating],
    classes: int,
    *,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Fit a linear model on standardised features and predict rows that it has not seen.

    How strongly it is held back is chosen on a fifth of the rows it is given, so that "before" is as good as a linear
    model can be, and no straw man.

    Args:
        features: `(rows, width)` of train rows.
        targets: class codes or numbers `(rows,)`.
        unseen: `(other rows, width)`.
        classes: how many; 0 for numbers.
        seed: of the division that chooses the strength.

    Returns:
        Probabilities `(other rows, classes)`, or numbers `(other rows,)`.
    """
    return _classify(features, targets, unseen, classes, seed) if classes else _regress(features, targets, unseen)


def _classify(
    features: NDArray[np.floating], codes: NDArray[np.generic], unseen: NDArray[np.floating], classes: int, seed: int
) -> NDArray[np.float64]:
    probabilities = np.zeros((len(unseen), classes))
    known = np.unique(codes)
    if len(known) < 2:  # nothing to tell apart
        probabilities[:, int(known[0]) if len(known) else 0] = 1.0
        return probabilities
    model = _logistic(_best_strength(features, codes, seed)).fit(features, codes)
    probabilities[:, known.astype(int)] = model.predict_proba(unseen)
    return probabilities


def _best_strength(features: NDArray[np.floating], codes: NDArray[np.generic], seed: int) -> float:
    from sklearn.model_selection import train_test_split

    held = round(HELD_BACK * len(codes))
    counts = np.unique(codes, return_counts=True)[1]
    if counts.min() < 2 or held < len(counts) or len(codes) - held < len(counts):  # too few to hold any back
        return STRENGTHS[1]
    fit_x, held_x, fit_y, held_y = train_test_split(
        features, codes, test_size=HELD_BACK, stratify=codes, random_state=seed
    )
    scores = [_logistic(strength).fit(fit_x, fit_y).score(held_x, held_y) for strength in STRENGTHS]
    return STRENGTHS[int(np.argmax(scores))]


def _logistic(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=ITERATIONS))


def _regress(
    features: NDArray[np.floating], numbers: NDArray[np.generic], unseen: NDArray[np.floating]
) -> NDArray[np.float64]:
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeCV(RIDGES)).fit(features, np.asarray(numbers, np.float64))
    return np.asarray(model.predict(unseen), np.float64)
