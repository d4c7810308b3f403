"""What a process function keeps of each key, and the rows that it gives beside its result: as it says so
itself."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .bindings import WireSideOutput, state
from .data_types import DataType, Field, to_schema

_UNITS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_MILLISECOND = datetime.timedelta(milliseconds=1)
# -0.0 is not 0.0 to the host, and NaN is itself; lists and dicts are no keys in Python.
_NO_KEYS = ("float32", "float64", "list", "fixed-size-list", "struct")


def milliseconds(ttl) -> int | None:
    """Of a text such as "1 h", or of a timedelta. Raises ValueError."""
    if ttl is None:
        return None
    if isinstance(ttl, datetime.timedelta):
        number = ttl // _MILLISECOND
    else:
        found = re.fullmatch(r"\s*(\d+)\s*(ms|s|min|h|d)\s*", str(ttl), re.ASCII)
        number = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < number < 2**64:
        raise ValueError(f"a ttl is a whole number of ms, s, min, h or d, as '1 h': not '{ttl}'")
    return number


@dataclass(frozen=True)
class Slot:
    """Something that is kept of each key: made by `Slot.value`, `Slot.list` or `Slot.map`.

    `ttl` is a text such as "1 h", or a timedelta, after which what was written is gone, by the
    machine's clock.
    """

    name: str
    kind: str
    fields: tuple[Field, ...]
    ttl: int | None = None
    """in milliseconds"""

    @classmethod
    def value(cls, name: str, data_type: DataType, ttl=None) -> "Slot":
        """One value of each key, or NULL."""
        return cls(name, "value", (Field("value", data_type),), milliseconds(ttl))

    @classmethod
    def list(cls, name: str, item: DataType, ttl=None) -> "Slot":
        """Any number of items of each key, in the order in which they were appended."""
        return cls(name, "list", (Field("item", item),), milliseconds(ttl))

    @classmethod
    def map(cls, name: str, key: DataType, value: DataType, ttl=None) -> "Slot":
        """Any number of entries of each key, by keys of their own, which are never NULL."""
        if key.kind in _NO_KEYS:
            raise TypeError(f"the slot '{name}': a {key.kind} is no key of a map")
        fields = (Field("key", key, False), Field("value", value))
        return cls(name, "map", fields, milliseconds(ttl))

    @property
    def data_type(self) -> DataType:
        """Of what a key has in it: a value, a list, or a list of structs of `key` and `value`."""
        match self.kind:
            case "value":
                return self.fields[0].data_type
            case "list":
                return DataType.List(self.fields[0])
        return DataType.List(DataType.Struct(self.fields))

    def to_wire(self):
        kind = state.SlotKind[self.kind.upper()]
        return state.Slot(self.name, kind, to_schema(self.fields), self.ttl)


@dataclass(frozen=True)
class SideOutput:
    """Rows beside the result of a process function, for a table that the job names."""

    name: str
    fields: Sequence[Field]

    def to_wire(self):
        return WireSideOutput(self.name, to_schema(self.fields))
