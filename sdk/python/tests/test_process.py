"""Process functions as the host calls them: state, timers, side outputs, a broadcast table, errors."""

import math
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

from keyed_host import Host
from wasmill_sdk import (
    Call,
    DataType,
    Field,
    Int8,
    ListState,
    MapState,
    Slot,
    Ttl,
    exports,
    forget,
    native,
    process,
)
from wasmill_sdk.data_types import from_schema

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "example"))
import plugin as example  # noqa: E402

NUMBER = Field("x", DataType.Int64)
TEXT = Field("text", DataType.Utf8)
WHAT = [Field("what", DataType.Utf8)]


@process(columns=["count", "last"])
class Values:
    """Values of several types."""

    HIGHEST: ClassVar[int] = 100
    count: int = 0
    ratio: float = 0.0
    last: int | None = None
    small: Int8 = 0
    pair: list[int] = [1]

    def eval(self, x: int) -> Iterator[tuple[int, int | None]]:
        self.count += x
        if self.count > self.HIGHEST:
            raise ValueError(f"{self.count} is too much")
        yield self.count, self.last
        if x == 5:
            self.ratio = -0.0
            self.pair.append(x)
        if x == 6:
            self.small = 128
        if x == 9:
            forget(self)


@process
class Many:
    """Lists and maps."""

    items: ListState[str]
    seen: Annotated[MapState[str, int], Ttl("1 h")]
    nested: MapState[int, list[int]]

    def eval(self, what: str) -> Iterator[int]:
        match what:
            case "append":
                self.items += ["a", "b"]
            case "insert":
                self.items.insert(0, "first")
            case "put":
                self.seen["x"] = 1
                self.seen.update(y=2, z=None)
                self.nested[1] = [1]
            case "touch":
                self.seen["x"] = 1
            case "change":
                self.nested[1].append(2)
            case "remove":
                del self.seen["x"]
                self.items.pop()
            case "replace":
                self.seen = {"new": 3}
                self.items = ["only"]
            case "clear":
                self.seen.clear()
                self.seen["again"] = 4
            case "forget":
                forget(self)
        yield len(self.items)
        yield len(self.seen)


@process(columns=["n"], side_outputs={"few": {"text": str, "n": int}, "many": {"n": Int8}})
class Sides:
    rows: int = 0

    def eval(self, call, text: str, n: int) -> list[int]:
        self.rows += 1
        call.give("many", n)
        call.give("few", (text, 10 * n))
        if text == "other":
            call.give("other", n)
        return list(range(1, n))


@process(columns=["n"])
class Clocks:
    def eval(self, call: Call, what: str) -> int | None:
        match what:
            case "set":
                call.set_timer("t", call.time)
            case "clear":
                call.clear_timer("t")
            case "now":
                call.set_processing_timer("u", call.now)
            case "far":
                call.set_timer("t", 2**63)
        return call.watermark


class Stray:
    def eval(self, x: int) -> int:
        self.total = x
        return x


process(Stray)


class Processes(unittest.TestCase):
    def fails(self, error, call, *arguments, **named):
        with self.assertRaises(native.Err) as raised:
            call(*arguments, **named)
        self.assertEqual(raised.exception.value, error)

    def rows_fail(self, messages, call, *arguments, **named):
        rows = [native.RowError(row, message) for row, message in messages.items()]
        self.fails(native.Error_Rows(rows), call, *arguments, **named)


class State(Processes):
    def test_a_value_that_has_changed_is_written(self):
        host = Host("values", [NUMBER])
        given = host.rows(["a", "b", "a", "b"], [1, 2, 3, None])
        self.assertEqual(given, {None: [(0, [1, None]), (1, [2, None]), (2, [4, None])]})
        self.assertEqual(host.handed, [("write", 0, [(0, 4), (1, 2)])])
        host.rows(["a", "b"], [0, -2])
        self.assertEqual(host.handed, [("write", 0, [(1, None)])])
        self.assertEqual(host.rows(["b"], [0]), {None: [(0, [0, None])]})
        self.assertEqual(host.handed, [])

    def test_what_is_the_same_to_the_bit_is_not_written(self):
        host = Host("values", [NUMBER])
        host.rows(["a"], [5])
        self.assertEqual(host.handed[1:], [("write", 1, [(0, -0.0)]), ("write", 4, [(0, [1, 5])])])
        self.assertEqual(math.copysign(1, host.state[1]["a"]), -1)
        host.rows(["a", "a"], [-5, 0])
        self.assertEqual(host.handed, [("write", 0, [(0, None)])])
        host.rows(["a"], [9])
        self.assertEqual([handed[1:] for handed in host.handed], [(1, [(0, None)]), (4, [(0, None)])])

    def test_lists_and_maps(self):
        host = Host("many", WHAT)
        host.rows(["a", "b", "a"], ["append", "append", "put"])
        self.assertEqual(
            host.handed,
            [
                ("append", 0, [(0, "a"), (0, "b"), (1, "a"), (1, "b")]),
                ("put", 1, [(0, "x", 1), (0, "y", 2), (0, "z", None)]),
                ("put", 2, [(0, 1, [1])]),
            ],
        )
        for what, handed in (
            ("nothing", []),
            ("touch", [("put", 1, [(0, "x", 1)])]),
            ("change", [("put", 2, [(0, 1, [1, 2])])]),
            ("append", [("append", 0, [(0, "a"), (0, "b")])]),
            ("remove", [("write", 0, [(0, ["a", "b", "a"])]), ("put", 1, [(0, "x", None)])]),
            ("insert", [("write", 0, [(0, ["first", "a", "b", "a"])])]),
            ("replace", [("write", 0, [(0, ["only"])]), ("write", 1, [(0, [{"key": "new", "value": 3}])])]),
            ("clear", [("write", 1, [(0, [{"key": "again", "value": 4}])])]),
            ("forget", [("write", 0, [(0, [])]), ("write", 1, [(0, [])]), ("write", 2, [(0, [])])]),
            ("replace", [("append", 0, [(0, "only")]), ("put", 1, [(0, "new", 3)])]),
        ):
            with self.subTest(what):
                host.rows(["a"], [what])
                self.assertEqual(host.handed, handed)
        self.assertEqual(host.state[0]["b"], ["a", "b"])

    def test_slots_are_declared(self):
        many = Host("many", WHAT)
        self.assertEqual([slot.name for slot in many.slots], ["items", "seen", "nested"])
        self.assertEqual([slot.ttl for slot in many.slots], [None, 3_600_000, None])
        seen = from_schema(many.slots[1].columns)
        self.assertEqual([(field.name, field.nullable) for field in seen], [("key", False), ("value", True)])
        with self.assertRaisesRegex(ValueError, "a ttl is a whole number of ms"):
            Slot.value("x", DataType.Int64, ttl="1 week")

    def test_an_attribute_that_is_no_field_is_told(self):
        host = Host("stray", [NUMBER])
        self.fails(
            native.Error_Failed("'total' is no field of Stray: annotate it there"), host.rows, ["a"], [1]
        )


class Errors(Processes):
    def test_all_rows_that_fail_are_told_and_leave_no_trace(self):
        host = Host("values", [NUMBER])
        # 1 + 90 is right, without the 100.
        messages = {1: "101 is too much", 3: "191 is too much"}
        self.rows_fail(messages, host.rows, ["a"] * 4, [1, 100, 90, 100])
        self.assertEqual(host.state[0], {})
        self.rows_fail({1: "the field 'small': 128 is out of range of int8"}, host.rows, ["a", "b"], [1, 6])

    def test_a_row_that_has_no_room_in_its_type_is_told(self):
        host = Host("sides", [TEXT, NUMBER])
        self.rows_fail({1: "300 is out of range of int8"}, host.rows, ["a"] * 3, ["", "", ""], [1, 300, 2])
        self.fails(
            native.Error_Failed("the function names no side output 'other'"), host.rows, ["a"], ["other"], [1]
        )

    def test_classes_that_are_no_functions(self):
        class NoEval:
            x: int = 0

        class NoDefault:
            x: int

            def eval(self, x: int) -> int: ...

        class NoRows:
            def eval(self, x: int): ...

        class FloatKeys:
            x: MapState[float, int]

            def eval(self) -> int: ...

        class OtherRows:
            def eval(self) -> int: ...
            def on_timer(self) -> str: ...

        class Initialized:
            def __init__(self): ...
            def eval(self) -> int: ...

        for state, message in (
            (NoEval, "has no method 'eval'"),
            (NoDefault, "the field 'x' of NoDefault: it has no default"),
            (NoRows, "gives rows, or on_timer does"),
            (FloatKeys, "a float64 is no key of a map"),
            (OtherRows, "gives rows of other columns than eval"),
            (Initialized, "no __init__ of its own"),
        ):
            with self.subTest(state.__name__), self.assertRaisesRegex(TypeError, message):
                process(state)


class Calls(Processes):
    def test_the_last_word_on_a_timer_counts(self):
        host = Host("clocks", WHAT)
        host.watermark = 3
        given = host.rows(["a", "b", "a", "b", "a"], ["set", "set", "set", "clear", "now"], times=[1, 2, 3, 4, 5])
        self.assertEqual(
            host.handed,
            [("timer", "event", "t", [(0, 3)]), ("no timer", "t", [1]), ("timer", "processing", "u", [(0, 7)])],
        )
        self.assertEqual(given[None][0], (0, [3]))
        self.rows_fail({0: f"{2**63} is no time"}, host.rows, ["a"], ["far"], times=[1])

    def test_rows_go_where_they_should_with_what_they_come_of(self):
        host = Host("sides", [TEXT, NUMBER])
        given = host.rows(["a", "b", "b"], ["a", "b", "c"], [1, 2, 3])
        few = [(0, ["a", 10]), (1, ["b", 20]), (2, ["c", 30])]
        self.assertEqual(
            given, {None: [(1, [1]), (2, [1]), (2, [2])], 0: few, 1: [(0, [1]), (1, [2]), (2, [3])]}
        )
        names = [output.name for output in host.function.side_outputs()]
        self.assertEqual(names, ["few", "many"])


class Example(Processes):
    def test_keyed_sum(self):
        host = Host("keyed_sum", [Field("value", DataType.Int64)])
        self.assertEqual(host.rows(["a", "b", "a"], [1, 5, None]), {None: [(0, [1]), (1, [5])]})
        most = 2**63 - 1
        self.rows_fail({0: f"1 + {most} is out of range"}, host.rows, ["a", "a"], [most, 1])

    def test_keyed_recent_and_list(self):
        recent = Host("keyed_recent", [TEXT])
        self.assertEqual(recent.slots[0].ttl, 1000)
        self.assertEqual(recent.rows(["a", "a"], ["x", "y"]), {None: [(0, [None]), (1, ["x"])]})
        self.assertEqual(recent.rows(["a", "b"], ["z", "z"]), {None: [(0, ["y"]), (1, [None])]})
        lists = Host("keyed_list", [TEXT])
        self.assertEqual(lists.rows(["a", "a"], ["x", "y"]), {})
        self.assertEqual(lists.rows(["a", "a"], ["z", "u"]), {None: [(0, [["x", "y", "z"]])]})
        self.assertEqual(lists.state[0]["a"], ["u"])

    def test_keyed_map_and_lookup(self):
        fields = [Field("name", DataType.Utf8), NUMBER]
        maps = Host("keyed_map", fields)
        given = maps.rows(["a", "a", "a", "b"], ["x", "x", "y", "x"], [1, 2, 3, None])
        self.assertEqual(given[None], [(0, [None, 1]), (1, [1, 1]), (2, [None, 2]), (3, [None, 0])])
        self.assertEqual(maps.rows(["a"], ["x"], [None])[None], [(0, [2, 1])])
        self.assertEqual(maps.state[0]["a"], {"y": 3})
        lookup = Host("keyed_lookup", fields)
        self.assertEqual(lookup.rows(["a", "a"], ["x", "x"], [1, 2])[None], [(0, [None]), (1, [None])])
        self.assertEqual(lookup.rows(["a", "b"], ["x", "x"], [None, 4])[None], [(0, [2]), (1, [None])])
        self.assertEqual(lookup.state[0], {"a": {}, "b": {"x": 4}})

    def test_timer_echo(self):
        fields = [Field("name", DataType.Utf8), Field("at", DataType.Int64), Field("clock", DataType.Utf8)]
        host = Host("timer_echo", fields)
        host.rows(["a", "a", "a"], ["t", "u", "t"], [5, 6, 7], ["event", "processing", "clear"])
        self.assertEqual(host.handed, [("no timer", "t", [0]), ("timer", "processing", "u", [(0, 6)])])
        given = host.timers(["a", "b", "a"], ["t", "t", "u"], [5, 5, 6])
        self.assertEqual(given[None], [(0, ["t", 5, 1]), (1, ["t", 5, 1]), (2, ["u", 6, 2])])
        self.rows_fail({1: "a bad timer"}, host.timers, ["a", "a"], ["t", "bad"], [7, 7])
        self.rows_fail({0: "there is no clock 'sun'"}, host.rows, ["a"], ["t"], [5], ["sun"])

    def test_side_split(self):
        host = Host("side_split", [NUMBER])
        given = host.rows(["a", "a", "b"], [2, 3, 5])
        self.assertEqual(given, {None: [(0, [2, 1])], 0: [(1, [3, 2]), (2, [5, 1])]})
        self.rows_fail({1: "-1 is negative"}, host.rows, ["a", "a"], [1, -1])

    def test_broadcast_limit(self):
        fields = [Field("name", DataType.Utf8), NUMBER]
        host = Host("broadcast_limit", fields, broadcast=[("x", 5), ("x", 3), ("y", None)])
        rows = (["a", "a", "a", "b"], ["x", "x", "y", "x"], [4, 3, 9, 5])
        self.assertEqual(host.rows(*rows)[None], [(0, ["x", 4, 1]), (3, ["x", 5, 1])])
        host.table.append(("y", 8))
        self.assertEqual(len(host.rows(*rows)[None]), 2)
        host.version = 2
        self.assertEqual(len(host.rows(*rows)[None]), 3)
        other = Host("broadcast_limit", fields)
        self.assertEqual(other.rows(*rows), {})
        self.assertIsNone(Host("keyed_sum", [NUMBER]).function.broadcast())

    def test_a_class_stays_one(self):
        state, call = example.SideSplit(rows=4), Call(time=5)
        self.assertIsNone(state.eval(call, 3))
        self.assertEqual(call.given("odd"), [(3, 5)])
        echo = example.TimerEcho()
        echo.eval(call, "t", 9, "event")
        self.assertEqual((call.timer("t"), call.timer("u")), (9, None))
        self.assertEqual(echo.on_timer(call, "t"), ("t", 5, 1))

    def test_names(self):
        names = [signature.name for signature in exports.Process().functions()]
        wanted = "keyed_sum keyed_recent keyed_list keyed_map keyed_lookup timer_echo side_split broadcast_limit"
        self.assertLessEqual({*wanted.split()}, {*names})


if __name__ == "__main__":
    unittest.main()
