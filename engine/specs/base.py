"""What every document is made of: frozen, closed models whose fields carry their bounds, units and help texts.

A page draws its form from these fields, the command line checks against them; they are written here and nowhere else.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from engine.errors import EngineError, ErrorKind
from engine.text import N_

Scale = Literal["linear", "log"]
REFUSED = "refused"  # the type of an error that `refusal` makes


class Document(BaseModel):
    """A frozen part of a run's document. Unknown keys are refused, so that a typing error never passes silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


def setting(
    default: Any = ...,
    *,
    title: str,
    help: str = "",
    unit: str = "",
    scale: Scale = "linear",
    step: float | None = None,
    advanced: bool = False,
    when: Mapping[str, tuple[Any, ...]] | None = None,
    hidden: bool = False,
    live: bool = False,
    **bounds: Any,
) -> Any:
    """Declare a field that a person can set.

    Args:
        default: the value where nothing is said.
        title: its name on a form, marked with `N_`.
        help: what it does and when to change it, marked with `N_`.
        unit: "px", "s", "steps"…, drawn behind the value.
        scale: "log" where people think in factors (learning rates).
        step: the step of the number widget.
        advanced: folded away at first.
        when: show the field only where sibling fields have one of these values: `{"cropping": (True,)}`.
        hidden: never drawn on a form (ids, versions).
        live: a number that the compiled step takes as an argument: turning it needs no new trace (from 0 to another
            value and back it may).
        **bounds: passed on to `pydantic.Field`: ge, gt, le, lt, min_length, max_length, pattern.
    """
    extra: dict[str, Any] = {"unit": unit, "scale": scale, "step": step, "advanced": advanced, "hidden": hidden}
    extra["live"] = live
    extra["when"] = {k: list(v) for k, v in (when or {}).items()}
    return Field(default, title=title, description=help, json_schema_extra=extra, **bounds)


class Choice(Document):
    """A document with named alternatives (optimizers, families, splits…).

    A direct subclass opens a registry; each of *its* subclasses with `kind: Literal["name"] = "name"` is entered on
    definition. `one_of(Base)` is the type of a field that takes any of them.
    """

    kind: str = setting(title=N_("Kind"), hidden=True)
    alternatives: ClassVar[dict[str, type["Choice"]]] = {}
    label: ClassVar[str] = ""  # its name on a form, marked with N_
    summary: ClassVar[str] = ""  # one sentence: what it is and when to take it, marked with N_

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if Choice in cls.__bases__:
            cls.alternatives = {}
        kind = cls.model_fields["kind"].default
        if isinstance(kind, str):
            cls.alternatives[kind] = cls


class ChoiceOf:
    """Marks a field as "any alternative of `base`", for forms that need to list them."""

    def __init__(self, base: type[Choice]) -> None:
        self.base = base


def refusal(template: str, **values: Any) -> PydanticCustomError:
    """What a validator raises: a sentence whose template and values stay apart, so that it can be translated.

    Args:
        template: marked with `N_`, with the names of the values in braces.
        values: what is filled in; texts and numbers.
    """
    shown = {name: value if isinstance(value, int) else str(value) for name, value in values.items()}
    return PydanticCustomError(REFUSED, template, {**shown, "template": template})  # type: ignore[arg-type]


def one_of(base: type[Choice]) -> Any:
    """The type of a field that holds any registered alternative of `base`."""

    def look_up(value: Any) -> Any:
        if isinstance(value, base):
            return value
        if not isinstance(value, Mapping) or "kind" not in value:
            raise refusal(N_("Expected an object with a “kind”, one of {kinds}."), kinds=", ".join(base.alternatives))
        if value["kind"] not in base.alternatives:
            raise refusal(
                N_("kind must be one of {kinds}, got “{given}”."),
                kinds=", ".join(base.alternatives),
                given=str(value["kind"])[:80],
            )
        return base.alternatives[value["kind"]].model_validate(value)

    return Annotated[SerializeAsAny[base], BeforeValidator(look_up), ChoiceOf(base)]  # type: ignore


def extra_of(info: FieldInfo) -> dict[str, Any]:
    """The presentation of a field (unit, scale, step, advanced, when, hidden, live) as `setting` stored it."""
    extra = info.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}


def choice_base(info: FieldInfo) -> type[Choice] | None:
    """The registry behind a field declared with `one_of`, or None for another field."""
    return next((mark.base for mark in info.metadata if isinstance(mark, ChoiceOf)), None)


def bad_document(problem: str, where: str) -> EngineError:
    """The error for a document that does not validate; `where` is the dotted path of the field."""
    return EngineError(
        ErrorKind.BAD_INPUT,
        N_("{where}: {problem}"),
        hint=N_("Correct this field and try again."),
        where=where,
        problem=problem,
    )
