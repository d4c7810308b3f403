"""`@aggregate`: a class of Python's own types, of which an instance is one group."""

import inspect
from collections.abc import Sequence
from dataclasses import replace

from .annotations import argument_fields, hints_of, result_field, tuple_fields
from .columns import Batch, Column
from .data_types import Field, nullable
from .errors import ROW_ERRORS, Failed, RowError, Rows
from .errors import described as message_of
from .function import Accumulators, AggregateFunction
from .registry import register
from .signature import Signature
from .typed import Arguments, described


def aggregate(
    group: type | None = None,
    /,
    *,
    state: Sequence[str] = (),
    name=None,
    description=None,
    volatile=False,
):
    """Offers a class with `update`, `state`, `merge` and `evaluate`, and `retract` where rows can be
    taken back. A new instance is an empty group.

    `state` names the columns of what the method `state` returns, a tuple; by default they are called as
    the arguments of `merge`. The other options are those of `@scalar`; the name is the class's in lower
    case by default.
    """

    def offer(group):
        known = name or group.__name__.lower()
        register(TypedAggregate(group, described(group, known, description, volatile), state))
        return group

    return offer if group is None else offer(group)


class TypedAggregate(AggregateFunction):
    """A class with `@aggregate`."""

    def __init__(self, group: type, signature: Signature, names: Sequence[str]):
        for method in ("update", "state", "merge", "evaluate"):
            if not callable(getattr(group, method, None)):
                raise TypeError(f"{group.__name__} has no method '{method}'")
        self.group = group
        self.arguments = Arguments(argument_fields(group.update, hints_of(group.update), skip=1))
        names = names or list(inspect.signature(group.merge).parameters)[1:]
        where = f"the state of {group.__name__}"
        returned = hints_of(group.state).get("return")
        self.state_fields = tuple_fields(names, returned, where, names[0] if names else "state")
        evaluated = result_field(signature.name, group.evaluate, hints_of(group.evaluate))
        self.returned = nullable(evaluated)
        self._signature = replace(signature, arguments=self.arguments.fields, returns=self.returned)

    def signature(self) -> Signature:
        return self._signature

    def state(self) -> Sequence[Field]:
        return self.state_fields

    def retracts(self) -> bool:
        return hasattr(self.group, "retract")

    def accumulators(self) -> Accumulators:
        return Groups(self)


class Groups(Accumulators):
    """An instance of the class a group."""

    def __init__(self, function: TypedAggregate):
        self._function = function
        self._groups: list = []

    def update(self, rows: Batch, groups: list[int], count: int) -> None:
        self._grow(count)
        self._add(self._function.group.update, rows, groups)

    def retract(self, rows: Batch, groups: list[int]) -> None:
        self._add(self._function.group.retract, rows, groups)

    def merge(self, states: Batch, groups: list[int], count: int) -> None:
        self._grow(count)
        lists = [states.to_list(index) for index in range(len(self._function.state_fields))]
        for number, *state in zip(groups, *lists):
            self._groups[number].merge(*state)

    def state(self, count: int) -> Batch:
        fields = self._function.state_fields
        states = [group.state() for group in self._first(count)]
        if len(fields) == 1 and not all(isinstance(state, tuple) for state in states):
            states = [(state,) for state in states]
        for state in states:
            if len(state) != len(fields):
                raise Failed(f"the state {state!r} is no tuple of {len(fields)}")
        values = [[state[index] for state in states] for index in range(len(fields))]
        return Batch.from_lists(fields, values, count)

    def evaluate(self, count: int) -> Column:
        values = [group.evaluate() for group in self._first(count)]
        return Column.from_list(self._function.returned.data_type, values)

    def forget(self, count: int) -> None:
        del self._groups[:count]

    def _grow(self, count: int) -> None:
        new = self._function.group
        self._groups.extend(new() for _ in range(count - len(self._groups)))

    def _first(self, count: int) -> list:
        if count > len(self._groups):
            raise Failed(f"there are no {count} groups")
        return self._groups[:count]

    def _add(self, method, rows: Batch, groups: list[int]) -> None:
        """Calls a method with each row whose required arguments are not NULL. Raises `Rows`; the other
        rows are added then, which does not matter: an error ends the query."""
        arguments = self._function.arguments
        lists = arguments.read(rows)
        asked = [values for values, must in zip(lists, arguments.required) if must]
        skipped = any(None in values for values in asked)
        errors = []
        for row, (number, *values) in enumerate(zip(groups, *lists)):
            if skipped and any(column[row] is None for column in asked):
                continue
            try:
                method(self._groups[number], *values)
            except ROW_ERRORS as error:
                errors.append(RowError(message_of(error), row))
        if errors:
            raise Rows(errors)
