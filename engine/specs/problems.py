"""Why a document does not validate: one sentence that names the field, apart from its values to be translated."""

from typing import Any

from pydantic import ValidationError

from engine.errors import EngineError, ErrorKind
from engine.specs.base import REFUSED, bad_document
from engine.text import N_

LONGEST_INPUT = 80  # signs of a wrong value that are repeated
_NUMBER = N_("{where} must be a number, got {input}.")
_WHOLE = N_("{where} must be a whole number, got {input}.")
_ONE_OF = N_("{where} must be one of {expected}, got {input}.")
_TEXT = N_("{where} must be a text, got {input}.")
_YES_NO = N_("{where} must be true or false, got {input}.")
_OBJECT = N_("{where} must be an object with fields, got {input}.")
SENTENCES = {  # by Pydantic's type of the error; the names in braces are its context
    "missing": N_("{where} is missing."),
    "extra_forbidden": N_("There is no field {where}."),
    "greater_than_equal": N_("{where} must be at least {ge}, got {input}."),
    "greater_than": N_("{where} must be more than {gt}, got {input}."),
    "less_than_equal": N_("{where} must be at most {le}, got {input}."),
    "less_than": N_("{where} must be less than {lt}, got {input}."),
    "finite_number": _NUMBER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "literal_error": _ONE_OF,
    "enum": _ONE_OF,
    "string_type": _TEXT,
    "bool_type": _YES_NO,
    "bool_parsing": _YES_NO,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "string_too_long": N_("{where} may have at most {max_length} signs."),
    "too_short": N_("{where} needs at least {min_length} values, got {actual_length}."),
    "too_long": N_("{where} may have at most {max_length} values, got {actual_length}."),
    "json_invalid": N_("This is no document of a run: it is not valid JSON ({error})."),
}


def document_error(error: ValidationError, where: str = "document") -> EngineError:
    """The first problem of a document as an error of the engine.

    Args:
        error: what Pydantic found.
        where: the name of the document, for a problem that belongs to no single field.
    """
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"]) or where
    context: dict[str, Any] = dict(problem.get("ctx") or {})
    if problem["type"] == REFUSED:
        template = str(context.pop("template"))
        return EngineError(
            ErrorKind.BAD_INPUT, template, hint=N_("Correct {where} and try again."), **context, where=place
        )
    if problem["type"] not in SENTENCES:
        return bad_document(str(problem["msg"]).removeprefix("Value error, "), place)
    got = repr(problem["input"])
    values = {**context, "where": place, "input": got if len(got) <= LONGEST_INPUT else got[:LONGEST_INPUT] + "…"}
    return EngineError(
        ErrorKind.BAD_INPUT,
        SENTENCES[problem["type"]],
        hint=N_("Correct this field and try again."),
        **{name: value if isinstance(value, int | float | str) else str(value) for name, value in values.items()},
    )


def no_such_field(where: str) -> EngineError:
    """The error for a dotted path that leads nowhere."""
    return EngineError(
        ErrorKind.BAD_INPUT,
        SENTENCES["extra_forbidden"],
        hint=N_("Look at the document for the names of its fields."),
        where=where,
    )
