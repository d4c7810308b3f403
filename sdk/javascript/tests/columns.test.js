import assert from 'node:assert/strict';
import test from 'node:test';
import * as sdk from 'wasmill-sdk';
import { Column, list, nullable, struct } from 'wasmill-sdk';
import { fieldsOf, fromSchema, toSchema } from '../src/types.js';

const bytes = (...items) => Uint8Array.from(items);

/** Values of each type, at its ends. */
const EXAMPLES = [
  [sdk.boolean, [true, false, null, true, true, true, true, true, false]],
  [sdk.int8, [-128, 127, null]],
  [sdk.int16, [-32768, 32767, null]],
  [sdk.int32, [-2147483648, 2147483647, null]],
  [sdk.int64, [-(2n ** 63n), 2n ** 63n - 1n, null]],
  [sdk.uint8, [0, 255, null]],
  [sdk.uint16, [0, 65535, null]],
  [sdk.uint32, [0, 4294967295, null]],
  [sdk.uint64, [0n, 2n ** 64n - 1n, null]],
  [sdk.float32, [1.5, -Infinity, NaN, null]],
  [sdk.float64, [0.1, -0, NaN, null]],
  [sdk.utf8, ['', 'a', null, 'grüße 🙂', '\ufeffmark', '\0']],
  [sdk.utf8, ['plain', '', null, 'text']],
  [sdk.binary, [bytes(), bytes(0, 255), null]],
  [sdk.date32, [-1, 19000, null]],
  [sdk.time64, [0n, 86_399_999_999n, null]],
  [sdk.timestamp(), [-1n, 1_700_000_000_000_000n, null]],
  [sdk.timestamp('nanosecond', 'UTC'), [5n, null]],
  [sdk.decimal128(38, 5), [-(10n ** 38n) + 1n, 10n ** 38n - 1n, 0n, -1n, null]],
  [list(nullable(sdk.int32)), [[], [1, null, 3], null, [4]]],
  [list(sdk.utf8), [['a', 'ü'], [], null]],
  [list(list(sdk.float64)), [[[1.5], [2.5, 3.5]], null, [[]]]],
  [sdk.fixedSizeList(sdk.utf8, 2), [['a', 'b'], null, ['c', 'd']]],
  [struct({ x: sdk.float64, name: sdk.utf8 }), [{ x: 1, name: 'a' }, null, { x: null, name: null }]],
  [struct({ points: list(struct({ x: sdk.int8 })) }), [{ points: [{ x: 1 }, { x: null }, null] }, null]],
];

for (const [type, values] of EXAMPLES) {
  test(`values of ${type.tag} come back`, () => {
    const column = Column.from(type, values);
    assert.equal(column.length, values.length);
    assert.equal(column.nullCount, values.filter((value) => value === null).length);
    assert.deepEqual(plain(column.read()), values);
    const present = values.filter((value) => value !== null);
    assert.deepEqual(plain(Column.from(type, present).read()), present);
    assert.deepEqual(plain(Column.from(type, []).read()), []);
  });
}

/** Typed arrays of numbers as arrays; bytes stay what they are. */
function plain(value, top = true) {
  if (ArrayBuffer.isView(value)) return top || !(value instanceof Uint8Array) ? Array.from(value) : value;
  return Array.isArray(value) ? value.map((item) => plain(item, false)) : value;
}

test('numbers without NULL are typed arrays, which are taken as they are', () => {
  const column = Column.from(sdk.float64, Float64Array.of(1, 2));
  assert.deepEqual(column.read(), Float64Array.of(1, 2));
  const lists = Column.from(list(sdk.float32), [Float32Array.of(1), [2, 3]]);
  assert.deepEqual(lists.read(), [Float32Array.of(1), Float32Array.of(2, 3)]);
});

test('a value that is not of its type is refused', () => {
  const refused = [
    [sdk.int8, 128, '128 is no int8'],
    [sdk.int32, 1.5, '1.5 is no int32'],
    [sdk.int32, 1n, '1n is no int32'],
    [sdk.int64, 1, '1 is no int64'],
    [sdk.int64, 2n ** 63n, '9223372036854775808n is no int64'],
    [sdk.uint64, -1n, '-1n is no uint64'],
    [sdk.float64, '1', '"1" is no float64'],
    [sdk.boolean, 1, '1 is no boolean'],
    [sdk.utf8, 5, '5 is no utf8'],
    [sdk.utf8, Promise.resolve('a'), 'a Promise is no utf8'],
    [sdk.binary, [1], 'a Array is no binary'],
    [sdk.decimal128(3, 1), 1000n, '1000n is no decimal128(3, 1)'],
    [list(sdk.utf8), 'ab', '"ab" is no list(utf8)'],
    [sdk.fixedSizeList(sdk.int8, 2), [1], 'a list has 1 items instead of 2'],
    [struct({ x: sdk.int8 }), 'x', '"x" is no struct(x: int8)'],
  ];
  for (const [type, value, message] of refused) {
    assert.throws(() => Column.from(type, [value]), { name: 'TypeError', message });
  }
});

test('nested fields come back from the flat form', () => {
  const point = struct({ x: sdk.float64, tags: list(sdk.utf8) });
  const schema = toSchema(
    fieldsOf({
      id: sdk.int64,
      points: sdk.fixedSizeList(point, 3),
      at: sdk.timestamp('millisecond', 'UTC'),
      price: sdk.decimal128(10, 2),
    }),
  );
  assert.deepEqual(Array.from(schema.columns), [0, 1, 6, 7]);
  const names = schema.fields.map(({ name }) => name);
  assert.deepEqual(names, ['id', 'points', 'item', 'x', 'tags', 'item', 'at', 'price']);
  assert.deepEqual(toSchema(fromSchema(schema)), schema);
});
