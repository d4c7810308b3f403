"""The fields of a `@process` class: what is read of each key, and what of it has changed.

A slot is read once a batch. `before` has what each key had in it, a row a key, and stays as it is; an
instance of the class gets copies of what is mutable.
"""

import datetime
import math
import operator
from copy import deepcopy
from typing import Annotated, TypeVar

from .columns import Column
from .data_types import DataType
from .errors import Failed, RowError, Rows, described
from .keyed import Keyed
from .slot import Slot

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
LIST, MAP = "wasmill: list", "wasmill: map"

ListState = Annotated[list[T], LIST]
"""Items of a key, in the order in which they were appended. The host is handed what was appended, or
all of them where something else was done."""
MapState = Annotated[dict[K, V], MAP]
"""Entries of a key. The host is handed those that were put or removed."""


class Ttl:
    """In `Annotated[…, Ttl("1 h")]`: what was written is gone after so long, by the machine's clock."""

    def __init__(self, ttl: str | datetime.timedelta):
        self.ttl = ttl


class Changes:
    """What a call changes, made into columns: handed over once all of them could be made."""

    def __init__(self):
        self._made = []

    def add(self, method, slot: str, keys: list[int], *columns: tuple[DataType, list]) -> None:
        if not keys:
            return
        try:
            made = [Column.from_list(data_type, values) for data_type, values in columns]
        except Rows as error:
            raise Rows([of_field(slot, bad) for bad in error.errors]) from None
        except Failed as error:
            raise Failed(f"the field '{slot}': {error}") from None
        self._made.append((method, slot, keys, made))

    def send(self, keyed: Keyed) -> None:
        for method, slot, keys, columns in self._made:
            method(keyed, slot, keys, *columns)


def of_field(slot: str, error: RowError) -> RowError:
    return RowError(f"the field '{slot}': {described(error)}", error.row)


class Value:
    """One value. Where it is the class's default nothing is kept of it."""

    def __init__(self, name: str, data_type: DataType, ttl, default):
        self.name = name
        self.slot = Slot.value(name, data_type, ttl)
        self._type = data_type
        self._default = default
        self._mutable = is_mutable(data_type)
        self._same = sameness(data_type)

    def default(self):
        return deepcopy(self._default) if self._mutable else self._default

    def loaded(self, before: list, slot: int) -> list:
        """The field of each key."""
        if self._mutable:
            return [self.default() if value is None else deepcopy(value) for value in before]
        if None not in before:
            return before
        return [self._default if value is None else value for value in before]

    def copy(self, value):
        return deepcopy(value) if self._mutable else value

    def add_changes(self, slot: int, before: list, fields: list, changes: Changes) -> None:
        keys, written = [], []
        same, default = self._same, self._default
        for key, (had, value) in enumerate(zip(before, fields)):
            if value is not None and default is not None and same(value, default):
                value = None
            if value is None:
                if had is None:
                    continue
            elif had is not None and same(value, had):
                continue
            keys.append(key)
            written.append(value)
        changes.add(Keyed.write, self.name, keys, (self._type, written))

    def check(self, slot: int, key: int, had, value) -> None:
        self.add_changes(slot, [had], [value], Changes())


class List:
    """Any number of items: a list."""

    def __init__(self, name: str, item: DataType, ttl):
        self.name = name
        self.slot = Slot.list(name, item, ttl)
        self._item = item
        self._same = sameness(item) if is_mutable(item) else operator.is_

    def default(self):
        return []

    def loaded(self, before: list, slot: int) -> list:
        if is_mutable(self._item):
            return [deepcopy(items) for items in map(present, before)]
        return [[*present(items)] for items in before]

    def copy(self, items):
        return deepcopy(items) if is_mutable(self._item) else [*items]

    def add_changes(self, slot: int, before: list, fields: list, changes: Changes) -> None:
        keys, written = [], []
        to, appended = [], []
        for key, (had, items) in enumerate(zip(before, fields)):
            had, items = present(had), present(items)
            count = len(had)
            if len(items) >= count and all(map(self._same, items, had)):
                to += [key] * (len(items) - count)
                appended += items[count:]
            else:
                keys.append(key)
                written.append([*items])
        changes.add(Keyed.write, self.name, keys, (self.slot.data_type, written))
        changes.add(Keyed.append, self.name, to, (self._item, appended))

    def check(self, slot: int, key: int, had, items) -> None:
        self.add_changes(slot, [had], [items], Changes())


def present(items) -> list:
    return () if items is None else items


class TrackedMap(dict):
    """A dict that knows which entries were put or removed. One that is put as None is removed."""

    of: tuple[int, int] | None = None
    """Slot and key from which it was read; what is not touched is there."""

    def __init__(self, *given):
        super().__init__(*given)
        self.touched = {}

    def __setitem__(self, key, value):
        self.touched[key] = None
        if value is None:
            self.pop(key, None)
        else:
            super().__setitem__(key, value)

    def __delitem__(self, key):
        super().__delitem__(key)
        self.touched[key] = None

    def pop(self, key, *default):
        if key in self:
            self.touched[key] = None
        return super().pop(key, *default)

    def popitem(self):
        key, value = super().popitem()
        self.touched[key] = None
        return key, value

    def setdefault(self, key, default=None):
        if key not in self:
            self[key] = default
        return self.get(key)

    def update(self, *given, **more):
        for key, value in dict(*given, **more).items():
            self[key] = value

    def __ior__(self, other):
        self.update(other)
        return self

    def clear(self):
        super().clear()
        self.touched.clear()
        self.of = None

    def copied(self, copy):
        made = TrackedMap((key, copy(value)) for key, value in self.items())
        made.touched = self.touched.copy()
        made.of = self.of
        return made


class Map:
    """Any number of entries: a dict."""

    def __init__(self, name: str, key: DataType, value: DataType, ttl):
        self.name = name
        self.slot = Slot.map(name, key, value, ttl)
        self._types = key, value
        self._mutable = is_mutable(value)
        self._same = sameness(value)

    def default(self):
        return TrackedMap()

    def loaded(self, before: list, slot: int) -> list:
        maps = []
        for key, entries in enumerate(before):
            pairs = [(entry["key"], self._copy(entry["value"])) for entry in present(entries)]
            made = TrackedMap(pairs)
            made.of = slot, key
            maps.append(made)
        return maps

    def _copy(self, value):
        return deepcopy(value) if self._mutable else value

    def copy(self, entries):
        if isinstance(entries, TrackedMap):
            return entries.copied(self._copy)
        return entries and {key: self._copy(value) for key, value in entries.items()}

    def add_changes(self, slot: int, before: list, fields: list, changes: Changes) -> None:
        self._add_changes(slot, enumerate(zip(before, fields)), changes)

    def check(self, slot: int, key: int, had, entries) -> None:
        self._add_changes(slot, [(key, (had, entries))], Changes())

    def _add_changes(self, slot: int, changed, changes: Changes) -> None:
        keys, written = [], []
        to, put, values = [], [], []
        for key, (had, entries) in changed:
            entries = {} if entries is None else entries
            if getattr(entries, "of", None) == (slot, key):
                touched = self._touched(had, entries)
            elif not had:
                # What came from elsewhere is put as a whole.
                touched = [entry for entry, value in entries.items() if value is not None]
            else:
                keys.append(key)
                pairs = [(entry, value) for entry, value in entries.items() if value is not None]
                written.append(pairs)
                continue
            to += [key] * len(touched)
            put += touched
            values += map(entries.get, touched)
        key_type, value_type = self._types
        changes.add(Keyed.write, self.name, keys, (self.slot.data_type, written))
        changes.add(Keyed.put, self.name, to, (key_type, put), (value_type, values))

    def _touched(self, had, entries: TrackedMap) -> list:
        touched = entries.touched
        if self._mutable:
            # Values that were changed where they are.
            found = ((entry["key"], entry["value"]) for entry in present(had))
            changed = [
                key
                for key, value in found
                if key not in touched and key in entries and not self._same(entries[key], value)
            ]
            return [*touched, *changed]
        return [*touched]


Kept = Value | List | Map


def is_mutable(data_type: DataType) -> bool:
    return bool(data_type.children)


def sameness(data_type: DataType):
    """Whether two values of a type, neither of them None, are stored alike."""
    match data_type.kind:
        case "float32" | "float64":
            return _same_float
        case "list" | "fixed-size-list":
            same = _or_none(sameness(data_type.children[0].data_type))
            return lambda a, b: len(a) == len(b) and all(map(same, a, b))
        case "struct":
            fields = [(field.name, _or_none(sameness(field.data_type))) for field in data_type.children]
            return lambda a, b: (
                isinstance(a, dict) and all(same(a.get(name), b.get(name)) for name, same in fields)
            )
    return operator.eq


def _or_none(same):
    return lambda a, b: a is b or (a is not None and b is not None and same(a, b))


def _same_float(a, b) -> bool:
    if a != b:
        return a != a and b != b
    return a != 0 or math.copysign(1, a) == math.copysign(1, b)
