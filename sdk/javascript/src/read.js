//! Columns as JavaScript values.

import { bit, unpack } from './bitmap.js';
import { FailedError } from './errors.js';

// A byte order mark is text, as it is everywhere else in the engine.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The values of an array as the contract gives it, one a row: a typed array where they are numbers
 * without NULL, else an array with `null` for NULL. `child(index)` gives the values of a child.
 */
export function valuesOf(type, { length, validity, values }, child) {
  const read = READERS[values.tag];
  if (read === undefined) throw new FailedError(`the host gave unknown values: ${values.tag}`);
  return read(values.val, { type, length, validity, child });
}

const numbers = (items, { length, validity }) => {
  if (validity === undefined) return items;
  const values = new Array(length);
  for (let row = 0; row < length; row++) values[row] = bit(validity, row) ? items[row] : null;
  return values;
};

const READERS = {
  int8: numbers,
  int16: numbers,
  int32: numbers,
  int64: numbers,
  uint8: numbers,
  uint16: numbers,
  uint32: numbers,
  uint64: numbers,
  float32: numbers,
  float64: numbers,

  boolean(bits, { length, validity }) {
    const values = unpack(bits, length);
    return validity === undefined ? values : each(length, validity, (row) => values[row]);
  },

  bytes([offsets, bytes], { type, length, validity }) {
    if (type.tag !== 'utf8') {
      return each(length, validity, (row) => bytes.slice(offsets[row], offsets[row + 1]));
    }
    // All at once where a character is a byte: a row is then a part of the whole.
    const text = decoder.decode(bytes);
    if (text.length === bytes.length) {
      return each(length, validity, (row) => text.substring(offsets[row], offsets[row + 1]));
    }
    return each(length, validity, (row) =>
      decoder.decode(bytes.subarray(offsets[row], offsets[row + 1])),
    );
  },

  int128(pairs, { length, validity }) {
    return each(
      length,
      validity,
      (row) => (BigInt.asIntN(64, pairs[2 * row + 1]) << 64n) | pairs[2 * row],
    );
  },

  offsets(offsets, { length, validity, child }) {
    const part = parts(child(0));
    return each(length, validity, (row) => part(offsets[row], offsets[row + 1]));
  },

  none(_, { type, length, validity, child }) {
    if (type.tag === 'fixed-size-list') {
      const { size } = type;
      const part = parts(child(0));
      return each(length, validity, (row) => part(row * size, (row + 1) * size));
    }
    const columns = type.fields.map(({ name }, index) => [name, child(index)]);
    return each(length, validity, (row) =>
      Object.fromEntries(columns.map(([name, values]) => [name, values[row]])),
    );
  },
};

function each(length, validity, value) {
  const values = new Array(length);
  for (let row = 0; row < length; row++) {
    values[row] = validity === undefined || bit(validity, row) ? value(row) : null;
  }
  return values;
}

// A part of a typed array is a view of it.
const parts = (items) =>
  Array.isArray(items)
    ? (start, end) => items.slice(start, end)
    : (start, end) => items.subarray(start, end);
