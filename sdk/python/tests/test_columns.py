"""Values of every type to columns and back, on columns in memory."""

import datetime
import decimal
import math
import unittest
from datetime import date, time
from decimal import Decimal

from wasmill_sdk import Batch, Column, DataType, Failed, Field, Rows
from wasmill_sdk.data_types import from_schema, to_schema
from wasmill_sdk.read import unpack
from wasmill_sdk.write import pack

UTC = datetime.UTC


def moment(*parts, tzinfo=None):
    return datetime.datetime(*parts, tzinfo=tzinfo)


VALUES = [
    (DataType.Boolean, [True, False, False, True, True, False, True, False, True]),
    (DataType.Int8, [0, -1, 127, -128]),
    (DataType.Int16, [0, 32767, -32768]),
    (DataType.Int32, [0, 2**31 - 1, -(2**31)]),
    (DataType.Int64, [0, 2**63 - 1, -(2**63)]),
    (DataType.UInt8, [0, 255]),
    (DataType.UInt16, [0, 65535]),
    (DataType.UInt32, [0, 2**32 - 1]),
    (DataType.UInt64, [0, 2**64 - 1]),
    (DataType.Float32, [0.0, 1.5, -math.inf]),
    (DataType.Float64, [0.1, -5e-324, math.inf]),
    (DataType.Utf8, ["", "a", "a\0b", "水車", "🦀"]),
    (DataType.Utf8, ["ascii", "", "alone"]),
    (DataType.Binary, [b"", b"\xff\0"]),
    (DataType.Date32, [date(1970, 1, 1), date(1, 1, 1), date(9999, 12, 31)]),
    (DataType.Time64, [time(0), time(23, 59, 59, 999_999)]),
    (DataType.Timestamp("second"), [moment(1969, 12, 31, 23, 59, 59), moment(9999, 12, 31)]),
    (DataType.Timestamp("millisecond"), [moment(2024, 2, 29, 12, 0, 0, 789_000)]),
    (DataType.Timestamp("microsecond"), [moment(1969, 12, 31, 23, 59, 59, 999_999)]),
    (DataType.Timestamp("microsecond", "+05:30"), [moment(2024, 2, 29, tzinfo=UTC)]),
    (DataType.Timestamp("nanosecond"), [1_700_000_000_000_000_001, -1]),
    (DataType.Decimal128(10, 2), [Decimal("99999999.99"), Decimal("-0.01"), Decimal("0.00")]),
    (DataType.Decimal128(38, 0), [Decimal(10**38 - 1), Decimal(1 - 10**38)]),
    (DataType.Decimal128(5, -2), [Decimal("9999900"), Decimal("-100")]),
    (DataType.List(DataType.Int64), [[1, None], [], [2**63 - 1]]),
    (DataType.List(DataType.List(DataType.Utf8)), [[["a"], [], None], []]),
    (DataType.FixedSizeList(DataType.Float32, 2), [[1.0, None], [0.5, -1.0]]),
    (
        DataType.Struct([Field("x", DataType.Date32), Field("tags", DataType.List(DataType.Time64))]),
        [{"x": date(2024, 2, 29), "tags": [time(1), None]}, {"x": None, "tags": None}],
    ),
]


class Values(unittest.TestCase):
    def test_values_come_back(self):
        for data_type, values in VALUES:
            mixed = [None, *values, None, *values[:1], None]
            for given in (values, mixed, [None] * 9, []):
                with self.subTest(str(data_type), given=given):
                    column = Column.from_list(data_type, given)
                    self.assertEqual(column.to_list(), given)
                    self.assertEqual(len(column), len(given))
                    self.assertEqual(column.null_count(), given.count(None))
                    batch = Batch.from_columns([Field("x", data_type)], [column], len(given))
                    self.assertEqual(batch.to_list(0), given)

    def test_nan_stays_one(self):
        (value,) = Column.from_list(DataType.Float32, [math.nan]).to_list()
        self.assertTrue(math.isnan(value))

    def test_other_forms_are_as_good(self):
        for data_type, given, read in (
            (DataType.Date32, 1, date(1970, 1, 2)),
            (DataType.Timestamp("millisecond"), 1500, moment(1970, 1, 1, 0, 0, 1, 500_000)),
            (DataType.Timestamp("nanosecond"), moment(1970, 1, 1, 0, 0, 1), 1_000_000_000),
            (
                DataType.Timestamp("second", "UTC"),
                moment(1970, 1, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
                moment(1970, 1, 1, tzinfo=UTC),
            ),
            (DataType.Decimal128(5, 2), 12, Decimal("12.00")),
            (DataType.Decimal128(5, 2), Decimal("0.125"), Decimal("0.13")),
            (DataType.Struct([Field("a", DataType.Int8)]), (1,), {"a": 1}),
            (DataType.Float64, 3, 3.0),
        ):
            with self.subTest(str(data_type)):
                self.assertEqual(Column.from_list(data_type, [given]).to_list(), [read])

    def test_decimals_do_not_hang_on_the_context(self):
        with decimal.localcontext(prec=3):
            given = [Decimal("123456789.01")]
            self.assertEqual(Column.from_list(DataType.Decimal128(38, 2), given).to_list(), given)

    def test_some_columns_of_a_batch(self):
        fields = [Field("a", DataType.List(DataType.Int8)), Field("b", DataType.Utf8)]
        batch = Batch.from_lists(fields, [[[1], []], ["x", None]], 2).project([1, 0])
        self.assertEqual(from_schema(batch._handle.schema()), fields[::-1])
        self.assertEqual([batch.to_list(0), batch.to_list(1)], [["x", None], [[1], []]])

    def test_rows_without_room_are_named(self):
        for data_type, values, message in (
            (DataType.Int8, [1, 128, -129], "128 is out of range of int8"),
            (DataType.UInt64, [1, -1, 2**64], "-1 is out of range of uint64"),
            (DataType.Decimal128(3, 1), [Decimal("99.9"), Decimal("99.95"), 100], "99.95 is out of"),
            (DataType.Decimal128(3, 1), [1, Decimal("NaN"), Decimal("inf")], "NaN is no decimal"),
            (DataType.FixedSizeList(DataType.Int8, 1), [[1], [], [1, 2]], "0 items, not 1"),
            (DataType.List(DataType.Int8), [[1], [1, 300], [300]], "[1, 300] is out of range"),
        ):
            with self.subTest(str(data_type)), self.assertRaises(Rows) as raised:
                Column.from_list(data_type, values)
            self.assertEqual([error.row for error in raised.exception.errors], [1, 2])
            self.assertIn(message, raised.exception.errors[0].message)

    def test_values_of_another_type_are_the_function_s_fault(self):
        for data_type, value in (
            (DataType.Int64, 1.5),
            (DataType.Int64, "1"),
            (DataType.Boolean, 1),
            (DataType.Float64, "1"),
            (DataType.Utf8, b"a"),
            (DataType.Binary, "a"),
            (DataType.Binary, 5),
            (DataType.Date32, moment(2024, 1, 1)),
            (DataType.Timestamp(), moment(2024, 1, 1, tzinfo=UTC)),
            (DataType.Decimal128(5, 2), 1.5),
            (DataType.List(DataType.Utf8), "abc"),
            (DataType.Struct([Field("a", DataType.Int8)]), {"b": 1}),
        ):
            with self.subTest(str(data_type)), self.assertRaisesRegex(Failed, f"is no {data_type.kind}"):
                Column.from_list(data_type, [None, value])

    def test_what_python_cannot_hold_fails_its_row(self):
        column = Column.from_list(DataType.Date32, [0, 2**31 - 1])
        with self.assertRaises(Rows) as raised:
            column.to_list()
        self.assertEqual(str(raised.exception), "row 1: Python has no date32 such as 2147483647")


class Layout(unittest.TestCase):
    def test_bits_are_packed_from_the_least_significant(self):
        flags = bytes([1, 0, 1, 1, 0, 0, 0, 1, 1])
        self.assertEqual(pack(flags), b"\x8d\x01")
        self.assertEqual(unpack(b"\x8d\x01", 9), flags)
        self.assertEqual(pack(b""), b"")

    def test_schemas_are_flat_and_in_pre_order(self):
        point = DataType.Struct(
            [Field("x", DataType.Float64), Field("tags", DataType.List(DataType.Utf8), False)]
        )
        fields = [
            Field("id", DataType.Int64, False),
            Field("points", DataType.FixedSizeList(point, 3)),
            Field("at", DataType.Timestamp("millisecond", "UTC")),
        ]
        schema = to_schema(fields)
        self.assertEqual(schema.columns, [0, 1, 6])
        names = [field.name for field in schema.fields]
        self.assertEqual(names, ["id", "points", "item", "x", "tags", "item", "at"])
        self.assertEqual(from_schema(schema), fields)


if __name__ == "__main__":
    unittest.main()
