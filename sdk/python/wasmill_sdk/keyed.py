"""What a call of a process function may use: the keys' state, timers, time, the broadcast table."""

from collections.abc import Iterable, Sequence

from .bindings import WireOutput, state
from .columns import Batch, Column
from .data_types import DataType, Field
from .slot import Slot

ORIGINS = DataType.UInt32
EVENT, PROCESSING = state.Clock.EVENT, state.Clock.PROCESSING


class Keyed:
    """The keys of a call, numbered from 0, with their state. What a call changes is there from the next
    call on, and only if this one raises nothing. Slots go by name; keys, slots and rows that are not
    there end the call."""

    def __init__(self, handle, slots: Sequence[Slot], broadcast: Sequence[Field] | None = None):
        self._handle = handle
        self._slots = {slot.name: (place, slot.data_type) for place, slot in enumerate(slots)}
        self._broadcast = broadcast

    def keys(self) -> Batch:
        """The columns of PARTITION BY, one row a key."""
        return Batch(self._handle.keys())

    def numbers(self) -> list[int]:
        """Of each row or timer of the call the number of its key."""
        return self._handle.numbers()

    def times(self) -> list[int] | None:
        """Of each row or timer its time, in milliseconds since 1970; None where the job gives none."""
        times = self._handle.times()
        return None if times is None else Column(times, DataType.Int64).to_list()

    def watermark(self) -> int | None:
        """All rows up to this time have come, in milliseconds since 1970; None before the first ones.
        2**63 - 1 once all rows of a table with an end have come."""
        return self._handle.watermark()

    def now(self) -> int:
        """The machine's clock as the call began, in milliseconds since 1970."""
        return self._handle.now()

    def read(self, slot: str) -> Column:
        """What each key has, one row a key: a value or None, a list, of a map a list of dicts of `key`
        and `value`, ordered by key."""
        place, data_type = self._slots[slot]
        return Column(self._handle.read(place), data_type)

    def lookup(self, slot: str, keys: Sequence[int], entries: Column) -> Column:
        """Of a map: for each row the value that the key `keys[row]` has under `entries[row]`, or
        None."""
        place, data_type = self._slots[slot]
        (entry,) = data_type.children
        found = self._handle.lookup(place, list(keys), entries._handle)
        return Column(found, entry.data_type.children[1].data_type)

    def write(self, slot: str, keys: Sequence[int], values: Column) -> None:
        """Replaces all that these keys have, with rows as `read` gives them; None, or an empty list, is
        nothing."""
        self._handle.write(self._slots[slot][0], list(keys), values._handle)

    def append(self, slot: str, keys: Sequence[int], items: Column) -> None:
        """Of a list: appends an item each."""
        self._handle.append(self._slots[slot][0], list(keys), items._handle)

    def put(self, slot: str, keys: Sequence[int], entries: Column, values: Column) -> None:
        """Of a map: puts an entry each; one whose value is None is removed."""
        self._handle.put(self._slots[slot][0], list(keys), entries._handle, values._handle)

    def set_timers(self, name: str, keys: Sequence[int], at: Sequence[int]) -> None:
        """A timer for each of these keys, which fires once the watermark has come to `at`, in
        milliseconds since 1970. A key has one timer of a name: it replaces the one before."""
        self._handle.set_timers(EVENT, name, list(keys), list(at))

    def set_processing_timers(self, name: str, keys: Sequence[int], at: Sequence[int]) -> None:
        """The same, by the machine's clock."""
        self._handle.set_timers(PROCESSING, name, list(keys), list(at))

    def clear_timers(self, name: str, keys: Sequence[int]) -> None:
        self._handle.clear_timers(name, list(keys))

    def broadcast(self) -> Batch:
        """The rows of the broadcast table that have come, the same for all keys."""
        return Batch(self._handle.broadcast(), self._broadcast)

    def broadcast_version(self) -> int:
        """Another number whenever there are other rows."""
        return self._handle.broadcast_version()


class Timers:
    """Timers whose time has come: their names, and the times for which they were set."""

    def __init__(self, names: list[str], at: list[int]):
        self.names = names
        self.at = at

    @classmethod
    def read(cls, timers: Batch) -> "Timers":
        return cls(timers.to_list(0), timers.to_list(1))

    def __len__(self) -> int:
        return len(self.names)


class OutputRows:
    """Rows that a call of a process function gives. `origins` has for each the row or the timer of the
    call that it comes of; `side` is the place of a side output, None for the result."""

    def __init__(self, rows: Batch, origins: Sequence[int], side: int | None = None):
        self._rows = rows
        self._origins = origins
        self._side = side

    @classmethod
    def from_lists(
        cls,
        fields: Iterable[Field],
        values: Iterable[Sequence],
        origins: Sequence[int],
        side: int | None = None,
    ) -> "OutputRows":
        """Of a list of values a field."""
        return cls(Batch.from_lists(fields, values, len(origins)), origins, side)

    def to_wire(self):
        origins = Column.from_list(ORIGINS, self._origins)
        return WireOutput(self._side, self._rows._handle, origins._handle)
