"""A call of a `@process` function: the state of its keys is read, the method is called row by row, and what
has changed is written."""

from .call import Call
from .errors import ROW_ERRORS, Failed, RowError, Rows
from .errors import described as message_of
from .keyed import Keyed, OutputRows
from .layout import Layout
from .step import Given, Step


class KeyedBatch:
    """A call of the host."""

    def __init__(self, layout: Layout, step: Step, sides: dict[str, Given], keyed: Keyed, before, table):
        self._layout = layout
        self._step = step
        self._sides = sides
        self._keyed = keyed
        self._before = before
        self._table = table
        self._keys = len(keyed.keys())

    def _start(self):
        call = Call.of(self._keyed, self._table, self._sides)
        return self._layout.load(self._before, self._keys), call

    def run(self, rows: list[tuple]) -> list[OutputRows]:
        """Raises an error of a row without saying which."""
        states, call = self._start()
        step, method = self._step, self._step.call
        given, origins = [], []
        for row, key, *arguments in rows:
            call._row, call._key = row, key
            state = states[key]
            made = method(state, call, *arguments) if step.takes_call else method(state, *arguments)
            if made is None:
                continue
            made = step.rows(made)
            given += made
            origins += [row] * len(made)
        return self._finish(states, call, given, origins)

    def run_carefully(self, rows: list[tuple]) -> list[OutputRows]:
        """Raises `Rows`, of all rows that fail."""
        states, call = self._start()
        step, method = self._step, self._step.call
        given, origins, errors = [], [], []
        for row, key, *arguments in rows:
            call._row, call._key = row, key
            state = states[key]
            saved = self._layout.copy(state)
            try:
                made = method(state, call, *arguments) if step.takes_call else method(state, *arguments)
                made = step.rows(made)
                self._check(key, state, made, call)
            except ROW_ERRORS as error:
                errors.append(RowError(message_of(error), row))
                states[key] = saved
            except Rows as error:
                errors.append(RowError(error.errors[0].message, row))
                states[key] = saved
            else:
                given += made
                origins += [row] * len(made)
        if errors:
            raise Rows(errors)
        try:
            return self._finish(states, call, given, origins)
        except Rows as error:
            raise Failed(str(error)) from None

    def _check(self, key: int, state, given: list, call: Call) -> None:
        """What a row has given and changed, by itself."""
        self._layout.check(self._before, key, state)
        if given:
            self._step.given.check(given)
        for name, (rows, origins) in call._given.items():
            self._sides[name].check([row for row, of in zip(rows, origins) if of == call._row])

    def _finish(self, states: list, call: Call, given: list, origins: list[int]) -> list[OutputRows]:
        """Hands over what has changed, once all of it was made into columns."""
        outputs = []
        if origins:
            outputs.append(self._step.given.output(given, origins))
        for name, side in self._sides.items():
            if name in call._given:
                outputs.append(side.output(*call._given[name]))
        changes = self._layout.changes(self._before, states)
        changes.send(self._keyed)
        call._send_timers()
        return outputs
