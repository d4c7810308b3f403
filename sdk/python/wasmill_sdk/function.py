"""The shapes of functions that are written by hand: with parameters, arguments of any type, and a state
that is made once, in `open`. `@plugin` registers them.

Unless a method says otherwise, what it raises ends the job: `Invalid` says that the job is wrong, any
other error that the function failed.
"""

from collections.abc import Iterable, Sequence

from .bindings import Expansion as WireExpansion
from .columns import Batch, Column
from .data_types import DataType, Field
from .errors import Failed
from .keyed import Keyed, OutputRows, Timers
from .signature import OpenContext, Signature
from .slot import SideOutput, Slot

COUNTS = DataType.UInt32


class Function:
    """What functions of all kinds have."""

    @classmethod
    def signature(cls) -> Signature:
        """What the function offers. Must not depend on anything that a job grants."""
        raise NotImplementedError

    def open(self, context: OpenContext) -> None:
        """Checks parameters and argument types, once: an instance serves many batches."""

    def _returns(self):
        returns = self.signature().returns
        if returns is None:
            message = "the signature leaves the result's type to `returns`, which is not written"
            raise Failed(message)
        return returns


class ScalarFunction(Function):
    """One row in, one value out."""

    def returns(self) -> Field:
        """The result's type. By default the one of the signature."""
        return self._returns()

    def batch_eval(self, rows: Batch) -> Column:
        """A batch: the result has as many rows, of the type that `returns` gave. `Rows` names rows
        that failed; so does a `RowError` that has its row."""
        raise NotImplementedError


class Expansion:
    """What a batch becomes: the rows of its first row, then those of its second, …"""

    def __init__(self, rows: Batch, counts: Sequence[int]):
        self._rows = rows
        self._counts = list(counts)

    @classmethod
    def from_lists(
        cls, fields: Iterable[Field], values: Iterable[Sequence], counts: Sequence[int]
    ) -> "Expansion":
        """Of a list of values a field; `counts` says how many of them belong to each row."""
        return cls(Batch.from_lists(fields, values, sum(counts)), counts)

    def to_wire(self):
        counts = Column.from_list(COUNTS, self._counts)
        return WireExpansion(self._rows._handle, counts._handle)


class TableFunction(Function):
    """One row in, any number of rows out."""

    def returns(self) -> Sequence[Field]:
        """The result's columns, each with a name of its own. By default those of the signature."""
        return self._returns()

    def batch_eval(self, rows: Batch) -> Expansion:
        """A batch, of which `Rows` and `RowError` name rows that failed."""
        raise NotImplementedError


class Accumulators:
    """Groups, numbered from 0. There are none at first."""

    def update(self, rows: Batch, groups: list[int], count: int) -> None:
        """Adds each row to the group whose number `groups` has for it. There are `count` groups from
        then on, never fewer than before; those that are new are empty."""
        raise NotImplementedError

    def retract(self, rows: Batch, groups: list[int]) -> None:
        """Takes back rows that were added; called where the function `retracts`."""
        raise NotImplementedError

    def merge(self, states: Batch, groups: list[int], count: int) -> None:
        """Adds what other accumulators gave as their `state`, as `update` adds rows."""
        raise NotImplementedError

    def state(self, count: int) -> Batch:
        """Of the first `count` groups, one row a group, of the columns of the function's `state`."""
        raise NotImplementedError

    def evaluate(self, count: int) -> Column:
        """Of the first `count` groups, one value a group. The groups stay as they are."""
        raise NotImplementedError

    def forget(self, count: int) -> None:
        """Forgets the first `count` groups; the others are numbered from 0 again."""
        raise NotImplementedError


class AggregateFunction(Function):
    """The rows of a group in, one value out."""

    def returns(self) -> Field:
        """The result's type. By default the one of the signature."""
        return self._returns()

    def state(self) -> Sequence[Field]:
        """The columns of a group's state, at least one, each with a name of its own."""
        raise NotImplementedError

    def retracts(self) -> bool:
        """Whether rows can be taken back. Where they cannot, the host adds up anew."""
        return False

    def accumulators(self) -> Accumulators:
        """No groups yet. Several may live at once."""
        raise NotImplementedError


class ProcessFunction(Function):
    """Rows of many keys in, any number of rows out, at once or later: with state by key, and timers."""

    def returns(self) -> Sequence[Field]:
        """The result's columns, each with a name of its own. By default those of the signature."""
        return self._returns()

    def slots(self) -> Sequence[Slot]:
        """What is kept of each key, each of a name of its own."""
        return ()

    def side_outputs(self) -> Sequence[SideOutput]:
        """Rows beside the result, each of a name of its own."""
        return ()

    def broadcast(self) -> Sequence[Field] | None:
        """The columns of the broadcast table, if there is one."""
        return None

    def batch_eval(self, rows: Batch, keyed: Keyed) -> Sequence[OutputRows]:
        """Rows in the order in which they came. `Rows` and `RowError` name rows that failed: then
        nothing has changed, and the others may come again."""
        raise NotImplementedError

    def on_timers(self, timers: Timers, keyed: Keyed) -> Sequence[OutputRows]:
        """Timers whose time has come, earliest first. They are gone, unless the call sets them anew."""
        return ()
