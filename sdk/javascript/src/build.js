//! JavaScript values as columns.

import { pack, withZeros } from './bitmap.js';
import { typeName } from './types.js';

const encoder = new TextEncoder();

/**
 * Gathers the values of a column, of which there may be any number; `rows` is a guess. `push` throws
 * where a value is not of the type.
 */
export function builder(type, rows = 0) {
  const Kind = KINDS[type.tag];
  if (Kind === undefined) throw new TypeError(`there is no type ${type.tag}`);
  return new Kind(type, rows);
}

class Builder {
  length = 0;
  nulls = [];

  constructor(type) {
    this.type = type;
  }

  push(value) {
    if (value === null || value === undefined) this.pushNull();
    else {
      this.add(value);
      this.length++;
    }
  }

  pushNull() {
    if (this.type.nullable === false) this.refuse(null);
    this.nulls.push(this.length);
    this.pushEmpty();
  }

  /** A value that nobody sees: under a NULL. */
  pushEmpty() {
    this.addEmpty();
    this.length++;
  }

  refuse(value) {
    throw new TypeError(`${shown(value)} is no ${typeName(this.type)}`);
  }

  /** The array as the contract has it. */
  array() {
    const { length, nulls } = this;
    const validity = nulls.length > 0 ? withZeros(length, nulls) : undefined;
    return { length, validity, values: this.values() };
  }

  /** The builders of the children. */
  children() {
    return [];
  }
}

/** The typed arrays of types of numbers, and the contract's names for their values. */
const NUMBERS = {
  int8: [Int8Array, 'int8'],
  int16: [Int16Array, 'int16'],
  int32: [Int32Array, 'int32'],
  int64: [BigInt64Array, 'int64'],
  uint8: [Uint8Array, 'uint8'],
  uint16: [Uint16Array, 'uint16'],
  uint32: [Uint32Array, 'uint32'],
  uint64: [BigUint64Array, 'uint64'],
  float32: [Float32Array, 'float32'],
  float64: [Float64Array, 'float64'],
  date32: [Int32Array, 'int32'],
  time64: [BigInt64Array, 'int64'],
  timestamp: [BigInt64Array, 'int64'],
};

class NumberBuilder extends Builder {
  constructor(type, rows) {
    super(type);
    [this.Items, this.tag] = NUMBERS[type.tag];
    this.items = new this.Items(Math.max(rows, 16));
    this.isFloat = type.tag === 'float32' || type.tag === 'float64';
    this.isBig = typeof this.items[0] === 'bigint';
  }

  add(value) {
    this.reserve(1);
    this.set(this.length, value);
  }

  /** Writes a value that is not NULL. What a typed array would change without a word is refused. */
  set(row, value) {
    if (typeof value !== (this.isBig ? 'bigint' : 'number')) this.refuse(value);
    this.items[row] = value;
    if (!this.isFloat && this.items[row] !== value) this.refuse(value);
  }

  /** Writes a value, or NULL, to one of the rows that there is room for; `length` stays. */
  put(row, value) {
    if (value !== null && value !== undefined) return this.set(row, value);
    if (this.type.nullable === false) this.refuse(null);
    this.nulls.push(row);
  }

  addEmpty() {
    this.reserve(1);
    this.items[this.length] = this.isBig ? 0n : 0;
  }

  /** Adds a typed array of the very kind. */
  addAll(items) {
    this.reserve(items.length);
    this.items.set(items, this.length);
    this.length += items.length;
  }

  reserve(more) {
    const wanted = this.length + more;
    if (wanted <= this.items.length) return;
    const items = new this.Items(Math.max(wanted, 2 * this.items.length));
    items.set(this.items);
    this.items = items;
  }

  values() {
    return { tag: this.tag, val: this.items.subarray(0, this.length) };
  }
}

class GatheredBuilder extends Builder {
  gathered = [];
}

class BooleanBuilder extends GatheredBuilder {
  add(value) {
    if (typeof value !== 'boolean') this.refuse(value);
    this.gathered.push(value);
  }

  addEmpty() {
    this.gathered.push(false);
  }

  values() {
    return { tag: 'boolean', val: pack(this.gathered) };
  }
}

class TextBuilder extends GatheredBuilder {
  add(value) {
    if (typeof value !== 'string') this.refuse(value);
    this.gathered.push(value);
  }

  addEmpty() {
    this.gathered.push('');
  }

  values() {
    // All at once where a character is a byte.
    const texts = this.gathered;
    const bytes = encoder.encode(texts.join(''));
    const offsets = ends(texts);
    if (offsets[texts.length] === bytes.length) return { tag: 'bytes', val: [offsets, bytes] };
    return joined(texts.map((text) => encoder.encode(text)));
  }
}

class BinaryBuilder extends GatheredBuilder {
  add(value) {
    if (!(value instanceof Uint8Array)) this.refuse(value);
    this.gathered.push(value);
  }

  addEmpty() {
    this.gathered.push(new Uint8Array());
  }

  values() {
    return joined(this.gathered);
  }
}

/** Where each part ends, behind a 0. */
function ends(parts) {
  const offsets = new Int32Array(parts.length + 1);
  let end = 0;
  for (let row = 0; row < parts.length; row++) offsets[row + 1] = end += parts[row].length;
  return offsets;
}

function joined(parts) {
  const offsets = ends(parts);
  const bytes = new Uint8Array(offsets[parts.length]);
  parts.forEach((part, row) => bytes.set(part, offsets[row]));
  return { tag: 'bytes', val: [offsets, bytes] };
}

class DecimalBuilder extends GatheredBuilder {
  constructor(type) {
    super(type);
    this.end = 10n ** BigInt(type.precision);
  }

  add(value) {
    if (typeof value !== 'bigint' || value >= this.end || value <= -this.end) this.refuse(value);
    this.gathered.push(value);
  }

  addEmpty() {
    this.gathered.push(0n);
  }

  values() {
    const pairs = new BigUint64Array(2 * this.length);
    this.gathered.forEach((value, row) => {
      // What does not fit is cut off.
      pairs[2 * row] = value;
      pairs[2 * row + 1] = value >> 64n;
    });
    return { tag: 'int128', val: pairs };
  }
}

class ListBuilder extends Builder {
  constructor(type, rows) {
    super(type);
    this.items = builder(type.item.type, rows);
    this.offsets = [0];
  }

  add(value) {
    pushItems(this, value);
    this.offsets.push(this.items.length);
  }

  addEmpty() {
    this.offsets.push(this.items.length);
  }

  values() {
    return { tag: 'offsets', val: Int32Array.from(this.offsets) };
  }

  children() {
    return [this.items];
  }
}

class FixedSizeListBuilder extends Builder {
  constructor(type, rows) {
    super(type);
    this.items = builder(type.item.type, rows * type.size);
  }

  add(value) {
    const { size } = this.type;
    if (value.length !== size) {
      throw new TypeError(`a list has ${value.length} items instead of ${size}`);
    }
    pushItems(this, value);
  }

  addEmpty() {
    for (let item = 0; item < this.type.size; item++) this.items.pushEmpty();
  }

  values() {
    return { tag: 'none' };
  }

  children() {
    return [this.items];
  }
}

function pushItems(list, value) {
  const { items } = list;
  if (items instanceof NumberBuilder && value instanceof items.Items) items.addAll(value);
  else if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    for (let index = 0; index < value.length; index++) items.push(value[index]);
  } else list.refuse(value);
}

class StructBuilder extends Builder {
  constructor(type, rows) {
    super(type);
    this.fields = type.fields.map(({ name, type }) => [name, builder(type, rows)]);
  }

  add(value) {
    if (typeof value !== 'object') this.refuse(value);
    for (const [name, field] of this.fields) field.push(value[name]);
  }

  addEmpty() {
    for (const [, field] of this.fields) field.pushEmpty();
  }

  values() {
    return { tag: 'none' };
  }

  children() {
    return this.fields.map(([, field]) => field);
  }
}

const KINDS = {
  ...Object.fromEntries(Object.keys(NUMBERS).map((tag) => [tag, NumberBuilder])),
  boolean: BooleanBuilder,
  utf8: TextBuilder,
  binary: BinaryBuilder,
  decimal128: DecimalBuilder,
  list: ListBuilder,
  'fixed-size-list': FixedSizeListBuilder,
  struct: StructBuilder,
};

export { NumberBuilder };

/** A value as messages show it, cut where it is long. */
function shown(value) {
  const text = typeof value === 'string' ? JSON.stringify(value) : plainText(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function plainText(value) {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'object'}`;
  return String(value);
}
