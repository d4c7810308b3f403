"""Lists of Python values to columns: of what `read` gives, and what else is as good.

Integers are also days and ticks, a struct is also a tuple, a decimal is also an int. A decimal of too
many digits behind the point is rounded half up, as SQL's CAST does.
"""

import datetime
import decimal
from array import array
from collections.abc import Mapping
from itertools import accumulate, chain

from .bindings import columns as wire
from .data_types import DataType, type_to_wire
from .errors import Failed, RowError, Rows, described
from .read import EPOCH, EPOCH_ORDINAL, EPOCH_UTC, EXACT, MICROSECONDS

_INTEGERS = {
    "int8": ("b", wire.Values_Int8),
    "int16": ("h", wire.Values_Int16),
    "int32": ("i", wire.Values_Int32),
    "date32": ("i", wire.Values_Int32),
    "int64": ("q", wire.Values_Int64),
    "time64": ("q", wire.Values_Int64),
    "timestamp": ("q", wire.Values_Int64),
    "uint8": ("B", wire.Values_Uint8),
    "uint16": ("H", wire.Values_Uint16),
    "uint32": ("I", wire.Values_Uint32),
    "uint64": ("Q", wire.Values_Uint64),
    "float32": ("f", wire.Values_Float32),
    "float64": ("d", wire.Values_Float64),
}
_HALF_UP = decimal.Context(prec=80, rounding=decimal.ROUND_HALF_UP)
_WORD = (1 << 64) - 1
_MICROSECOND = datetime.timedelta(microseconds=1)


def write(values: list, data_type: DataType):
    """The contract's column of the values. Raises `Rows` for values that the type has no room for,
    `Failed` for what is of another type."""
    try:
        return _column(values, data_type)
    except (TypeError, ValueError, ArithmeticError):
        errors = _unwritable(values, data_type)
        if not errors:
            raise
        raise Rows(errors) from None


def pack(flags: bytes) -> bytes:
    """A bit for each byte, 0 or 1, the least significant first."""
    if not flags:
        return b""
    digits = flags[::-1].translate(_DIGITS)
    return int(digits, 2).to_bytes((len(flags) + 7) // 8, "little")


_DIGITS = bytes.maketrans(b"\0\1", b"01")


def _unwritable(values, data_type):
    errors = []
    for row, value in enumerate(values):
        try:
            _column([value], data_type)
        except TypeError as error:
            shown = repr(value) if len(repr(value)) < 100 else type(value).__name__
            raise Failed(f"row {row}: {shown} is no {data_type}: {error}") from None
        except OverflowError:
            errors.append(RowError(f"{value} is out of range of {data_type}", row))
        except (ValueError, ArithmeticError) as error:
            errors.append(RowError(described(error), row))
    return errors


def _column(values: list, data_type: DataType):
    """Raises TypeError, ValueError or OverflowError without saying for which row."""
    validity = None
    if None in values:
        validity = pack(bytes([value is not None for value in values]))
        zero = _zero(data_type)
        values = [zero if value is None else value for value in values]
    children = ()
    match data_type.kind:
        case "boolean":
            if not {*map(type, values)} <= {bool}:
                raise TypeError("a bool was expected")
            buffers = wire.Values_Boolean(pack(bytes(values)))
        case "utf8":
            buffers = _bytes([*map(str.encode, values)])
        case "binary":
            buffers = _bytes(values)
        case "decimal128":
            digits = [_digits(value, *data_type.parameters) for value in values]
            words = [(value & _WORD, value >> 64 & _WORD) for value in digits]
            buffers = wire.Values_Int128([*chain.from_iterable(words)])
        case "list":
            offsets = array("i", accumulate(map(len, values), initial=0))
            buffers = wire.Values_Offsets(offsets.tolist())
            children = (_items(values),)
        case "fixed-size-list":
            (size,) = data_type.parameters
            for value in values:
                if len(value) != size:
                    raise ValueError(f"the list has {len(value)} items, not {size}")
            buffers = wire.Values_None_()
            children = (_items(values),)
        case "struct":
            buffers = wire.Values_None_()
            names = [field.name for field in data_type.children]
            rows = [_fields(value, names) for value in values]
            children = [[row[index] for row in rows] for index in range(len(names))]
        case kind:
            code, case = _INTEGERS[kind]
            stored = array(code, _stored(values, data_type))
            buffers = case(stored.tobytes() if stored.itemsize == 1 else stored.tolist())
    children = [_column(child, field.data_type) for child, field in zip(children, data_type.children)]
    data = wire.Array(len(values), validity, buffers)
    return wire.Column(type_to_wire(data_type), data, children)


def _zero(data_type: DataType):
    """What stands under a NULL."""
    match data_type.kind:
        case "boolean":
            return False
        case "utf8":
            return ""
        case "binary":
            return b""
        case "list":
            return []
        case "fixed-size-list":
            return [_child_zero(data_type.children[0])] * data_type.parameters[0]
        case "struct":
            return tuple(map(_child_zero, data_type.children))
    return 0


def _child_zero(field):
    return None if field.nullable else _zero(field.data_type)


def _bytes(parts: list):
    offsets = array("i", accumulate(map(len, parts), initial=0))
    return wire.Values_Bytes((offsets.tolist(), b"".join(parts)))


def _items(values: list) -> list:
    if any(isinstance(value, (str, bytes)) for value in values):
        raise TypeError("a list was expected")
    return [*chain.from_iterable(values)]


def _fields(value, names: list[str]):
    if isinstance(value, Mapping):
        missing = [name for name in names if name not in value]
        if missing:
            raise TypeError(f"the field '{missing[0]}' is missing")
        return [value[name] for name in names]
    if not isinstance(value, (tuple, list)) or len(value) != len(names):
        raise TypeError(f"a dict or a tuple of {len(names)} was expected")
    return value


def _stored(values: list, data_type: DataType) -> list:
    """Days and ticks of dates and times; what is a number already stays one."""
    match data_type.kind:
        case "date32":
            return [_days(value) for value in values]
        case "time64":
            return [_microseconds(value) for value in values]
        case "timestamp":
            unit, timezone = data_type.parameters
            return [_ticks(value, unit, timezone) for value in values]
    return values


def _days(value):
    if isinstance(value, datetime.datetime):
        raise TypeError("a date was expected, not a time of one")
    return value.toordinal() - EPOCH_ORDINAL if isinstance(value, datetime.date) else value


def _microseconds(value):
    if not isinstance(value, datetime.time):
        return value
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return seconds * 1_000_000 + value.microsecond


def _ticks(value, unit: str, timezone: str | None):
    if not isinstance(value, datetime.datetime):
        return value
    if value.tzinfo is None:
        microseconds = (value - EPOCH) // _MICROSECOND
    elif timezone is not None:
        microseconds = (value - EPOCH_UTC) // _MICROSECOND
    else:
        raise TypeError("a datetime without a time zone was expected")
    if unit == "nanosecond":
        return microseconds * 1_000
    return microseconds // MICROSECONDS[unit]


def _digits(value, precision: int, scale: int) -> int:
    """The digits without the point."""
    if not isinstance(value, (int, decimal.Decimal)):
        raise TypeError("a Decimal was expected")
    value = decimal.Decimal(value)
    if not value.is_finite():
        raise ValueError(f"{value} is no decimal of SQL")
    if value.adjusted() + scale > precision:
        raise OverflowError
    digits = int(_HALF_UP.to_integral_value(EXACT.scaleb(value, scale)))
    if abs(digits) >= 10**precision:
        raise OverflowError
    return digits
