"""The row path: SQL values to a batch of one row, and back."""

from collections.abc import Sequence

from .bindings import columns, types
from .columns import Batch, Column
from .data_types import Field
from .errors import Failed, Invalid

_CASES = {
    columns.DataType_Boolean: types.Value_Boolean,
    columns.DataType_Int8: types.Value_Int64,
    columns.DataType_Int16: types.Value_Int64,
    columns.DataType_Int32: types.Value_Int64,
    columns.DataType_Int64: types.Value_Int64,
    columns.DataType_Uint8: types.Value_Uint64,
    columns.DataType_Uint16: types.Value_Uint64,
    columns.DataType_Uint32: types.Value_Uint64,
    columns.DataType_Uint64: types.Value_Uint64,
    columns.DataType_Float32: types.Value_Float32,
    columns.DataType_Float64: types.Value_Float64,
    columns.DataType_Utf8: types.Value_Utf8,
    columns.DataType_Binary: types.Value_Binary,
}


def to_rows(row: Sequence, fields: Sequence[Field]) -> Batch:
    """A batch of one row. Raises `Invalid` where a value is not of its argument's type."""
    if len(row) != len(fields):
        message = f"a row has {len(row)} values, the function was opened with {len(fields)} arguments"
        raise Invalid(message)
    made = [_column(value, field) for value, field in zip(row, fields)]
    return Batch.from_columns(fields, made, 1)


def _column(value, field: Field) -> Column:
    match value:
        case types.Value_Nested():
            return Column(value.value, field.data_type)
        case types.Value_Null():
            return Column.from_list(field.data_type, [None])
    try:
        return Column.from_list(field.data_type, [value.value])
    except Exception as error:
        raise Invalid(f"the argument '{field.name}' is no {field.data_type}: {error}") from None


def to_value(handle):
    """The first value of the contract's column. Raises `Failed` where there is none."""
    if handle.length() == 0:
        raise Failed("the result of one row has no row")
    if handle.null_count() > 0:
        return types.Value_Null()
    data_type = handle.data_type()
    match data_type:
        case columns.DataType_Date32():
            return types.Value_Date32(handle.read().values.value[0])
        case columns.DataType_Timestamp() if data_type.value.unit is columns.TimeUnit.MICROSECOND:
            return types.Value_TimestampMicros(handle.read().values.value[0])
    case = _CASES.get(type(data_type))
    if case is None:
        return types.Value_Nested(handle)
    return case(Column(handle).to_list()[0])
