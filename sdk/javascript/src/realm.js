//! The bindings of a component have globals of their own: what they give is no `instanceof` of ours.

const ARRAYS = {
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
  Int16Array,
  Int32Array,
  Int8Array,
  Uint16Array,
  Uint32Array,
  Uint8Array,
};

/** A typed array of ours over the same bytes. */
export function ownItems(items) {
  const Items = ARRAYS[items[Symbol.toStringTag]];
  return items instanceof Items ? items : new Items(items.buffer, items.byteOffset, items.length);
}

/** The contract's `array` with typed arrays of ours. */
export function ownArray({ length, validity, values: { tag, val } }) {
  const own = Array.isArray(val) ? val.map(ownItems) : val && ownItems(val);
  return { length, validity: validity ? ownItems(validity) : undefined, values: { tag, val: own } };
}
