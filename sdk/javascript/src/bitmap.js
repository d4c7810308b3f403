//! Bits of rows, least significant first, as Arrow packs them.

/** Whether the bit of a row is 1. */
export const bit = (bits, row) => ((bits[row >> 3] >> (row & 7)) & 1) === 1;

/** `rows` bits that are 1 except at the rows of `zeros`. */
export function withZeros(rows, zeros) {
  const bits = new Uint8Array(Math.ceil(rows / 8)).fill(0xff);
  if (rows % 8 !== 0) bits[bits.length - 1] = (1 << (rows % 8)) - 1;
  for (const row of zeros) bits[row >> 3] &= ~(1 << (row & 7));
  return bits;
}

/** `rows` bits as an array of booleans. */
export function unpack(bits, rows) {
  const values = new Array(rows);
  for (let row = 0; row < rows; row++) values[row] = ((bits[row >> 3] >> (row & 7)) & 1) === 1;
  return values;
}

/** An array of booleans as bits. */
export function pack(values) {
  const bits = new Uint8Array(Math.ceil(values.length / 8));
  for (let row = 0; row < values.length; row++) {
    if (values[row]) bits[row >> 3] |= 1 << (row & 7);
  }
  return bits;
}
