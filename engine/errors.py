"""The one exception of the engine: what was received, what was expected, what to do."""

from enum import StrEnum
from typing import Any


class ErrorKind(StrEnum):
    """Why something could not be done; the page chooses its picture and its way out by it."""

    BAD_INPUT = "bad_input"  # a value, a file or a document that cannot be used as it is
    BAD_DATA = "bad_data"  # data that were read, but cannot be learned from
    NOT_FOUND = "not_found"  # a run, data set or file that is not (or no longer) there
    CONFLICT = "conflict"  # the state of a run does not allow this
    OUT_OF_MEMORY = "out_of_memory"
    OUT_OF_DISK = "out_of_disk"
    DIVERGED = "diverged"  # the loss became NaN or exploded
    LOST_WORKER = "lost_worker"  # the process that did the work died
    UNAVAILABLE = "unavailable"  # the store, the engine or the network does not answer
    INTERNAL = "internal"  # a defect of Lathe


class EngineError(Exception):
    """An error that a person can act on.

    `message` and `hint` are English templates for `str.format(**values)`, marked with `N_` where they are written, so
    that a page can translate the template and fill it in afterwards. User-given text belongs into `values`, never into
    the template.

    Example:
        >>> error = EngineError(ErrorKind.BAD_INPUT, "{file} is empty.", hint="Choose another file.", file="a.csv")
        >>> str(error)
        'a.csv is empty. Choose another file.'
    """

    def __init__(self, kind: ErrorKind, message: str, *, hint: str = "", **values: Any) -> None:
        self.kind = kind
        self.message = message
        self.hint = hint
        self.values = values
        super().__init__(kind, message)

    def __str__(self) -> str:
        parts = [_fill(self.message, self.values), _fill(self.hint, self.values)]
        return " ".join(part for part in parts if part)

    def to_record(self) -> dict[str, Any]:
        """As plain JSON, for the store; `from_record` is the way back."""
        values = {k: v if isinstance(v, int | float | str | bool) else str(v) for k, v in self.values.items()}
        return {"kind": self.kind.value, "message": self.message, "hint": self.hint, "values": values}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "EngineError":
        """Rebuild an error that `to_record` wrote."""
        return cls(
            ErrorKind(record["kind"]), record["message"], hint=record.get("hint", ""), **record.get("values", {})
        )

    def __reduce__(self) -> tuple[Any, ...]:  # exceptions with keyword arguments do not pickle by themselves
        return (EngineError.from_record, (self.to_record(),))


def _fill(template: str, values: dict[str, Any]) -> str:
    try:
        return template.format(**values)
    except (KeyError, IndexError, ValueError):  # a message must reach the person even where its values do not fit
        return template
