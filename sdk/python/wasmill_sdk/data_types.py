"""Arrow types and fields, as trees; the contract has them flat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .bindings import columns as wire

UNITS = ("second", "millisecond", "microsecond", "nanosecond")


@dataclass(frozen=True)
class DataType:
    """An Arrow type: `DataType.Int64`, `DataType.Timestamp("second")`, `DataType.List(DataType.Utf8)`.

    `kind` is the contract's name of it, `parameters` what it takes: unit and time zone, precision and
    scale, or the size of a fixed-size list. `children` are the fields of nested types.
    """

    kind: str
    parameters: tuple[Any, ...] = ()
    children: tuple[Field, ...] = ()

    Boolean: ClassVar[DataType]
    Int8: ClassVar[DataType]
    Int16: ClassVar[DataType]
    Int32: ClassVar[DataType]
    Int64: ClassVar[DataType]
    UInt8: ClassVar[DataType]
    UInt16: ClassVar[DataType]
    UInt32: ClassVar[DataType]
    UInt64: ClassVar[DataType]
    Float32: ClassVar[DataType]
    Float64: ClassVar[DataType]
    Utf8: ClassVar[DataType]
    Binary: ClassVar[DataType]
    Date32: ClassVar[DataType]
    Time64: ClassVar[DataType]

    @staticmethod
    def Timestamp(unit: str = "microsecond", timezone: str | None = None) -> DataType:
        """Ticks since 1970-01-01T00:00:00; with a time zone they are an instant in UTC."""
        if unit not in UNITS:
            raise ValueError(f"'{unit}' is none of {', '.join(UNITS)}")
        return DataType("timestamp", (unit, timezone))

    @staticmethod
    def Decimal128(precision: int, scale: int) -> DataType:
        return DataType("decimal128", (precision, scale))

    @staticmethod
    def List(item: DataType | Field) -> DataType:
        """Any number of items a value."""
        return DataType("list", (), (_item(item),))

    @staticmethod
    def FixedSizeList(item: DataType | Field, size: int) -> DataType:
        """Every value has this many items."""
        return DataType("fixed-size-list", (size,), (_item(item),))

    @staticmethod
    def Struct(fields: Iterable[Field]) -> DataType:
        return DataType("struct", (), tuple(fields))

    def __str__(self):
        parts = [str(part) for part in self.parameters if part is not None]
        parts += [f"{field.name}: {field.data_type}" for field in self.children]
        return f"{self.kind}({', '.join(parts)})" if parts else self.kind


@dataclass(frozen=True)
class Field:
    """A named column, or a part of a nested one."""

    name: str
    data_type: DataType
    nullable: bool = True


def nullable(field: Field) -> Field:
    """The field, and the items of its lists, with NULL: what SQL has cannot do without."""
    data_type = field.data_type
    if data_type.kind == "list":
        data_type = replace(data_type, children=tuple(map(nullable, data_type.children)))
    return Field(field.name, data_type)


def _item(item: DataType | Field) -> Field:
    return item if isinstance(item, Field) else Field("item", item)


# The contract's cases of types that take nothing.
_PLAIN = {
    "boolean": wire.DataType_Boolean,
    "int8": wire.DataType_Int8,
    "int16": wire.DataType_Int16,
    "int32": wire.DataType_Int32,
    "int64": wire.DataType_Int64,
    "uint8": wire.DataType_Uint8,
    "uint16": wire.DataType_Uint16,
    "uint32": wire.DataType_Uint32,
    "uint64": wire.DataType_Uint64,
    "float32": wire.DataType_Float32,
    "float64": wire.DataType_Float64,
    "utf8": wire.DataType_Utf8,
    "binary": wire.DataType_Binary,
    "date32": wire.DataType_Date32,
    "time64": wire.DataType_Time64,
    "list": wire.DataType_List,
    "struct": wire.DataType_Struct,
}
_KINDS = {case: kind for kind, case in _PLAIN.items()}

for _kind in _PLAIN.keys() - {"list", "struct"}:
    _name = "UInt" + _kind[4:] if _kind.startswith("uint") else _kind.capitalize()
    setattr(DataType, _name, DataType(_kind))


def type_to_wire(data_type: DataType):
    """The type as the contract has it, without its children."""
    match data_type.kind:
        case "timestamp":
            unit, timezone = data_type.parameters
            unit = wire.TimeUnit[unit.upper()]
            return wire.DataType_Timestamp(wire.TimestampType(unit, timezone))
        case "decimal128":
            return wire.DataType_Decimal128(wire.DecimalType(*data_type.parameters))
        case "fixed-size-list":
            return wire.DataType_FixedSizeList(*data_type.parameters)
        case plain:
            return _PLAIN[plain]()


def type_from_wire(case, children: Sequence[Field] = ()) -> DataType:
    match case:
        case wire.DataType_Timestamp():
            return DataType.Timestamp(case.value.unit.name.lower(), case.value.timezone)
        case wire.DataType_Decimal128():
            return DataType.Decimal128(case.value.precision, case.value.scale)
        case wire.DataType_FixedSizeList():
            return DataType("fixed-size-list", (case.value,), tuple(children))
    return DataType(_KINDS[type(case)], (), tuple(children))


def to_schema(fields: Iterable[Field]):
    """Fields in pre-order, as the contract wants them."""
    flat = []

    def add(field: Field) -> int:
        index = len(flat)
        flat.append(wire.Field(field.name, type_to_wire(field.data_type), field.nullable, []))
        flat[index].children = [add(child) for child in field.data_type.children]
        return index

    columns = [add(field) for field in fields]
    return wire.Schema(flat, columns)


def from_schema(schema) -> list[Field]:
    """The top-level fields of a schema."""

    def tree(index: int) -> Field:
        flat = schema.fields[index]
        children = [tree(child) for child in flat.children]
        return Field(flat.name, type_from_wire(flat.data_type, children), flat.nullable)

    return [tree(index) for index in schema.columns]
