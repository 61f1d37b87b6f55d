"""Reads the values of a column as one kind: numbers as float64, dates as datetime64, everything else as text."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from engine.specs.task import ColumnKind

# Numbers in a date column: four digits are a year, up to this a Unix time in seconds, above it in milliseconds.
_LARGEST_YEAR = 9999
_LARGEST_SECONDS = 1e11  # the year 5138
# A sign or brackets, a currency before or behind, thousands in groups of three, a share in per cent.
_WRITTEN = (
    r"^(?P<open>\()?(?P<minus>-)?\s*[$€£¥₹￥]?\s*(?P<digits>(?:\d{1,3}(?:[,'\u00a0\u202f ]\d{3})+|\d+)(?:\.\d+)?)"
    r"\s*[$€£¥₹元]?\s*(?P<percent>%)?\)?$"
)


def to_number(values: pd.Series) -> pd.Series:
    """The values as float64; what is not a finite number is missing."""
    if pd.api.types.is_datetime64_any_dtype(values):
        naive = to_date(values)
        return (naive - pd.Timestamp(0)) / pd.Timedelta(days=1)
    if not pd.api.types.is_numeric_dtype(values):
        plain = pd.to_numeric(values, errors="coerce")
        values = plain.where(plain.notna(), _written_numbers(values[plain.isna()]).reindex(values.index))
    numbers = pd.Series(values.to_numpy(dtype=np.float64, na_value=np.nan), index=values.index, name=values.name)
    return numbers.where(np.isfinite(numbers))


def _written_numbers(values: pd.Series) -> pd.Series:
    """Numbers as people write them: "$1,200.50", "1 200 €", "12 %" (0.12), "(35)" (-35); others are missing."""
    texts = values.astype("str").str.replace("\u2212", "-").str.strip()
    parts = texts.str.extract(_WRITTEN)
    sign = np.where((parts["minus"] == "-") | (parts["open"] == "("), -1.0, 1.0)
    digits = pd.to_numeric(parts["digits"].str.replace(r"[,'\u00a0\u202f ]", "", regex=True), errors="coerce")
    return digits * sign * np.where(parts["percent"] == "%", 0.01, 1.0)


def to_text(values: pd.Series) -> pd.Series:
    """The values as text; whole numbers without a decimal point, missing ones stay missing."""
    if isinstance(values.dtype, pd.StringDtype):
        return values.astype("str")
    if pd.api.types.is_float_dtype(values):
        whole = values.dropna()
        if len(whole) and np.isfinite(whole).all() and (whole == np.round(whole)).all() and whole.abs().max() < 2**53:
            return values.astype("Int64").astype("string").astype("str")
    texts = values.map(str, na_action="ignore")
    return texts.astype(object).where(values.notna(), np.nan).astype("str")


def to_date(values: pd.Series) -> pd.Series:
    """The values as datetimes without a zone (UTC); what is not a date is missing."""
    if pd.api.types.is_datetime64_any_dtype(values):
        dates = pd.to_datetime(values, utc=True)
    elif pd.api.types.is_numeric_dtype(values):
        dates = _dates_of_numbers(to_number(values))
    else:
        dates = pd.to_datetime(values, errors="coerce", format="mixed", utc=True)
    return dates.dt.tz_localize(None).astype("datetime64[us]")


def _dates_of_numbers(numbers: pd.Series) -> pd.Series:
    largest = numbers.abs().max()
    if largest <= _LARGEST_YEAR:
        texts = pd.Series([f"{year:04.0f}" for year in numbers], index=numbers.index, dtype="str")  # "nan" is no year
        return pd.to_datetime(texts, format="%Y", errors="coerce", utc=True)
    milliseconds = numbers if largest > _LARGEST_SECONDS else numbers * 1000
    return pd.to_datetime(milliseconds, unit="ms", errors="coerce", utc=True)


def as_kind(values: pd.Series, kind: ColumnKind) -> pd.Series:
    """The values as a kind holds them; identifiers, constants and images are left as they are."""
    if kind is ColumnKind.NUMBER:
        return to_number(values)
    if kind is ColumnKind.DATE:
        return to_date(values)
    if kind in (ColumnKind.CATEGORY, ColumnKind.TEXT):
        return to_text(values)
    return values


def join_texts(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Text columns put together row by row, one below the other; missing ones count as empty."""
    pieces = [to_text(frame[name]).fillna("").to_list() for name in columns]
    return pd.Series(["\n".join(row).strip() for row in zip(*pieces, strict=True)], index=frame.index, dtype="str")


def natural_key(text: str) -> tuple[object, ...]:
    """Sorts numbers numerically and runs of digits inside a text too: 2 before 10, "img9" before "img10"."""
    try:
        return (0, float(text), text)
    except ValueError:
        pieces = re.split(r"(\d+)", text)
        return (1, *((0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces), text)
