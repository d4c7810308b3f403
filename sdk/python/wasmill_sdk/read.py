"""Columns to lists of Python values.

| type | value |
|---|---|
| integers, floats, boolean, utf8, binary | int, float, bool, str, bytes |
| date32, time64 | datetime.date, datetime.time |
| timestamp | datetime.datetime, in UTC if it has a time zone; int in nanoseconds, which datetime has not |
| decimal128 | decimal.Decimal |
| list, fixed-size-list | list |
| struct | dict |
| NULL, of any type | None |
"""

import datetime
import decimal
from collections.abc import Callable
from itertools import pairwise

from .data_types import DataType
from .errors import RowError, Rows

EPOCH = datetime.datetime(1970, 1, 1)
EPOCH_UTC = EPOCH.replace(tzinfo=datetime.UTC)
EPOCH_ORDINAL = EPOCH.toordinal()
MICROSECONDS = {"second": 1_000_000, "millisecond": 1_000, "microsecond": 1}
# Wide enough for every decimal128, so that nothing is rounded.
EXACT = decimal.Context(prec=80)

_BITS = [bytes(byte >> bit & 1 for bit in range(8)) for byte in range(256)]


def read(column, data_type: DataType) -> list:
    """The values of the contract's column. Raises `Rows` where Python has no such value, as for a date
    outside of the years 1 to 9999."""
    values = _stored(column.read(), column, data_type)
    convert = _conversion(data_type)
    if convert is None:
        return values
    try:
        return [None if value is None else convert(value) for value in values]
    except (ValueError, OverflowError):
        raise Rows(_unreadable(values, convert, data_type)) from None


def read_plain(array, data_type: DataType) -> list | None:
    """The values of buffers; None where their type needs the column's children or a conversion."""
    if data_type.children or _conversion(data_type) is not None:
        return None
    return _stored(array, None, data_type)


def unpack(bits: bytes, count: int) -> bytes:
    """A byte, 0 or 1, for each of the first bits."""
    return b"".join([_BITS[byte] for byte in bits])[:count]


def _unreadable(values, convert, data_type):
    errors = []
    for row, value in enumerate(values):
        try:
            _ = value is None or convert(value)
        except (ValueError, OverflowError):
            errors.append(RowError(f"Python has no {data_type} such as {value}", row))
    return errors


def _stored(array, column, data_type: DataType) -> list:
    """The values as they are stored: days, ticks and digits are int."""
    present = None if array.validity is None else unpack(array.validity, array.length)
    match data_type.kind:
        case "boolean":
            bits = unpack(array.values.value, array.length)
            values = [bit == 1 for bit in bits]
        case "utf8" | "binary":
            return _bytes(array, present, data_type.kind == "utf8")
        case "int8":
            values = [byte - 256 if byte > 127 else byte for byte in array.values.value]
        case "decimal128":
            words = array.values.value
            pairs = zip(words[::2], words[1::2], strict=True)
            values = [low | (high - (high >> 63 << 64)) << 64 for low, high in pairs]
        case "list":
            items = _child(column, data_type, 0)
            values = [items[start:end] for start, end in pairwise(array.values.value)]
        case "fixed-size-list":
            items, (size,) = _child(column, data_type, 0), data_type.parameters
            values = [items[row * size : (row + 1) * size] for row in range(array.length)]
        case "struct":
            names = [field.name for field in data_type.children]
            if not names:
                values = [{} for _ in range(array.length)]
            else:
                fields = [_child(column, data_type, index) for index in range(len(names))]
                values = [dict(zip(names, row)) for row in zip(*fields)]
        case _:
            values = list(array.values.value)
    if present is None:
        return values
    return [value if bit else None for value, bit in zip(values, present)]


def _child(column, data_type: DataType, index: int) -> list:
    child = column.child(index)
    return _stored(child.read(), child, data_type.children[index].data_type)


def _bytes(array, present, text: bool) -> list:
    offsets, data = array.values.value
    if text and data.isascii():
        data = data.decode()
        text = False
    values = [data[start:end] for start, end in pairwise(offsets)]
    if present is not None:
        values = [value if bit else None for value, bit in zip(values, present)]
    if text:
        values = [None if value is None else value.decode() for value in values]
    return values


def _conversion(data_type: DataType) -> Callable | None:
    """From what is stored to what Python has; None where they are the same."""
    match data_type.kind:
        case "date32":
            return lambda days: datetime.date.fromordinal(days + EPOCH_ORDINAL)
        case "time64":
            return _time
        case "timestamp":
            unit, timezone = data_type.parameters
            if unit == "nanosecond":
                return None
            epoch = EPOCH if timezone is None else EPOCH_UTC
            scale = MICROSECONDS[unit]
            return lambda ticks: epoch + datetime.timedelta(microseconds=ticks * scale)
        case "decimal128":
            scale = data_type.parameters[1]
            return lambda digits: EXACT.scaleb(decimal.Decimal(digits), -scale)
        case "list" | "fixed-size-list":
            convert = _conversion(data_type.children[0].data_type)
            if convert is None:
                return None
            return lambda items: [None if item is None else convert(item) for item in items]
        case "struct":
            found = {field.name: _conversion(field.data_type) for field in data_type.children}
            changed = {name: convert for name, convert in found.items() if convert is not None}
            return (lambda value: _fields(value, changed)) if changed else None
    return None


def _fields(value: dict, changed: dict) -> dict:
    for name, convert in changed.items():
        if value[name] is not None:
            value = {**value, name: convert(value[name])}
    return value


def _time(microseconds: int) -> datetime.time:
    if not 0 <= microseconds < 86_400_000_000:
        raise ValueError(microseconds)
    return (EPOCH + datetime.timedelta(microseconds=microseconds)).time()
