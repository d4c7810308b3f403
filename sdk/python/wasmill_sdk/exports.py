"""What the component exports: the functions that its plugin registers.

The module that `wasmill_sdk.build` writes beside a plugin has these classes by the names that
componentize-py asks for.
"""

# `datetime.strptime` imports it when it is called first, when there is no file to import any more.
import _strptime  # noqa: F401
import decimal
from functools import wraps

from .bindings import columns
from .columns import Batch
from .data_types import Field, to_schema
from .errors import to_wire
from .function import AggregateFunction, Function, ProcessFunction, ScalarFunction, TableFunction
from .keyed import Keyed, Timers
from .registry import find, functions
from .row import to_rows, to_value
from .signature import OpenContext

# Python rounds what it computes to 28 digits; DECIMAL has 38, a product of two 76. What a plugin has set
# stays.
if decimal.getcontext().prec == decimal.DefaultContext.prec:
    decimal.getcontext().prec = 76


def _told(call):
    """With errors as the contract has them."""

    @wraps(call)
    def calling(*arguments):
        try:
            return call(*arguments)
        except Exception as error:
            raise to_wire(error) from None

    return calling


class _Offered:
    kind: type[Function]

    def functions(self):
        return [function.signature().to_wire() for function in functions(self.kind)]


class Scalar(_Offered):
    kind = ScalarFunction


class Table(_Offered):
    kind = TableFunction


class Aggregate(_Offered):
    kind = AggregateFunction


class Process(_Offered):
    kind = ProcessFunction


class _Opened:
    """A function that a job opened."""

    kind: type[Function]

    def __init__(self, function, arguments):
        self._function = function
        self._arguments = arguments
        returns = function.returns()
        self._fields = [returns] if isinstance(returns, Field) else list(returns)

    @classmethod
    @_told
    def open(cls, name: str, context):
        context = OpenContext.from_wire(context)
        function = find(cls.kind, name)
        function.open(context)
        return cls(function, context.arguments)

    def returns(self):
        return to_schema(self._fields)

    def _batch(self, rows) -> Batch:
        return Batch(rows, self._arguments)


class OpenedScalar(_Opened):
    kind = ScalarFunction

    @_told
    def eval(self, row):
        column = self._function.batch_eval(to_rows(row, self._arguments))
        return to_value(column._handle)

    @_told
    def batch_eval(self, rows) -> columns.Column:
        return self._function.batch_eval(self._batch(rows))._handle


class OpenedTable(_Opened):
    kind = TableFunction

    @_told
    def batch_eval(self, rows):
        return self._function.batch_eval(self._batch(rows)).to_wire()


class OpenedAggregate(_Opened):
    kind = AggregateFunction

    def __init__(self, function, arguments):
        super().__init__(function, arguments)
        self._state = list(function.state())

    def state(self):
        return to_schema(self._state)

    def retracts(self) -> bool:
        return self._function.retracts()

    def accumulators(self):
        return OpenedAccumulators(self._function.accumulators(), self._arguments, self._state)


class OpenedAccumulators:
    """The groups of an aggregate function that a job opened."""

    def __init__(self, accumulators, arguments, state):
        self._accumulators = accumulators
        self._arguments = arguments
        self._state = state

    @_told
    def update(self, rows, groups, count):
        self._accumulators.update(Batch(rows, self._arguments), groups, count)

    @_told
    def retract(self, rows, groups):
        self._accumulators.retract(Batch(rows, self._arguments), groups)

    @_told
    def merge(self, states, groups, count):
        self._accumulators.merge(Batch(states, self._state), groups, count)

    @_told
    def state(self, count) -> columns.Batch:
        return self._accumulators.state(count)._handle

    @_told
    def evaluate(self, count) -> columns.Column:
        return self._accumulators.evaluate(count)._handle

    @_told
    def forget(self, count):
        self._accumulators.forget(count)


class OpenedProcess(_Opened):
    kind = ProcessFunction

    def __init__(self, function, arguments):
        super().__init__(function, arguments)
        self._slots = list(function.slots())
        self._broadcast = function.broadcast()

    def slots(self):
        return [slot.to_wire() for slot in self._slots]

    def side_outputs(self):
        return [output.to_wire() for output in self._function.side_outputs()]

    def broadcast(self):
        return None if self._broadcast is None else to_schema(self._broadcast)

    @_told
    def batch_eval(self, rows, keyed):
        given = self._function.batch_eval(self._batch(rows), self._keyed(keyed))
        return [output.to_wire() for output in given]

    @_told
    def on_timers(self, timers, keyed):
        given = self._function.on_timers(Timers.read(Batch(timers)), self._keyed(keyed))
        return [output.to_wire() for output in given]

    def _keyed(self, keyed) -> Keyed:
        return Keyed(keyed, self._slots, self._broadcast)
