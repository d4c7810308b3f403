"""`@process`: a class of Python's own types, of which an instance is what is kept of a key."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .annotations import tuple_fields
from .columns import Batch
from .data_types import Field, nullable
from .errors import ROW_ERRORS, Rows
from .function import ProcessFunction
from .keyed import Keyed, OutputRows, Timers
from .keyed_batch import KeyedBatch
from .layout import Layout
from .registry import register
from .signature import Signature
from .slot import SideOutput, Slot
from .step import Broadcast, Given, Step
from .typed import Arguments, described


def process(
    state: type | None = None,
    /,
    *,
    columns: Sequence[str] = (),
    side_outputs: Mapping[str, Mapping[str, Any]] | None = None,
    broadcast: Sequence[str] = (),
    name=None,
    description=None,
    volatile=False,
):
    """Offers a class whose annotated fields are what is kept of a key, with `eval` for each of its rows
    and, where timers are set, `on_timer`.

    Both give rows: any number in a list, an iterator or a generator, or one or None; a row is a tuple,
    or of a single column its value. Their first argument is the `Call`, if it is named `call`.

    `columns` names the result's columns; `side_outputs` has the columns of each, with their types;
    `broadcast` names the columns of the broadcast table, whose rows the static method `broadcast` gets.
    The other options are those of `@scalar`; the name is the class's by default, as `user_sessions` is
    `UserSessions`'.
    """

    def offer(state):
        known = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", state.__name__).lower()
        signature = described(state, known, description, volatile)
        register(TypedProcess(state, signature, columns, side_outputs or {}, broadcast))
        return state

    return offer if state is None else offer(state)


class TypedProcess(ProcessFunction):
    """A class with `@process`."""

    def __init__(
        self,
        state: type,
        signature: Signature,
        columns: Sequence[str],
        side_outputs: Mapping[str, Mapping[str, Any]],
        broadcast: Sequence[str],
    ):
        if not callable(getattr(state, "eval", None)):
            raise TypeError(f"{state.__name__} has no method 'eval'")
        self._layout = Layout(state)
        self._eval = Step(state.eval, columns, signature.name)
        self._on_timer = None
        if hasattr(state, "on_timer"):
            self._on_timer = Step(state.on_timer, columns, signature.name)
            if len(self._on_timer.arguments) > 1:
                raise TypeError(f"{state.__name__}.on_timer takes the timer's name, and no more")
        steps = [step for step in (self._eval, self._on_timer) if step and step.given]
        if not steps:
            raise TypeError(f"{state.__name__}.eval gives rows, or on_timer does: annotate what they return")
        returns = steps[0].given.fields
        if any(step.given.fields != returns for step in steps):
            raise TypeError(f"{state.__name__}.on_timer gives rows of other columns than eval")
        self._arguments = Arguments(self._eval.fields())
        self._sides = {
            name: Given(*_declared(state, name, of), place)
            for place, (name, of) in enumerate(side_outputs.items())
        }
        self._broadcast = Broadcast(state, broadcast) if hasattr(state, "broadcast") else None
        self._signature = replace(signature, arguments=self._arguments.fields, returns=returns)

    def signature(self) -> Signature:
        return self._signature

    def open(self, context) -> None:
        # Each function that is opened has a table of its own.
        if self._broadcast is not None:
            self._broadcast = self._broadcast.again()

    def slots(self) -> Sequence[Slot]:
        return [field.slot for field in self._layout.fields]

    def side_outputs(self) -> Sequence[SideOutput]:
        return [SideOutput(name, given.fields) for name, given in self._sides.items()]

    def broadcast(self) -> Sequence[Field] | None:
        return None if self._broadcast is None else self._broadcast.fields

    def batch_eval(self, rows: Batch, keyed: Keyed) -> Sequence[OutputRows]:
        lists = self._arguments.read(rows)
        asked = [values for values, must in zip(lists, self._arguments.required) if must and None in values]
        called = [None not in row for row in zip(*asked)] if asked else None
        return self._run(self._eval, keyed, lists, called)

    def on_timers(self, timers: Timers, keyed: Keyed) -> Sequence[OutputRows]:
        if self._on_timer is None:
            return ()
        lists = [timers.names] if self._on_timer.arguments else []
        return self._run(self._on_timer, keyed, lists, None)

    def _run(self, step: Step, keyed: Keyed, lists: list[list], called: list[bool] | None):
        """Calls a method for each row, but not where `called` says so."""
        numbers = keyed.numbers()
        rows = [*zip(range(len(numbers)), numbers, *lists)]
        if called is not None:
            rows = [row for row, wanted in zip(rows, called) if wanted]
        table = None if self._broadcast is None else self._broadcast.made(keyed)
        before = self._layout.read(keyed)
        batch = KeyedBatch(self._layout, step, self._sides, keyed, before, table)
        try:
            return batch.run(rows)
        except (*ROW_ERRORS, Rows):
            pass
        # Once more from the start: then what failed leaves the state as it was, as when the host calls
        # again without these rows, so that all that fail are found.
        return batch.run_carefully(rows)


def _declared(state: type, name: str, columns: Mapping[str, Any]):
    """The columns of a side output, and that its rows are tuples, unless it has one."""
    where = f"the side output '{name}' of {state.__name__}"
    fields = [tuple_fields([column], annotation, where, column)[0] for column, annotation in columns.items()]
    return [nullable(field) for field in fields], len(fields) != 1
