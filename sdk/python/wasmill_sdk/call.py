"""What a `@process` function may use beside the state of its key."""

from collections.abc import Sequence
from typing import Any

from .errors import Failed, RowError
from .keyed import EVENT, PROCESSING, Keyed

_CLEAR = None


class Call:
    """A row, or a timer whose time has come: its time, timers of its key, side outputs, and what was
    made of the broadcast table. What is done by it counts when the call raises nothing.

    Times are milliseconds since 1970. Made by itself it is the call of a row, for tests: `timer` and
    `given` tell what was done.
    """

    def __init__(
        self,
        time: int | None = None,
        watermark: int | None = None,
        now: int = 0,
        broadcast: Any = None,
        side_outputs: Sequence[str] | None = None,
    ):
        self._times = None if time is None else [time]
        self._watermark = watermark
        self._now = now
        self._broadcast = broadcast
        self._names = side_outputs
        self._keyed: Keyed | None = None
        self._row = 0
        self._key = 0
        self._timers: dict[str, dict] = {}
        self._given: dict[str, tuple[list, list[int]]] = {}

    @classmethod
    def of(cls, keyed: Keyed, broadcast: Any, side_outputs: Sequence[str]) -> "Call":
        call = cls(broadcast=broadcast, side_outputs=side_outputs)
        call._keyed = keyed
        # Asked for once a batch, where they are asked for.
        del call._times, call._watermark, call._now
        return call

    def __getattr__(self, name: str):
        match name:
            case "_times":
                self._times = self._keyed.times()
            case "_watermark":
                self._watermark = self._keyed.watermark()
            case "_now":
                self._now = self._keyed.now()
            case _:
                raise AttributeError(f"a call has no '{name}'")
        return self.__dict__[name]

    @property
    def time(self) -> int | None:
        """Of the row or of the timer; None where the job gives none."""
        times = self._times
        return None if times is None else times[self._row]

    @property
    def watermark(self) -> int | None:
        """All rows up to this time have come; None before the first ones. 2**63 - 1 once all rows of a
        table with an end have come."""
        return self._watermark

    @property
    def now(self) -> int:
        """The machine's clock as the call began."""
        return self._now

    @property
    def broadcast(self) -> Any:
        """What the function's `broadcast` made of the rows of the broadcast table that have come."""
        return self._broadcast

    def set_timer(self, name: str, at: int) -> None:
        """Has the key's timer of this name fire once the watermark has come to `at`. A key has one
        timer of a name: it replaces the one before."""
        self._say(name, (EVENT, _time(at)))

    def set_processing_timer(self, name: str, at: int) -> None:
        """The same, by the machine's clock."""
        self._say(name, (PROCESSING, _time(at)))

    def clear_timer(self, name: str) -> None:
        """Has the key's timer of this name not fire."""
        self._say(name, _CLEAR)

    def timer(self, name: str) -> int | None:
        """For when this call has set a timer of the key."""
        said = self._timers.get(name, {}).get(self._key)
        return said and said[1]

    def give(self, side_output: str, row: Any) -> None:
        """Gives a row of a side output: a tuple, or of a single column its value."""
        rows, origins = self._given.get(side_output) or self._start(side_output)
        rows.append(row)
        origins.append(self._row)

    def given(self, side_output: str) -> list:
        """The rows of a side output that this call has given."""
        rows, _ = self._given.get(side_output, ((), ()))
        return [*rows]

    def _start(self, side_output: str):
        if self._names is not None and side_output not in self._names:
            raise Failed(f"the function names no side output '{side_output}'")
        return self._given.setdefault(side_output, ([], []))

    def _say(self, name: str, said) -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a timer is a str, not {name!r}")
        of_name = self._timers.setdefault(name, {})
        # What is said last comes last.
        of_name.pop(self._key, None)
        of_name[self._key] = said

    def _send_timers(self) -> None:
        """Tells the host."""
        keyed = self._keyed
        for name, of_name in self._timers.items():
            for clock, send in ((EVENT, Keyed.set_timers), (PROCESSING, Keyed.set_processing_timers)):
                found = [(key, said[1]) for key, said in of_name.items() if said and said[0] is clock]
                if found:
                    keys, at = zip(*found)
                    send(keyed, name, keys, at)
            cleared = [key for key, said in of_name.items() if said is _CLEAR]
            if cleared:
                keyed.clear_timers(name, cleared)


def _time(at: int) -> int:
    if not isinstance(at, int):
        raise TypeError(f"a timer's time is an int, milliseconds since 1970, not {at!r}")
    if not -(2**63) <= at < 2**63:
        raise RowError(f"{at} is no time")
    return at
