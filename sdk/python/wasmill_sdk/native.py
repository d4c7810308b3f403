"""The contract in plain Python, for tests outside of a component: columns live in memory, a model is
whatever `models` holds, and what is logged is in `lines`."""

from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass
from enum import Enum
from typing import Any


class Err(Exception):
    """The failure of a call; `value` is a case of the contract's error."""

    def __init__(self, value):
        super().__init__(value)
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Err) and self.value == other.value


class TimeUnit(Enum):
    SECOND = 0
    MILLISECOND = 1
    MICROSECOND = 2
    NANOSECOND = 3


class SlotKind(Enum):
    VALUE = 0
    LIST = 1
    MAP = 2


class Clock(Enum):
    EVENT = 0
    PROCESSING = 1


class Level(Enum):
    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4


def _record(name: str, *fields: str) -> type:
    return make_dataclass(name, fields, namespace={"__module__": __name__})


TimestampType = _record("TimestampType", "unit", "timezone")
DecimalType = _record("DecimalType", "precision", "scale")
Field = _record("Field", "name", "data_type", "nullable", "children")
Schema = _record("Schema", "fields", "columns")
Array = _record("Array", "length", "validity", "values")
RowError = _record("RowError", "row", "message")
OpenContext = _record("OpenContext", "parameters", "arguments")
Parameter = _record("Parameter", "name", "description", "required", "default")
Signature = _record(
    "Signature", "name", "description", "arguments", "returns", "deterministic", "parameters"
)
Expansion = _record("Expansion", "rows", "counts")
Slot = _record("Slot", "name", "kind", "columns", "ttl")
SideOutput = _record("SideOutput", "name", "columns")
Output = _record("Output", "side", "rows", "origins")
ModelSignature = _record("ModelSignature", "inputs", "outputs")

# The cases of variants, those with a value first.
for _name in (
    "DataType_Timestamp DataType_Decimal128 DataType_FixedSizeList "
    "Values_Boolean Values_Int8 Values_Int16 Values_Int32 Values_Int64 Values_Uint8 Values_Uint16 "
    "Values_Uint32 Values_Uint64 Values_Float32 Values_Float64 Values_Bytes Values_Int128 "
    "Values_Offsets Error_Invalid Error_Rows Error_Failed Arguments_Exact Arguments_Variadic "
    "Value_Boolean Value_Int64 Value_Uint64 Value_Float32 Value_Float64 Value_Utf8 Value_Binary "
    "Value_TimestampMicros Value_Date32 Value_Nested "
    "InferenceError_NotGranted InferenceError_Invalid InferenceError_Failed"
).split():
    globals()[_name] = _record(_name, "value")
for _name in (
    "DataType_Boolean DataType_Int8 DataType_Int16 DataType_Int32 DataType_Int64 DataType_Uint8 "
    "DataType_Uint16 DataType_Uint32 DataType_Uint64 DataType_Float32 DataType_Float64 "
    "DataType_Utf8 DataType_Binary DataType_Date32 DataType_Time64 DataType_List DataType_Struct "
    "Values_None_ Arguments_Any Value_Null"
).split():
    globals()[_name] = _record(_name)


class Column:
    """A column in memory; what the host would check is not checked."""

    def __init__(self, data_type, data, children):
        self._data_type, self._data, self._children = data_type, data, children

    def data_type(self):
        return self._data_type

    def length(self):
        return self._data.length

    def null_count(self):
        bits = int.from_bytes(self._data.validity or b"", "little")
        return self._data.length - bits.bit_count() if self._data.validity is not None else 0

    def read(self):
        return self._data

    def child(self, index):
        return self._children[index]


class Batch:
    """Columns in memory."""

    def __init__(self, schema, columns, rows):
        self._schema, self._columns, self._rows = schema, columns, rows

    def schema(self):
        return self._schema

    def rows(self):
        return self._rows

    def column(self, index):
        return self._columns[index]

    def read(self, index):
        return self._columns[index].read()

    def project(self, columns):
        schema = Schema(self._schema.fields, [self._schema.columns[index] for index in columns])
        return Batch(schema, [self._columns[index] for index in columns], self._rows)


@dataclass
class Model:
    """A model that a test puts into `models`."""

    inputs: Any
    outputs: Any
    predict: Callable[[Batch], Batch]
    version: Callable[[], str] = field(default=lambda: "1")

    @classmethod
    def open(cls, name):
        if name not in models:
            raise Err(InferenceError_NotGranted(f"the job does not grant the model '{name}'"))  # noqa: F821
        return models[name]

    def signature(self):
        return ModelSignature(self.inputs, self.outputs)


models: dict[str, Model] = {}
lines: list[tuple[Level, str]] = []


def log(level, message):
    lines.append((level, message))


def counter(name, add):
    pass


def gauge(name, value):
    pass


def histogram(name, value):
    pass
