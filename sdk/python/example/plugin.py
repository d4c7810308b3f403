"""The functions of the conformance kit, as an example of each kind."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from wasmill_sdk import (
    Batch,
    Call,
    Column,
    DataType,
    Field,
    Invalid,
    Keyed,
    ListState,
    MapState,
    Model,
    OpenContext,
    OutputRows,
    Parameter,
    ProcessFunction,
    RowError,
    ScalarFunction,
    Signature,
    Slot,
    Ttl,
    Variadic,
    aggregate,
    plugin,
    process,
    scalar,
    table,
)


@scalar
def add(a: int, b: int) -> int:
    """a + b"""
    if not -(2**63) <= a + b < 2**63:
        raise RowError(f"{a} + {b} is out of range")
    return a + b


@table(columns=["word", "place"])
def words(text: str) -> Iterator[tuple[str, int]]:
    """The words of a text, each with its place, from 1 on."""
    found = [word for word in text.split(" ") if word]
    for place, word in enumerate(found, start=1):
        yield word, place


@aggregate(state=["sum", "count"])
class Mean:
    """The mean of the values that are not NULL; NULL of none."""

    def __init__(self):
        self.sum = 0.0
        self.count = 0

    def update(self, value: float):
        self.merge(value, 1)

    def retract(self, value: float):
        self.merge(-value, -1)

    def state(self) -> tuple[float, int]:
        return self.sum, self.count

    def merge(self, sum: float, count: int):
        self.sum += sum
        self.count += count

    def evaluate(self) -> float | None:
        return self.sum / self.count if self.count else None


@plugin
class Greet(ScalarFunction):
    """With a parameter, which is read once."""

    @classmethod
    def signature(cls) -> Signature:
        return Signature(
            "greet",
            "Greets somebody.",
            arguments=[Field("name", DataType.Utf8)],
            returns=Field("greet", DataType.Utf8),
            parameters=[Parameter("greeting", "what comes before the name", default="Hello")],
        )

    def open(self, context: OpenContext):
        self.greeting = context.required("greeting")
        if not self.greeting:
            raise Invalid("the parameter 'greeting' is empty")

    def batch_eval(self, rows: Batch) -> Column:
        return rows.map(DataType.Utf8, lambda name: f"{self.greeting}, {name}!")


@plugin
class Echo(ScalarFunction):
    """Of any type, which the job decides."""

    @classmethod
    def signature(cls) -> Signature:
        return Signature("echo", "The same values, read and made anew.")

    def open(self, context: OpenContext):
        if len(context.arguments) != 1:
            raise Invalid("echo takes one argument")
        self.data_type = context.arguments[0].data_type

    def returns(self) -> Field:
        return Field("echo", self.data_type)

    def batch_eval(self, rows: Batch) -> Column:
        return Column.from_list(self.data_type, rows.to_list(0))


@plugin
class Score(ScalarFunction):
    """With a model, which the host runs: the features stay there."""

    @classmethod
    def signature(cls) -> Signature:
        return Signature(
            "score",
            "A model's first output.",
            arguments=Variadic(Field("feature", DataType.Float64)),
            returns=Field("score", DataType.Float64),
            parameters=[Parameter("model", "the model's name in the job", required=True)],
        )

    def open(self, context: OpenContext):
        self.model = Model.open(context.required("model"))

    def batch_eval(self, rows: Batch) -> Column:
        return self.model.predict(rows).column(0)


@process(columns=["sum"])
class KeyedSum:
    """The sum of the key's values so far."""

    sum: int = 0

    def eval(self, value: int) -> int:
        if not -(2**63) <= self.sum + value < 2**63:
            raise RowError(f"{self.sum} + {value} is out of range")
        self.sum += value
        return self.sum


@process(columns=["before"])
class KeyedRecent:
    """The key's text before, as long as it is not a second old."""

    last: Annotated[str | None, Ttl("1 s")] = None

    def eval(self, text: str) -> tuple[str | None]:
        before, self.last = self.last, text
        return (before,)


@process(columns=["items"])
class KeyedList:
    """All texts of the key once there are three, which are forgotten then."""

    items: ListState[str]

    def eval(self, text: str) -> Iterator[tuple[list[str]]]:
        self.items.append(text)
        if len(self.items) == 3:
            yield (self.items,)
            self.items = []


@process(columns=["before", "entries"])
class KeyedMap:
    """Puts a value under a name, or removes it where it is NULL: the value before, and how many there are."""

    entries: MapState[str, int]

    def eval(self, name: str, value: int | None) -> tuple[int | None, int]:
        before = self.entries.pop(name, None)
        if value is not None:
            self.entries[name] = value
        return before, len(self.entries)


@plugin
class KeyedLookup(ProcessFunction):
    """As `keyed_map`, a batch at once: each row has what was there before the batch."""

    @classmethod
    def signature(cls) -> Signature:
        return Signature(
            "keyed_lookup",
            "Puts a value under a name: the value that was there before the batch.",
            arguments=[Field("name", DataType.Utf8), Field("value", DataType.Int64)],
            returns=[Field("before", DataType.Int64)],
        )

    def slots(self) -> Sequence[Slot]:
        return [Slot.map("entries", DataType.Utf8, DataType.Int64)]

    def batch_eval(self, rows: Batch, keyed: Keyed) -> Sequence[OutputRows]:
        keys, names = keyed.numbers(), rows.column(0)
        before = keyed.lookup("entries", keys, names).to_list()
        keyed.put("entries", keys, names, rows.column(1))
        return [OutputRows.from_lists(self.returns(), [before], range(len(keys)))]


@process(columns=["name", "at", "fired"])
class TimerEcho:
    """Sets the key's timer of a name by the clock `event` or `processing`, or has it `clear`ed. A timer gives
    its name and time, and how many of the key have fired. One that is called `bad` fails."""

    fired: int = 0

    def eval(self, call: Call, name: str, at: int, clock: str):
        match clock:
            case "event":
                call.set_timer(name, at)
            case "processing":
                call.set_processing_timer(name, at)
            case "clear":
                call.clear_timer(name)
            case other:
                raise RowError(f"there is no clock '{other}'")

    def on_timer(self, call: Call, timer: str) -> tuple[str, int | None, int]:
        if timer == "bad":
            raise RowError("a bad timer")
        self.fired += 1
        if timer == "again" and call.time is not None and self.fired < 3:
            call.set_timer(timer, call.time + 10)
        return timer, call.time, self.fired


@process(columns=["value", "number"], side_outputs={"odd": {"value": int, "number": int}})
class SideSplit:
    """Even values, numbered by key; odd ones go to the side output `odd`. A negative one fails."""

    rows: int = 0

    def eval(self, call: Call, value: int) -> tuple[int, int] | None:
        if value < 0:
            raise RowError(f"{value} is negative")
        self.rows += 1
        if value % 2 == 0:
            return value, self.rows
        call.give("odd", (value, self.rows))
        return None


@process(columns=["name", "value", "number"], broadcast=["name", "most"])
class BroadcastLimit:
    """The values that are above the limit of their name in the broadcast table, numbered by key."""

    above: int = 0

    @staticmethod
    def broadcast(rows: list[tuple[str, int]]) -> dict[str, int]:
        return dict(rows)

    def eval(self, call: Call, name: str, value: int) -> tuple[str, int, int] | None:
        most = call.broadcast.get(name)
        if most is None or value <= most:
            return None
        self.above += 1
        return name, value, self.above
