"""The functions of the conformance kit, as an example of each kind."""

from collections.abc import Iterator

from wasmill_sdk import (
    Batch,
    Column,
    DataType,
    Field,
    Invalid,
    Model,
    OpenContext,
    Parameter,
    RowError,
    ScalarFunction,
    Signature,
    Variadic,
    aggregate,
    plugin,
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
