"""The cleaning steps that learn figures from the train part: what they learn, and how it is applied to any row."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from engine.data.values import to_number, to_text
from engine.errors import EngineError, ErrorKind
from engine.specs import cleaning as steps
from engine.text import N_

Learned = dict[str, Any]  # plain JSON
_SMALLEST_SCALE = 1e-12  # a column without spread is only moved, not divided by nothing


def _numbers(step: Any, values: pd.Series, number: int) -> pd.Series:
    """The column as numbers.

    Raises:
        EngineError: BAD_INPUT where it holds text.
    """
    if pd.api.types.is_numeric_dtype(values):
        return to_number(values)
    raise EngineError(
        ErrorKind.BAD_INPUT,
        N_("Cleaning step {number} ({step}) works on numbers, but “{column}” holds none."),
        hint=N_("Set the type of the column to number first, or choose another column or method."),
        number=number,
        step=step.label,
        column=step.column,
    )


def _fit_impute(step: steps.ImputeStep, values: pd.Series, number: int) -> Learned:
    if step.method == "most_frequent":
        modes = values.mode()  # sorted: the same value whichever row came first
        return {"value": None if modes.empty else _plain(modes.iloc[0])}
    if step.method == "value":
        if not pd.api.types.is_numeric_dtype(values):
            return {"value": step.value}
        fill = to_number(pd.Series([step.value], dtype="str")).iloc[0]
        if np.isnan(fill):
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("Cleaning step {number} ({step}) fills the number “{column}” with “{value}”, which is no number."),
                hint=N_("Give a number, or set the type of the column to category."),
                number=number,
                step=step.label,
                column=step.column,
                value=step.value,
            )
        return {"value": float(fill)}
    numbers = _numbers(step, values, number)
    fill = numbers.median() if step.method == "median" else numbers.mean()
    return {"value": None if pd.isna(fill) else float(fill)}


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value


def _replay_impute(step: steps.ImputeStep, learned: Learned, values: pd.Series) -> pd.Series:
    fill = learned["value"]
    if fill is None:  # the column is empty in train: nothing was learned that could fill it
        return values
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.fillna(pd.Timestamp(fill))
    return values.fillna(fill) if pd.api.types.is_numeric_dtype(values) else to_text(values).fillna(str(fill))


def _fit_clip(step: steps.ClipStep, values: pd.Series, number: int) -> Learned:
    numbers = _numbers(step, values, number).dropna()
    if numbers.empty:
        return {"low": None, "high": None}
    low, high = np.quantile(numbers, [step.lower_quantile, step.upper_quantile])
    return {"low": float(low), "high": float(high)}


def _replay_clip(step: steps.ClipStep, learned: Learned, values: pd.Series) -> pd.Series:
    return to_number(values).clip(learned["low"], learned["high"])


def _fit_normalise(step: steps.NormaliseStep, values: pd.Series, number: int) -> Learned:
    numbers = _numbers(step, values, number).dropna()
    if numbers.empty:
        return {"centre": 0.0, "scale": 1.0}
    if step.method == "standard":
        centre, scale = numbers.mean(), numbers.std(ddof=0)
    elif step.method == "range":
        centre, scale = numbers.min(), numbers.max() - numbers.min()
    elif step.method == "robust":
        lower, centre, upper = np.quantile(numbers, [0.25, 0.5, 0.75])
        scale = upper - lower
    else:  # log: counted from the smallest train value, so that 0 and negative numbers have one too
        centre, scale = min(float(numbers.min()), 0.0), 1.0
    return {"centre": float(centre), "scale": float(scale) if scale > _SMALLEST_SCALE else 1.0}


def _replay_normalise(step: steps.NormaliseStep, learned: Learned, values: pd.Series) -> pd.Series:
    moved = (to_number(values) - learned["centre"]) / learned["scale"]
    return np.log1p(moved.clip(lower=0.0)) if step.method == "log" else moved


def _fit_date(step: steps.DateFeaturesStep, values: pd.Series, number: int) -> Learned:
    first = values.min()
    return {"first": 0.0 if pd.isna(first) else float(first)}


def _replay_date(step: steps.DateFeaturesStep, learned: Learned, values: pd.Series) -> pd.Series:
    return values - learned["first"]


FITTED: dict[type[steps.CleaningStep], tuple[Callable[..., Learned], Callable[..., pd.Series]]] = {
    steps.ImputeStep: (_fit_impute, _replay_impute),
    steps.ClipStep: (_fit_clip, _replay_clip),
    steps.NormaliseStep: (_fit_normalise, _replay_normalise),
    steps.DateFeaturesStep: (_fit_date, _replay_date),
}


def _column(step: Any) -> str:
    """The column that a fitted step changes."""
    return f"{step.column}_days" if isinstance(step, steps.DateFeaturesStep) else str(step.column)


def fit_step(step: steps.CleaningStep, train: pd.DataFrame, number: int) -> Learned:
    """What a step learns from the train rows; `number` is its place in the plan, for messages."""
    fit, _ = FITTED[type(step)]
    return fit(step, train[_column(step)], number)


def replay_step(step: steps.CleaningStep, learned: Learned, frame: pd.DataFrame) -> None:
    """Apply a step to rows, in place, with what it learned."""
    _, replay = FITTED[type(step)]
    column = _column(step)
    if learned and column in frame.columns:
        frame[column] = replay(step, learned, frame[column])
