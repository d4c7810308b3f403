"""`@scalar` and `@table`: functions of Python's own types."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

from .annotations import argument_fields, hints_of, is_rows_of_tuples, result_field, row_fields
from .columns import Batch, Column, call_rows, finish
from .data_types import Field, nullable
from .errors import Failed, RowError, Rows
from .function import Expansion, ScalarFunction, TableFunction
from .registry import register
from .signature import Signature


def scalar(function: Callable | None = None, /, *, name=None, description=None, volatile=False):
    """Offers a function of one row. It stays callable as it is.

    `name` is what SQL calls it, by default as Python does; `description` is its docstring by default;
    `volatile` says that the same arguments may give another result.
    """

    def offer(function):
        register(TypedScalar(function, described(function, name, description, volatile)))
        return function

    return offer if function is None else offer(function)


def table(
    function: Callable | None = None,
    /,
    *,
    columns: Sequence[str] = (),
    name=None,
    description=None,
    volatile=False,
):
    """Offers a function that gives any number of rows for one: a list, an iterator or a generator, of
    tuples or, for a single column, of values. `columns` names the columns; the other options are those
    of `@scalar`."""

    def offer(function):
        signature = described(function, name, description, volatile)
        register(TypedTable(function, signature, columns))
        return function

    return offer if function is None else offer(function)


def described(what, name: str | None, description: str | None, volatile: bool) -> Signature:
    """A signature without types; the description is the first paragraph of the docstring."""
    if description is None:
        description = " ".join((inspect.getdoc(what) or "").split("\n\n")[0].split())
    return Signature(name or what.__name__, description, deterministic=not volatile)


class Arguments:
    """The arguments of a typed function: reads them, and calls it."""

    def __init__(self, fields: Sequence[Field]):
        self.fields = [nullable(field) for field in fields]
        self.required = [not field.nullable for field in fields]
        self._no_null_items = [
            bool(field.data_type.children) and not field.data_type.children[0].nullable for field in fields
        ]

    def read(self, rows: Batch) -> list[list]:
        """A list of values an argument. Raises `Rows` where a list has a NULL among its items that may
        have none."""
        lists = [rows.to_list(index) for index in range(len(self.fields))]
        errors = {}
        for values, strict in zip(lists, self._no_null_items):
            for row, value in enumerate(values) if strict else ():
                if value is not None and None in value:
                    message = "the list has a NULL among its items"
                    errors[row] = RowError(message, row)
        if errors:
            raise Rows([*errors.values()])
        return lists


class TypedScalar(ScalarFunction):
    """A function with `@scalar`."""

    def __init__(self, function: Callable, signature: Signature):
        hints = hints_of(function)
        self._call = function
        self._arguments = Arguments(argument_fields(function, hints))
        result = result_field(signature.name, function, hints)
        self._may_return_none = result.nullable
        self._returned = nullable(result)
        self._signature = replace(signature, arguments=self._arguments.fields, returns=self._returned)

    def signature(self) -> Signature:
        return self._signature

    def batch_eval(self, rows: Batch) -> Column:
        lists = self._arguments.read(rows)
        results, errors = call_rows(
            self._call, lists, self._arguments.required, len(rows), self._may_return_none
        )
        return finish(results, errors, self._returned.data_type)


class TypedTable(TableFunction):
    """A function with `@table`."""

    def __init__(self, function: Callable, signature: Signature, columns: Sequence[str]):
        hints = hints_of(function)
        self._call = function
        self._arguments = Arguments(argument_fields(function, hints))
        fields = row_fields(columns, function, hints, signature.name)
        self._columns = [nullable(field) for field in fields]
        self._tuples = is_rows_of_tuples(hints)
        self._signature = replace(signature, arguments=self._arguments.fields, returns=self._columns)

    def signature(self) -> Signature:
        return self._signature

    def batch_eval(self, rows: Batch) -> Expansion:
        lists = self._arguments.read(rows)
        # A generator raises while it is read: that belongs to the row.
        call = lambda *arguments: [*self._call(*arguments)]  # noqa: E731
        results, errors = call_rows(call, lists, self._arguments.required, len(rows))
        results = [result or () for result in results]
        counts = [len(result) for result in results]
        flat = [*chain.from_iterable(results)]
        try:
            expansion = self._expansion(flat, counts)
        except Rows as error:
            errors += _of_sources(error.errors, counts)
        if errors:
            raise Rows(errors)
        return expansion

    def _expansion(self, flat: list, counts: list[int]) -> Expansion:
        width = len(self._columns)
        if self._tuples:
            for row in flat:
                if not isinstance(row, tuple) or len(row) != width:
                    raise Failed(f"{row!r} is no tuple of {width}")
            values = [[row[index] for row in flat] for index in range(width)]
        else:
            values = [flat]
        return Expansion.from_lists(self._columns, values, counts)


def _of_sources(errors: list[RowError], counts: list[int]) -> list[RowError]:
    """Errors of rows of the result as those of the rows that these were made of."""
    sources = [row for row, count in enumerate(counts) for _ in range(count)]
    found = {}
    for error in errors:
        found.setdefault(sources[error.row], error.message)
    return [RowError(message, row) for row, message in found.items()]
