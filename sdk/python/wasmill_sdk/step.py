"""The methods of a `@process` class, and the rows that they give."""

import inspect
import typing
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

from .annotations import argument_fields, hints_of, tuple_fields, without_none
from .call import Call
from .columns import Column
from .data_types import Field, nullable
from .errors import Failed
from .keyed import Keyed, OutputRows

_MANY = (list, Iterable, Iterator, Generator, Sequence)


class Given:
    """Rows of some columns, each with the row or the timer of the call that it comes of."""

    def __init__(self, fields: Sequence[Field], tuples: bool, side: int | None = None):
        self.fields = fields
        self.tuples = tuples
        self.side = side

    def columns(self, rows: list) -> list[list]:
        """A list of values a column. Raises `Failed` for what is no row."""
        if not self.tuples:
            return [rows]
        width = len(self.fields)
        for row in rows:
            if not isinstance(row, tuple) or len(row) != width:
                raise Failed(f"{row!r} is no tuple of {width}")
        return [[row[index] for row in rows] for index in range(width)]

    def check(self, rows: list) -> None:
        """Raises `Rows` where a value has no room in its type."""
        for field, values in zip(self.fields, self.columns(rows)):
            Column.from_list(field.data_type, values)

    def output(self, rows: list, origins: list[int]) -> OutputRows:
        return OutputRows.from_lists(self.fields, self.columns(rows), origins, self.side)


class Step:
    """A method that is called for each row, or for each timer."""

    def __init__(self, method: Callable, columns: Sequence[str], default: str):
        self.call = method
        parameters = list(inspect.signature(method).parameters.values())[1:]
        hints = hints_of(method)
        self.takes_call = bool(parameters) and _is_call(parameters[0], hints)
        self.arguments = parameters[1:] if self.takes_call else parameters
        self.hints = hints
        self.many, self.given = _rows(method, hints.get("return"), columns, default)

    def fields(self) -> list[Field]:
        """Of the arguments behind the call."""
        return argument_fields(self.call, self.hints, skip=2 if self.takes_call else 1)

    def rows(self, given) -> list:
        """What the method gave, as rows."""
        if given is None:
            return []
        if self.given is None:
            raise Failed(f"{self.call.__qualname__} gives {given!r}, which its annotation does not say")
        return [*given] if self.many else [given]


def _is_call(parameter: inspect.Parameter, hints: dict[str, Any]) -> bool:
    annotation = hints.get(parameter.name)
    return annotation is Call or (annotation is None and parameter.name == "call")


def _rows(method: Callable, annotation: Any, names: Sequence[str], default: str):
    """Whether there may be many rows, and of which columns they are."""
    if annotation in (None, type(None)):
        return False, None
    annotation, _ = without_none(annotation)
    many = typing.get_origin(annotation) in _MANY
    row = typing.get_args(annotation)[0] if many else annotation
    where = f"the result of {method.__qualname__}"
    fields = [nullable(field) for field in tuple_fields(names, row, where, default)]
    return many, Given(fields, typing.get_origin(row) is tuple)


class Broadcast:
    """What was made of the rows of the broadcast table."""

    def __init__(self, state: type, names: Sequence[str]):
        self._state = state
        self._names = names
        method = state.broadcast
        parameters = [*inspect.signature(method).parameters]
        where = f"the argument of {method.__qualname__}"
        annotation = hints_of(method).get(parameters[0]) if len(parameters) == 1 else None
        if typing.get_origin(annotation) not in _MANY:
            raise TypeError(f"{where} is a list of rows: annotate it as list[tuple[str, int]], say")
        row = typing.get_args(annotation)[0]
        self._tuples = typing.get_origin(row) is tuple
        found = tuple_fields(names, row, where, "value")
        self._required = [not field.nullable for field in found]
        self.fields = [nullable(field) for field in found]
        self._version: int | None = None
        self._made: Any = None

    def again(self) -> "Broadcast":
        return Broadcast(self._state, self._names)

    def made(self, keyed: Keyed):
        """Anew only where there are other rows. One with NULL where its annotation has no None is left
        out."""
        version = keyed.broadcast_version()
        if version != self._version:
            table = keyed.broadcast()
            lists = [table.to_list(index) for index in range(len(self.fields))]
            rows = zip(*lists)
            asked = [index for index, must in enumerate(self._required) if must and None in lists[index]]
            if asked:
                rows = (row for row in rows if all(row[index] is not None for index in asked))
            rows = [*rows] if self._tuples else [value for (value,) in rows]
            self._made = self._state.broadcast(rows)
            self._version = version
        return self._made
