"""What a function offers, as the host shows it and checks a job against it."""

from collections.abc import Sequence
from dataclasses import dataclass

from .bindings import types
from .data_types import Field, from_schema, to_schema
from .errors import Invalid


@dataclass(frozen=True)
class Variadic:
    """Any number of columns of one type, at least one."""

    field: Field


@dataclass(frozen=True)
class Parameter:
    """An option of `CREATE FUNCTION … WITH` that the function declares. One that is not required and
    has no default may be missing."""

    name: str
    description: str = ""
    required: bool = False
    default: str | None = None


@dataclass(frozen=True)
class Signature:
    """A function's name, arguments, result and parameters.

    `arguments` are fields, to which a job's columns are cast where SQL allows, or `Variadic`; None: any
    columns, looked at in `open`. `returns` is the field of the result, of a table function its fields;
    None: the method `returns` decides, after `open`.
    """

    name: str
    description: str = ""
    arguments: Sequence[Field] | Variadic | None = None
    returns: Field | Sequence[Field] | None = None
    deterministic: bool = True
    """The same arguments give the same result."""
    parameters: Sequence[Parameter] = ()

    def fields(self) -> list[Field] | None:
        """The fields of the result."""
        return [self.returns] if isinstance(self.returns, Field) else self.returns

    def to_wire(self):
        match self.arguments:
            case None:
                arguments = types.Arguments_Any()
            case Variadic(field):
                arguments = types.Arguments_Variadic(to_schema([field]))
            case fields:
                arguments = types.Arguments_Exact(to_schema(fields))
        fields = self.fields()
        return types.Signature(
            self.name,
            self.description,
            arguments,
            None if fields is None else to_schema(fields),
            self.deterministic,
            [
                types.Parameter(given.name, given.description, given.required, given.default)
                for given in self.parameters
            ],
        )


@dataclass(frozen=True)
class OpenContext:
    """What a function is opened with: parameters with their defaults, and the arguments' types."""

    parameters: dict[str, str]
    arguments: Sequence[Field] = ()

    @classmethod
    def from_wire(cls, context) -> "OpenContext":
        return cls(dict(context.parameters), from_schema(context.arguments))

    def parameter(self, name: str) -> str | None:
        """The value of a parameter, if the job or a default gives one."""
        return self.parameters.get(name)

    def required(self, name: str) -> str:
        """The value of a parameter that must be there. Raises `Invalid`."""
        if name not in self.parameters:
            raise Invalid(f"the parameter '{name}' is missing")
        return self.parameters[name]

    def parsed(self, name: str, parse):
        """The value of a parameter, parsed, as by `int`; None where there is none. Raises `Invalid`
        where `parse` raises ValueError."""
        text = self.parameter(name)
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            raise Invalid(f"the parameter '{name}' = '{text}' is not right: {error}") from None
