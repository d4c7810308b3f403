"""Functions as the host calls them: opened, with batches, with errors."""

import sys
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from wasmill_sdk import (
    Batch,
    Column,
    DataType,
    Field,
    Int8,
    Invalid,
    RowError,
    ScalarFunction,
    Signature,
    aggregate,
    exports,
    native,
    plugin,
    scalar,
    table,
)
from wasmill_sdk.data_types import from_schema, to_schema

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "example"))
import plugin as example  # noqa: E402


@scalar
def inverse(x: int) -> float | None:
    return 1 / x if x != 7 else None


@scalar(name="joined", description="Texts.", volatile=True)
def join(texts: list[str], place: int | None) -> str:
    return f"{' '.join(texts)} {place}"


@scalar
def broken(x: int) -> int:
    return {1: 1}[x]


@scalar
def forgetful(x: int) -> int:
    pass


@scalar
def doubled(x: Decimal) -> Decimal:
    return x * 2


@scalar
def moment() -> datetime:
    return datetime(1970, 1, 1, 0, 0, 1)


@table
def below(end: int) -> Iterator[Int8]:
    if end < 0:
        raise RowError(f"{end} is negative")
    yield from range(126, 126 + end)


@aggregate
class Longest:
    """The longest text."""

    text = ""

    def update(self, text: str, least: int | None):
        if len(text) < (least or 0):
            raise ValueError(f"'{text}' is too short")
        self.merge(text)

    def state(self) -> str:
        return self.text

    def merge(self, text: str):
        self.text = max(self.text, text, key=len)

    def evaluate(self) -> str:
        return self.text


@plugin
class Strange(ScalarFunction):
    """Raises what `error` is."""

    error: Exception

    @classmethod
    def signature(cls):
        return Signature("strange", returns=Field("strange", DataType.Int64))

    def batch_eval(self, rows: Batch) -> Column:
        raise self.error


def opened(kind, name, fields=(), **parameters):
    context = native.OpenContext([*parameters.items()], to_schema(fields))
    return kind.open(name, context)


def batch(fields, *lists):
    return Batch.from_lists(fields, lists, len(lists[0]) if lists else 1)._handle


def ask(name, *lists, types=None, **parameters):
    """The values that a scalar function gives."""
    types = types or [DataType.Int64] * len(lists)
    fields = [Field(f"x{index}", data_type) for index, data_type in enumerate(types)]
    function = opened(exports.OpenedScalar, name, fields, **parameters)
    handle = function.batch_eval(batch(fields, *lists))
    (field,) = from_schema(function.returns())
    return Column(handle, field.data_type).to_list()


class Functions(unittest.TestCase):
    @contextmanager
    def fails(self, error):
        """That a call fails with this case of the contract's error."""
        with self.assertRaises(native.Err) as raised:
            yield
        self.assertEqual(raised.exception.value, error)


class Scalars(Functions):
    def test_nulls_are_not_called(self):
        self.assertEqual(ask("inverse", [2, None, 4, 7]), [0.5, None, 0.25, None])
        self.assertEqual(ask("add", [1, None], [2, 2]), [3, None])
        self.assertEqual(ask("inverse", []), [])

    def test_every_bad_row_is_named(self):
        rows = [native.RowError(1, "division by zero"), native.RowError(3, "division by zero")]
        with self.fails(native.Error_Rows(rows)):
            ask("inverse", [1, 0, None, 0])
        with self.fails(native.Error_Rows([native.RowError(1, f"{2**63 - 1} + 1 is out of range")])):
            ask("add", [1, 2**63 - 1], [1, 1])

    def test_an_argument_may_be_null(self):
        types = [DataType.List(DataType.Utf8), DataType.Int64]
        given = ask("joined", [["a", "b"], [], None], [1, None, 1], types=types)
        self.assertEqual(given, ["a b 1", " None", None])
        with self.fails(native.Error_Rows([native.RowError(0, "the list has a NULL among its items")])):
            ask("joined", [["a", None]], [1], types=types)

    def test_other_errors_are_the_function_s(self):
        native.lines.clear()
        with self.fails(native.Error_Failed("KeyError: 2")):
            ask("broken", [1, 2])
        ((level, line),) = native.lines
        self.assertEqual(level, native.Level.ERROR)
        self.assertRegex(line, r"^KeyError: 2 \(test_functions.py:\d+ in broken")
        message = "the function returned None, which its annotation does not have"
        with self.fails(native.Error_Failed(message)):
            ask("forgetful", [1])

    def test_decimals_keep_their_digits(self):
        given = Decimal("12345678901234567890.123456789012345678")
        doubled = Decimal("24691357802469135780.246913578024691356")
        self.assertEqual(ask("doubled", [given], types=[DataType.Decimal128(38, 18)]), [doubled])

    def test_a_function_without_arguments(self):
        self.assertEqual(ask("moment"), [datetime(1970, 1, 1, 0, 0, 1)])

    def test_one_row(self):
        integer = Field("x", DataType.Int64)
        function = opened(exports.OpenedScalar, "inverse", [integer])
        self.assertEqual(function.eval([native.Value_Int64(4)]), native.Value_Float64(0.25))
        self.assertEqual(function.eval([native.Value_Null()]), native.Value_Null())
        with self.fails(
            native.Error_Invalid("a row has 0 values, the function was opened with 1 arguments")
        ):
            function.eval([])
        moment = opened(exports.OpenedScalar, "moment")
        self.assertEqual(moment.eval([]), native.Value_TimestampMicros(1_000_000))

    def test_signatures(self):
        found = {signature.name: signature for signature in exports.Scalar().functions()}
        self.assertEqual(list(found), sorted(found))
        joined = found["joined"]
        self.assertEqual(joined.description, "Texts.")
        self.assertFalse(joined.deterministic)
        texts, item, place = joined.arguments.value.fields
        self.assertEqual((texts.name, place.name), ("texts", "place"))
        self.assertTrue(item.nullable)
        self.assertEqual(found["add"].description, "a + b")
        self.assertEqual(found["echo"].arguments, native.Arguments_Any())
        self.assertIsNone(found["echo"].returns)

    def test_annotations_that_are_no_types(self):
        def bare(x) -> int: ...
        def odd(x: dict) -> int: ...
        def many(*x: int) -> int: ...
        def nothing(x: int): ...

        for function, message in (
            (bare, "argument 'x' .* has no annotation"),
            (odd, "argument 'x' .*: dict is no type of SQL"),
            (many, "is not one column"),
            (nothing, "the result of .*nothing has no annotation"),
        ):
            with self.assertRaisesRegex(TypeError, message):
                scalar(function)


class ByHand(Functions):
    def test_errors_of_a_batch(self):
        for raised, error in (
            (RowError("bad", row=3), native.Error_Rows([native.RowError(3, "bad")])),
            (Invalid("no"), native.Error_Invalid("no")),
            (ValueError("odd"), native.Error_Failed("ValueError: odd")),
        ):
            Strange.error = raised
            with self.fails(error):
                ask("strange", [1])

    def test_parameters(self):
        types = [DataType.Utf8]
        self.assertEqual(ask("greet", ["mill", None], types=types, greeting="Hej"), ["Hej, mill!", None])
        with self.fails(native.Error_Invalid("the parameter 'greeting' is empty")):
            ask("greet", ["mill"], types=types, greeting="")
        with self.fails(native.Error_Invalid("this plugin has no function 'subtract'")):
            ask("subtract", [1])

    def test_a_model_gets_the_batch(self):
        fields = [Field("p", DataType.Float64)]
        predicted = Batch.from_lists(fields, [[0.5]], 1)
        native.models["m"] = native.Model(to_schema(fields), to_schema(fields), lambda _: predicted._handle)
        self.assertEqual(ask("score", [1.0], types=[DataType.Float64], model="m"), [0.5])
        with self.fails(native.Error_Invalid("the job does not grant the model 'n'")):
            ask("score", [1.0], types=[DataType.Float64], model="n")


class Tables(Functions):
    def expand(self, name, values, data_type):
        fields = [Field("x", data_type)]
        function = opened(exports.OpenedTable, name, fields)
        expansion = function.batch_eval(batch(fields, values))
        rows = Batch(expansion.rows)
        lists = [rows.to_list(index) for index in range(len(rows.fields))]
        return lists, Column(expansion.counts, DataType.UInt32).to_list()

    def test_rows_of_tuples_and_of_values(self):
        lists, counts = self.expand("words", ["a bc", None, " ", "d"], DataType.Utf8)
        self.assertEqual((lists, counts), ([["a", "bc", "d"], [1, 2, 1]], [2, 0, 0, 1]))
        self.assertEqual(self.expand("below", [2, 0], DataType.Int64), ([[126, 127]], [2, 0]))

    def test_bad_rows_are_those_of_the_batch(self):
        rows = [native.RowError(0, "-1 is negative"), native.RowError(2, "128 is out of range of int8")]
        with self.fails(native.Error_Rows(rows)):
            self.expand("below", [-1, 2, 4], DataType.Int64)


class Aggregates(Functions):
    def test_groups(self):
        fields = [Field("value", DataType.Float64)]
        mean = opened(exports.OpenedAggregate, "mean", fields)
        self.assertTrue(mean.retracts())
        groups = mean.accumulators()
        groups.update(batch(fields, [1.0, 2.0, None, 4.0]), [0, 0, 1, 2], 3)
        groups.retract(batch(fields, [1.0]), [0])
        values = lambda count: Column(groups.evaluate(count), DataType.Float64).to_list()  # noqa: E731
        self.assertEqual(values(3), [2.0, None, 4.0])
        groups.merge(groups.state(3), [0, 3, 3], 4)
        self.assertEqual(values(4), [2.0, None, 4.0, 4.0])
        groups.forget(3)
        self.assertEqual(values(1), [4.0])
        with self.fails(native.Error_Failed("there are no 2 groups")):
            groups.evaluate(2)
        names = [(field.name, field.nullable) for field in mean.state().fields]
        self.assertEqual(names, [("sum", False), ("count", False)])

    def test_a_state_of_one_column_and_rows_that_fail(self):
        fields = [Field("text", DataType.Utf8), Field("least", DataType.Int64)]
        longest = opened(exports.OpenedAggregate, "longest", fields)
        self.assertFalse(longest.retracts())
        self.assertEqual([field.name for field in longest.state().fields], ["text"])
        groups = longest.accumulators()
        groups.update(batch(fields, ["a", "bcd", None, "ef"], [None, 1, 9, 2]), [0, 0, 0, 1], 2)
        self.assertEqual(Batch(groups.state(2)).to_list(0), ["bcd", "ef"])
        with self.fails(native.Error_Rows([native.RowError(1, "'a' is too short")])):
            groups.update(batch(fields, ["abc", "a"], [2, 2]), [0, 1], 2)


class Example(unittest.TestCase):
    def test_functions_stay_callable(self):
        self.assertEqual(example.add(1, 2), 3)
        self.assertEqual([*example.words("a  bc ")], [("a", 1), ("bc", 2)])


if __name__ == "__main__":
    unittest.main()
