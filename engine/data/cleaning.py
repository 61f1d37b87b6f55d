"""Runs the cleaning steps of a document.

Steps that look at one row at a time run first, in their order, on all rows; then the rows are divided; then the fitted
steps (impute, clip, normalise, the first date) run in their order with figures learned from the train part alone, so
that nothing of validation or test slips into them. `FittedCleaner` replays both on new rows, of which it drops none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from engine.data.fitted_cleaning import FITTED, fit_step, replay_step
from engine.data.values import as_kind, join_texts, to_date, to_number, to_text
from engine.errors import EngineError, ErrorKind
from engine.specs import cleaning as steps
from engine.specs.data import DataSpec
from engine.specs.task import ColumnKind, Part
from engine.store.datasets import PART_COLUMN
from engine.text import N_


@dataclass(frozen=True)
class Rows:
    """Rows on their way through the cleaning."""

    frame: pd.DataFrame
    kinds: dict[str, ColumnKind]
    target: str
    derived: dict[str, tuple[str, ...]]  # column -> the columns that a step made from it
    dataset: str = ""  # where the images of `frame` lie

    def with_column(self, name: str, values: pd.Series, kind: ColumnKind) -> "Rows":
        """The rows with one column set."""
        return replace(self, frame=self.frame.assign(**{name: values}), kinds={**self.kinds, name: kind})

    def keep(self, mask: pd.Series) -> "Rows":
        """Only the rows for which `mask` holds."""
        return replace(self, frame=self.frame[mask.to_numpy(dtype=bool)])


def start_rows(frame: pd.DataFrame, kinds: dict[str, ColumnKind], target: str, dataset: str = "") -> Rows:
    """Raw rows whose values are read as the kinds that the import saw; the target stays as it is."""
    present = {name: kind for name, kind in kinds.items() if name in frame.columns}
    columns = {
        str(name): as_kind(values, present[str(name)]) if name in present and name != target else values
        for name, values in frame.items()
    }
    return Rows(pd.DataFrame(columns, index=frame.index), present, target, {}, dataset)


# ---- steps that look at one row at a time ---------------------------------------------------------------------------
def _set_type(step: steps.SetTypeStep, rows: Rows) -> Rows:
    return rows.with_column(step.column, as_kind(rows.frame[step.column], step.to), step.to)


def _drop_columns(step: steps.DropColumnsStep, rows: Rows) -> Rows:
    gone = set(step.columns)
    kinds = {name: kind for name, kind in rows.kinds.items() if name not in gone}
    return replace(rows, frame=rows.frame.drop(columns=list(step.columns)), kinds=kinds)


def _drop_missing(step: steps.DropMissingStep, rows: Rows) -> Rows:
    return rows.keep(rows.frame[step.column].notna())


def _deduplicate(step: steps.DeduplicateStep, rows: Rows) -> Rows:
    from engine.data.duplicates import example_keys

    columns = list(step.columns) or [name for name in rows.frame.columns if name != PART_COLUMN]
    keys = example_keys(rows.frame, columns, rows.kinds, rows.dataset)
    order = np.arange(len(keys))
    if PART_COLUMN in rows.frame:  # test rows win over validation rows, those over train rows
        rank = rows.frame[PART_COLUMN].map({Part.TEST.value: 0, Part.VALIDATION.value: 1}).fillna(2).to_numpy()
        order = np.argsort(rank, kind="stable")
    kept = order[~pd.Series(keys[order]).duplicated().to_numpy()]
    mask = np.zeros(len(keys), dtype=bool)
    mask[kept] = True
    return rows.keep(pd.Series(mask))


def _filter(step: steps.FilterStep, rows: Rows) -> Rows:
    values = rows.frame[step.column]
    if step.comparison == "contains":
        return rows.keep(to_text(values).str.contains(step.value, regex=False, na=False))
    if step.comparison == "one_of":
        wanted = {item.strip() for item in step.value.split(",")}
        return rows.keep(to_text(values).isin(wanted))
    left, right = _comparable(values, step, rows.kinds.get(step.column, ColumnKind.CATEGORY))
    compare: dict[str, Callable[[], pd.Series]] = {
        "equal": lambda: left == right,
        "not_equal": lambda: left != right,
        "less": lambda: left < right,
        "at_most": lambda: left <= right,
        "greater": lambda: left > right,
        "at_least": lambda: left >= right,
    }
    return rows.keep(compare[step.comparison]().fillna(False))


def _comparable(values: pd.Series, step: steps.FilterStep, kind: ColumnKind) -> tuple[pd.Series, Any]:
    """Both sides of a comparison as numbers or dates where the column holds such, else as text."""
    if kind is ColumnKind.DATE:
        right = to_date(pd.Series([step.value], dtype="str")).iloc[0]
        left = to_date(values)
    elif kind is ColumnKind.NUMBER or pd.api.types.is_numeric_dtype(values):
        right = to_number(pd.Series([step.value], dtype="str")).iloc[0]
        left = to_number(values)
    else:
        return to_text(values), step.value
    if pd.isna(right):
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The filter on “{column}” compares with “{value}”, but its values are of the kind {column_kind}."),
            hint=N_("Give a value of that kind, or set the type of the column first."),
            column=step.column,
            value=step.value,
            column_kind=kind.value,
        )
    return left, right


def _relabel(step: steps.RelabelStep, rows: Rows) -> Rows:
    values = to_text(rows.frame[step.column])
    kind = rows.kinds.get(step.column, ColumnKind.CATEGORY)
    renamed = values.map(lambda text: step.mapping.get(text, text), na_action="ignore").astype("str")
    if step.column == rows.target:
        return rows.with_column(step.column, renamed, kind)
    return rows.with_column(step.column, as_kind(renamed, kind), kind)


def _date_features(step: steps.DateFeaturesStep, rows: Rows) -> Rows:
    dates = to_date(rows.frame[step.column])
    days = (dates - pd.Timestamp(0)) / pd.Timedelta(days=1)  # the first date of train is taken off once it is known
    parts = {"year": dates.dt.year, "month": dates.dt.month, "weekday": dates.dt.day_of_week, "hour": dates.dt.hour}
    return _derive(rows, step, {**parts, "days": days})


def _text_features(step: steps.TextFeaturesStep, rows: Rows) -> Rows:
    texts = to_text(rows.frame[step.column]).fillna("")
    counts = {
        "characters": texts.str.len(),
        "words": texts.map(lambda text: len(text.split())),
        "digits": texts.str.count(r"\d"),
        "capitals": texts.map(lambda text: sum(letter.isupper() for letter in text)),
        "punctuation": texts.str.count(r"[^\w\s]"),
    }
    return _derive(rows, step, counts)


def _derive(rows: Rows, step: Any, features: dict[str, pd.Series]) -> Rows:
    named = {f"{step.column}_{name}": values.astype("float64") for name, values in features.items()}
    taken = [name for name in named if name in rows.frame.columns]
    if taken:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("“{step}” would make a column “{column}”, but there is one of this name already."),
            hint=N_("Remove the step, or drop the other column first."),
            step=step.label,
            column=taken[0],
        )
    kinds = {**rows.kinds, **dict.fromkeys(named, ColumnKind.NUMBER)}
    derived = {**rows.derived, step.column: (*rows.derived.get(step.column, ()), *named)}
    return replace(rows, frame=rows.frame.assign(**named), kinds=kinds, derived=derived)


ROW_WISE: dict[type[steps.CleaningStep], Callable[[Any, Rows], Rows]] = {
    steps.SetTypeStep: _set_type,
    steps.DropColumnsStep: _drop_columns,
    steps.DropMissingStep: _drop_missing,
    steps.DeduplicateStep: _deduplicate,
    steps.FilterStep: _filter,
    steps.RelabelStep: _relabel,
    steps.DateFeaturesStep: _date_features,
    steps.TextFeaturesStep: _text_features,
}
ROW_DROPPING = (steps.DropMissingStep, steps.DeduplicateStep, steps.FilterStep)


def step_columns(step: steps.CleaningStep) -> tuple[str, ...]:
    """The columns that a step names."""
    if isinstance(step, steps.DropColumnsStep | steps.DeduplicateStep):
        return step.columns
    return (str(step.column),) if hasattr(step, "column") else ()


def clean_row_wise(rows: Rows, plan: Sequence[steps.CleaningStep]) -> Rows:
    """Run the row-wise steps of a plan; the fitted ones are checked, and run later.

    Raises:
        EngineError: BAD_INPUT for a step that names a column that is not there, or would change the target by figures
            learned from it.
    """
    for number, step in enumerate(plan, start=1):
        for column in step_columns(step):
            if column not in rows.frame.columns:
                raise _no_such_column(number, step, column, rows)
        if (
            type(step) in FITTED
            and not isinstance(step, steps.DateFeaturesStep)
            and step_columns(step)[0] == rows.target
        ):
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("Cleaning step {number} ({step}) would change the target “{column}” itself."),
                hint=N_("Remove the step: filling or scaling the answers would make the evaluation worthless."),
                number=number,
                step=step.label,
                column=rows.target,
            )
        if type(step) in ROW_WISE:
            rows = ROW_WISE[type(step)](step, rows)
    return rows


def _no_such_column(number: int, step: steps.CleaningStep, column: str, rows: Rows) -> EngineError:
    names = [name for name in rows.frame.columns if name != PART_COLUMN]
    listed = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
    return EngineError(
        ErrorKind.BAD_INPUT,
        N_("Cleaning step {number} ({step}) names the column “{column}”, which is not there."),
        hint=N_("Choose another column or remove the step. There are: {columns}."),
        number=number,
        step=step.label,
        column=column,
        columns=listed,
    )


# ---- the whole, as it is kept with a model --------------------------------------------------------------------------
@dataclass(frozen=True)
class FittedCleaner:
    """The cleaning of a document with the figures that it learned from the train part; plain data, kept with the model.

    Args:
        plan: the steps of the document.
        learned: one record a step, with what it learned (empty for row-wise steps).
        kinds: the kinds of the raw columns as the import saw them.
        target: the column to be predicted; it may be absent from new rows.
        inputs: the columns that the model is shown, and their kinds.
        joined: text columns that are put together, one below the other, to the single input; empty otherwise.
    """

    plan: tuple[steps.CleaningStep, ...]
    learned: tuple[dict[str, Any], ...]
    kinds: dict[str, ColumnKind]
    target: str
    inputs: dict[str, ColumnKind]
    joined: tuple[str, ...] = ()

    def transform(self, frame: pd.DataFrame, dataset: str = "") -> pd.DataFrame:
        """Raw rows → the input columns, every row kept and in its order.

        Raises:
            EngineError: BAD_INPUT where a column that the model needs is not there.
        """
        return self.select(self.clean(frame, dataset))

    def clean(self, frame: pd.DataFrame, dataset: str = "") -> Rows:
        """Raw rows with every step applied that leaves their number as it is."""
        rows = start_rows(frame, self.kinds, self.target, dataset)
        for step in self.plan:
            columns = step_columns(step)
            if isinstance(step, ROW_DROPPING):
                continue  # whoever asks for a prediction gets one for every row
            if isinstance(step, steps.DropColumnsStep):
                present = tuple(column for column in columns if column in rows.frame.columns)
                rows = _drop_columns(steps.DropColumnsStep(columns=present), rows) if present else rows
            elif type(step) in ROW_WISE and all(column in rows.frame.columns for column in columns):
                rows = ROW_WISE[type(step)](step, rows)
        return self.replay(rows)

    def replay(self, rows: Rows) -> Rows:
        """The fitted steps, with the figures learned from train."""
        frame = rows.frame.copy(deep=False)
        for step, learned in zip(self.plan, self.learned, strict=True):
            if type(step) in FITTED and step_columns(step)[0] in frame.columns:
                replay_step(step, learned, frame)
        return replace(rows, frame=frame)

    def select(self, rows: Rows) -> pd.DataFrame:
        """The input columns of cleaned rows."""
        needed = self.joined or tuple(self.inputs)
        absent = [name for name in needed if name not in rows.frame.columns]
        if absent:
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("These columns are needed and not there: {columns}."),
                hint=N_("Give data with the same columns as those that the model learned from."),
                columns=", ".join(absent[:12]) + (" …" if len(absent) > 12 else ""),
            )
        if self.joined:
            whole = join_texts(rows.frame, self.joined)
            return pd.DataFrame({next(iter(self.inputs)): whole}, index=rows.frame.index)
        columns = {name: as_kind(rows.frame[name], kind) for name, kind in self.inputs.items()}
        return pd.DataFrame(columns, index=rows.frame.index)

    def to_record(self) -> dict[str, Any]:
        """As plain JSON; `from_record` is the way back."""
        return {
            "plan": [step.model_dump(mode="json") for step in self.plan],
            "learned": list(self.learned),
            "kinds": {name: kind.value for name, kind in self.kinds.items()},
            "target": self.target,
            "inputs": {name: kind.value for name, kind in self.inputs.items()},
            "joined": list(self.joined),
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "FittedCleaner":
        """Rebuild a cleaner that `to_record` wrote."""
        plan = [steps.CleaningStep.alternatives[step["kind"]].model_validate(step) for step in record["plan"]]
        return cls(
            plan=tuple(step for step in plan if isinstance(step, steps.CleaningStep)),
            learned=tuple(record["learned"]),
            kinds={name: ColumnKind(kind) for name, kind in record["kinds"].items()},
            target=record["target"],
            inputs={name: ColumnKind(kind) for name, kind in record["inputs"].items()},
            joined=tuple(record["joined"]),
        )


def learn(rows: Rows, plan: Sequence[steps.CleaningStep], train: "np.ndarray[Any, Any]") -> tuple[dict[str, Any], ...]:
    """What each step learns from the train rows (positions in `rows`), each after the ones before it."""
    frame = rows.frame.iloc[train].copy(deep=False)
    learned: list[dict[str, Any]] = []
    for number, step in enumerate(plan, start=1):
        record: dict[str, Any] = {}
        if type(step) in FITTED and step_columns(step)[0] in frame.columns:
            record = fit_step(step, frame, number)
            replay_step(step, record, frame)
        learned.append(record)
    return tuple(learned)


def cleaned_rows(data: DataSpec, *, limit: int = 100) -> pd.DataFrame:
    """The first rows after the row-wise steps, with all their columns; the index is the row number in the data set."""
    from engine.store.datasets import get_dataset, read_table

    kinds = {column.name: column.kind for column in get_dataset(data.dataset).columns}
    rows = clean_row_wise(start_rows(read_table(data.dataset), kinds, data.target, data.dataset), data.cleaning)
    return rows.frame.head(limit)
