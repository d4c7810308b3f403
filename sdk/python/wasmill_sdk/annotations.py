"""Types of SQL from annotations of Python."""

import datetime
import decimal
import inspect
import types
import typing
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Annotated, Any

from .data_types import DataType, Field

Int8 = Annotated[int, DataType.Int8]
Int16 = Annotated[int, DataType.Int16]
Int32 = Annotated[int, DataType.Int32]
UInt8 = Annotated[int, DataType.UInt8]
UInt16 = Annotated[int, DataType.UInt16]
UInt32 = Annotated[int, DataType.UInt32]
UInt64 = Annotated[int, DataType.UInt64]
Float32 = Annotated[float, DataType.Float32]
Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
TimestampLtz = Annotated[datetime.datetime, DataType.Timestamp("microsecond", "UTC")]
Decimal = Annotated[decimal.Decimal, DataType.Decimal128(38, 18)]

_PLAIN = {
    bool: DataType.Boolean,
    int: DataType.Int64,
    float: DataType.Float64,
    str: DataType.Utf8,
    bytes: DataType.Binary,
    datetime.date: DataType.Date32,
    datetime.time: DataType.Time64,
    datetime.datetime: DataType.Timestamp("microsecond"),
    decimal.Decimal: DataType.Decimal128(38, 18),
}
# `type Name = …`, since Python 3.12
_ALIAS = getattr(typing, "TypeAliasType", ())
_ROWS = (list, tuple, Iterable, Iterator, Generator, Sequence)


def field_of(name: str, annotation: Any) -> Field:
    """The field of an argument or a result; nullable where the annotation has None. Raises TypeError
    for what is no type of SQL."""
    annotation, nullable = without_none(annotation)
    return Field(name, _data_type(annotation), nullable)


def without_none(annotation: Any) -> tuple[Any, bool]:
    """An annotation without None, and whether it was there."""
    if isinstance(annotation, _ALIAS):
        return without_none(annotation.__value__)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = typing.get_args(annotation)
        others = [member for member in members if member is not types.NoneType]
        if len(others) == 1 and len(others) < len(members):
            return others[0], True
    return annotation, False


def _data_type(annotation: Any) -> DataType:
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        said = [extra for extra in annotation.__metadata__ if isinstance(extra, DataType)]
        return said[-1] if said else _data_type(arguments[0])
    if origin in (list, Sequence) and len(arguments) == 1:
        return DataType.List(field_of("item", arguments[0]))
    raise TypeError(f"{inspect.formatannotation(annotation)} is no type of SQL")


def argument_fields(function, hints: dict[str, Any], skip: int = 0) -> list[Field]:
    """The fields of a function's arguments, by position, without the first `skip` (`self`). Raises
    TypeError, with the argument's name, where one has no annotation or one that is no type."""
    fields = []
    for parameter in list(inspect.signature(function).parameters.values())[skip:]:
        where = f"the argument '{parameter.name}' of {function.__qualname__}"
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise TypeError(f"{where} is not one column: functions by hand take any number")
        fields.append(_annotated(parameter.name, hints.get(parameter.name), where))
    return fields


def hints_of(function) -> dict[str, Any]:
    return typing.get_type_hints(function, include_extras=True)


def result_field(name: str, function, hints: dict[str, Any]) -> Field:
    """The field of what a function returns."""
    return _annotated(name, hints.get("return"), f"the result of {function.__qualname__}")


def row_fields(names: Sequence[str], function, hints: dict[str, Any], default: str) -> list[Field]:
    """The columns of a table function's rows: what is in the list or iterator that it returns. Without
    names they are f0, f1, …, a single one is called as `default` says."""
    where = f"the result of {function.__qualname__}"
    annotation = hints.get("return")
    if typing.get_origin(annotation) not in _ROWS or annotation is str:
        raise TypeError(f"{where} is no list or Iterator of rows: annotate it as Iterator[str], say")
    return tuple_fields(names, typing.get_args(annotation)[0], where, default)


def tuple_fields(names: Sequence[str], annotation: Any, where: str, default: str) -> list[Field]:
    """A field a member of a tuple, or one of what is none."""
    members = [annotation]
    if typing.get_origin(annotation) is tuple:
        members = typing.get_args(annotation)
    if not names:
        names = [default] if len(members) == 1 else [f"f{index}" for index in range(len(members))]
    if len(names) != len(members):
        raise TypeError(f"{where} has {len(members)} columns, but {len(names)} names")
    return [_annotated(name, member, where) for name, member in zip(names, members)]


def _annotated(name: str, annotation: Any, where: str) -> Field:
    if annotation is None:
        raise TypeError(f"{where} has no annotation")
    try:
        return field_of(name, annotation)
    except TypeError as error:
        raise TypeError(f"{where}: {error}") from None


def is_rows_of_tuples(hints: dict[str, Any]) -> bool:
    """Whether a table function's rows are tuples, not values of a single column."""
    return typing.get_origin(typing.get_args(hints["return"])[0]) is tuple
