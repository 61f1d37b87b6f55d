"""Cleaning steps. They are part of the document: they replay on every row that the model is ever shown.

Row-wise steps look at one row at a time; the fitted ones (impute, clip, normalise) learn their numbers from the train
part only and are saved with the model. Add a step: one class here, one function in `engine.data.cleaning`.
"""

from typing import Literal

from engine.specs.base import Choice, setting
from engine.specs.task import ColumnKind
from engine.text import N_


class CleaningStep(Choice):
    """One step; steps run in the order in which they stand in the document."""


class SetTypeStep(CleaningStep):
    """Read a column as another kind (text that holds numbers, numbers that are codes)."""

    kind: Literal["set_type"] = "set_type"
    label = N_("Set type")
    summary = N_("Reads a column as another kind; what cannot be read becomes missing.")
    column: str = setting(title=N_("Column"))
    to: ColumnKind = setting(title=N_("Kind"))


class ImputeStep(CleaningStep):
    """Fill missing values with a number learned from the train part."""

    kind: Literal["impute"] = "impute"
    label = N_("Fill missing values")
    summary = N_("Fills gaps with a value learned from the train part.")
    column: str = setting(title=N_("Column"))
    method: Literal["median", "mean", "most_frequent", "value"] = setting("median", title=N_("Method"))
    value: str = setting("", title=N_("Value"), when={"method": ("value",)})


class DropColumnsStep(CleaningStep):
    """Leave columns out."""

    kind: Literal["drop_columns"] = "drop_columns"
    label = N_("Drop columns")
    summary = N_("Leaves columns out.")
    columns: tuple[str, ...] = setting(title=N_("Columns"), min_length=1)


class DropMissingStep(CleaningStep):
    """Leave out rows that miss a value in a column."""

    kind: Literal["drop_missing"] = "drop_missing"
    label = N_("Drop rows with gaps")
    summary = N_("Leaves out the rows that have no value in this column.")
    column: str = setting(title=N_("Column"))


class ClipStep(CleaningStep):
    """Limit outliers to two quantiles of the train part."""

    kind: Literal["clip"] = "clip"
    label = N_("Clip outliers")
    summary = N_("Limits a number to two quantiles of the train part.")
    column: str = setting(title=N_("Column"))
    lower_quantile: float = setting(0.01, title=N_("Lower quantile"), ge=0.0, lt=0.5, step=0.005)
    upper_quantile: float = setting(0.99, title=N_("Upper quantile"), gt=0.5, le=1.0, step=0.005)


class DeduplicateStep(CleaningStep):
    """Keep the first of identical examples (over all columns, or over some)."""

    kind: Literal["deduplicate"] = "deduplicate"
    label = N_("Remove duplicates")
    summary = N_("Keeps the first of identical examples. In data with given parts, test rows win over train rows.")
    columns: tuple[str, ...] = setting((), title=N_("Columns"), help=N_("Empty: all columns."))


class FilterStep(CleaningStep):
    """Keep the rows for which a comparison holds."""

    kind: Literal["filter"] = "filter"
    label = N_("Filter rows")
    summary = N_("Keeps the rows for which a comparison holds.")
    column: str = setting(title=N_("Column"))
    comparison: Literal["equal", "not_equal", "less", "at_most", "greater", "at_least", "contains", "one_of"] = setting(
        "equal", title=N_("Comparison")
    )
    value: str = setting(title=N_("Value"), help=N_("For “one of”: values separated by commas."))


class RelabelStep(CleaningStep):
    """Rename or merge classes of a column."""

    kind: Literal["relabel"] = "relabel"
    label = N_("Relabel")
    summary = N_("Renames or merges values, for example “<=50K.” to “<=50K”.")
    column: str = setting(title=N_("Column"))
    mapping: dict[str, str] = setting(title=N_("From → to"), min_length=1)


class NormaliseStep(CleaningStep):
    """Scale a number with figures learned from the train part."""

    kind: Literal["normalise"] = "normalise"
    label = N_("Normalise")
    summary = N_(
        "Scales a number: standard (mean 0, deviation 1), range (0 to 1), robust (median and quartiles) or logarithm."
    )
    column: str = setting(title=N_("Column"))
    method: Literal["standard", "range", "robust", "log"] = setting("standard", title=N_("Method"))


class DateFeaturesStep(CleaningStep):
    """Turn a date into numbers: year, month, weekday, hour, days since the first date of the train part."""

    kind: Literal["date_features"] = "date_features"
    label = N_("Date → numbers")
    summary = N_("Turns a date into year, month, weekday, hour and days since the first date.")
    column: str = setting(title=N_("Column"))


class TextFeaturesStep(CleaningStep):
    """Turn a text into numbers: characters, words, digits, capitals, punctuation."""

    kind: Literal["text_features"] = "text_features"
    label = N_("Text → numbers")
    summary = N_("Turns a text into counts: characters, words, digits, capitals, punctuation.")
    column: str = setting(title=N_("Column"))
