"""Which columns a model is shown."""

from engine.data.cleaning import Rows
from engine.data.values import to_text
from engine.errors import EngineError, ErrorKind
from engine.specs.data import DataSpec
from engine.specs.task import ColumnKind, Modality
from engine.store.datasets import PART_COLUMN
from engine.text import N_

Inputs = dict[str, ColumnKind]
_TEXT_LIKE = (ColumnKind.TEXT, ColumnKind.CATEGORY, ColumnKind.IDENTIFIER)
_ROWS_TO_LOOK_AT = 1000  # enough to tell sentences from names


def choose_inputs(rows: Rows, data: DataSpec) -> tuple[Inputs, tuple[str, ...]]:
    """The inputs of a document with their kinds, and the text columns that are joined to one.

    Where the document names none, all columns that are worth learning from: neither the target, nor an identifier,
    nor a constant. Dates of a table come in as the numbers that their cleaning steps make of them; texts as such and
    as numbers.

    Raises:
        EngineError: BAD_INPUT for a named column that is not there; BAD_DATA where none is left.
    """
    modality = data.task.modality
    named = _named(rows, data)
    if modality is Modality.IMAGE:
        return {_image_column(rows): ColumnKind.IMAGE}, ()
    if modality is Modality.TEXT:
        columns = named or _text_columns(rows)
        if columns:
            return {columns[0] if len(columns) == 1 else "text": ColumnKind.TEXT}, columns
    else:
        inputs = _table_inputs(rows, named) if named else _worth_learning_from(rows)
        if inputs:
            return inputs, ()
    raise EngineError(
        ErrorKind.BAD_DATA,
        N_("No column is left to predict “{target}” from: the others are identifiers, constants or dropped."),
        hint=N_("Name the inputs yourself, or set the type of a column to number, category or text."),
        target=data.target,
    )


def _named(rows: Rows, data: DataSpec) -> tuple[str, ...]:
    for name in data.inputs:
        if name not in rows.frame.columns:
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("The input “{column}” is not a column of the data."),
                hint=N_("Choose the inputs again; a cleaning step may have dropped it."),
                column=name,
            )
        if name == data.target:
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("“{column}” is both the target and an input: the answer would be given away."),
                hint=N_("Take it out of the inputs."),
                column=name,
            )
    return tuple(data.inputs)


def _image_column(rows: Rows) -> str:
    if "image" in rows.frame.columns:
        return "image"
    raise EngineError(
        ErrorKind.BAD_DATA,
        N_("The data hold no images."),
        hint=N_("Choose a text or table task, or bring a folder or archive of images."),
    )


def _text_columns(rows: Rows) -> tuple[str, ...]:
    """The text columns, in their order; else the one that reads most like text."""
    others = {name: kind for name, kind in rows.kinds.items() if name not in (rows.target, PART_COLUMN)}
    texts = tuple(name for name, kind in others.items() if kind is ColumnKind.TEXT)
    if texts:
        return texts
    sample = rows.frame.head(_ROWS_TO_LOOK_AT)
    lengths = {
        name: to_text(sample[name]).str.len().mean()
        for name, kind in others.items()
        if kind in _TEXT_LIKE and name in sample
    }
    return (max(lengths, key=lambda name: lengths[name]),) if lengths else ()


def _worth_learning_from(rows: Rows) -> Inputs:
    return {
        name: kind
        for name, kind in rows.kinds.items()
        if kind in (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.TEXT)  # of a text, its telling words
        and name not in (rows.target, PART_COLUMN)
    }


def _table_inputs(rows: Rows, named: tuple[str, ...]) -> Inputs:
    """Named inputs of a table; a date or text brings the numbers made of it, where a step made some."""
    inputs: Inputs = {}
    for name in named:
        kind = rows.kinds.get(name, ColumnKind.CATEGORY)
        if name in rows.derived:
            inputs.update(dict.fromkeys(rows.derived[name], ColumnKind.NUMBER))
        if kind is ColumnKind.TEXT:
            inputs[name] = ColumnKind.TEXT
        elif name in rows.derived:
            continue
        elif kind in (ColumnKind.NUMBER, ColumnKind.DATE):  # a date as it is: days since 1970
            inputs[name] = ColumnKind.NUMBER
        else:
            inputs[name] = ColumnKind.CATEGORY
    return inputs
