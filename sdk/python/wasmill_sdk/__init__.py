"""Write wasmill functions in Python.

    from wasmill_sdk import scalar

    @scalar
    def greet(name: str) -> str:
        return f"Hello, {name}!"

- `@scalar`, `@table`, `@aggregate` and `@process` offer plain functions and classes; SQL's types are those
  of their annotations.
- `ScalarFunction`, `TableFunction`, `AggregateFunction` and `ProcessFunction` are written by hand, with
  parameters and models; `@plugin` registers them.
- `RowError` fails a row, `Invalid` says that the job is wrong, `Failed` that the function failed.
"""

from . import metrics
from .aggregate import aggregate
from .annotations import (
    Date,
    Decimal,
    Float32,
    Int8,
    Int16,
    Int32,
    Time,
    Timestamp,
    TimestampLtz,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
)
from .call import Call
from .columns import Batch, Column
from .data_types import DataType, Field
from .errors import Error, Failed, Invalid, RowError, Rows
from .function import (
    Accumulators,
    AggregateFunction,
    Expansion,
    ProcessFunction,
    ScalarFunction,
    TableFunction,
)
from .inference import Model
from .kept import ListState, MapState, Ttl
from .keyed import Keyed, OutputRows, Timers
from .layout import forget
from .logging import Level, log
from .process import process
from .registry import plugin
from .signature import OpenContext, Parameter, Signature, Variadic
from .slot import SideOutput, Slot
from .typed import scalar, table

__all__ = [
    "Accumulators",
    "AggregateFunction",
    "Batch",
    "Call",
    "Column",
    "DataType",
    "Date",
    "Decimal",
    "Error",
    "Expansion",
    "Failed",
    "Field",
    "Float32",
    "Int16",
    "Int32",
    "Int8",
    "Invalid",
    "Keyed",
    "Level",
    "ListState",
    "MapState",
    "Model",
    "OpenContext",
    "OutputRows",
    "Parameter",
    "ProcessFunction",
    "RowError",
    "Rows",
    "ScalarFunction",
    "SideOutput",
    "Signature",
    "Slot",
    "TableFunction",
    "Time",
    "Timers",
    "Timestamp",
    "TimestampLtz",
    "Ttl",
    "UInt16",
    "UInt32",
    "UInt64",
    "UInt8",
    "Variadic",
    "aggregate",
    "forget",
    "log",
    "metrics",
    "plugin",
    "process",
    "scalar",
    "table",
]
