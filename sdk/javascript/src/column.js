//! Handles to what lives in the host: columns, and batches of them.

import * as host from '#host';
import { builder } from './build.js';
import { FailedError } from './errors.js';
import { evaluate } from './evaluate.js';
import { valuesOf } from './read.js';
import { ownArray } from './realm.js';
import { track, untrack } from './scope.js';
import { childrenOf, field, fieldsOf, fromSchema, toSchema, toWireType } from './types.js';

const dispose = Symbol.dispose ?? Symbol.for('dispose');

/** A handle. It is given back at the end of the call that made it, unless it is kept. */
class Resource {
  #handle;

  constructor(handle) {
    this.#handle = handle;
    track(this);
  }

  /** The contract's own object. */
  get handle() {
    if (this.#handle === undefined) {
      throw new FailedError('this column or batch was given away, or the call that made it has ended');
    }
    return this.#handle;
  }

  /** Makes the handle outlive the call. */
  keep() {
    return untrack(this);
  }

  /** Gives the handle back. */
  drop() {
    this.#handle?.[dispose]?.();
    this.#handle = undefined;
    untrack(this);
  }

  /** Hands the handle to the host, which owns it from then on. */
  give() {
    const { handle } = this;
    this.#handle = undefined;
    untrack(this);
    return handle;
  }
}

/** One immutable column, in the host. */
export class Column extends Resource {
  #type;

  constructor(handle, type) {
    super(handle);
    this.#type = type;
  }

  /**
   * Makes a column of values, one a row, NULL where one is `null` or `undefined`. A typed array of
   * the type's own kind is copied once. Throws a `TypeError` where a value is not of the type.
   */
  static from(type, values) {
    const built = builder(type, values.length);
    if (values instanceof (built.Items ?? Never)) {
      return Column.fromArray(type, { length: values.length, values: { tag: built.tag, val: values } });
    }
    for (let row = 0; row < values.length; row++) built.push(values[row]);
    return Column.fromBuilder(built);
  }

  /** Makes a column of buffers, as the contract's `array` has them. */
  static fromArray(type, array, children = []) {
    const handles = children.map((child) => child.give());
    return new Column(new host.Column(toWireType(type), array, handles), type);
  }

  static fromBuilder(built) {
    const children = built.children().map((child) => Column.fromBuilder(child));
    return Column.fromArray(built.type, built.array(), children);
  }

  /** The type; of a column that no batch has named the types of its children are not known. */
  get type() {
    this.#type ??= typeOf(this);
    return this.#type;
  }

  /** Rows. */
  get length() {
    return this.handle.length();
  }

  get nullCount() {
    return this.handle.nullCount();
  }

  /**
   * Copies the values into the guest, one a row: a typed array where they are numbers without NULL,
   * else an array with `null` for NULL.
   */
  read() {
    return valuesOf(this.type, this.readArray(), (index) => {
      const child = this.child(index);
      const values = child.read();
      child.drop();
      return values;
    });
  }

  /** Copies the buffers into the guest, as the contract's `array` has them. */
  readArray() {
    return ownArray(this.handle.read());
  }

  /** Of a list the items, of a struct a field. */
  child(index) {
    return new Column(this.handle.child(index), this.#type && childrenOf(this.#type)[index]?.type);
  }
}

class Never {}

/** The type of a column by itself: the contract names no children there, so they are asked. */
function typeOf(column) {
  const { tag, val } = column.handle.dataType();
  const item = () => {
    const child = column.child(0);
    const { type } = child;
    child.drop();
    return field('item', type);
  };
  switch (tag) {
    case 'list':
      return { tag, item: item() };
    case 'fixed-size-list':
      return { tag, item: item(), size: val };
    case 'struct':
      throw new FailedError('a struct by itself does not tell its fields: read it from its batch');
    default:
      return { tag, ...val };
  }
}

/** Columns of one length, in the host. */
export class Batch extends Resource {
  #fields;

  constructor(handle, fields) {
    super(handle);
    this.#fields = fields;
  }

  /** Makes a batch of columns, which it takes: `Batch.of({ x: float64 }, [column])`. */
  static of(named, columns, rows = columns[0]?.length ?? 0, options = {}) {
    const fields = fieldsOf(named);
    const handles = columns.map((column) => column.give());
    return new Batch(new host.Batch(toSchema(fields, options), handles, rows), fields);
  }

  /** The columns' names and types: `[{ name, type }]`. */
  get fields() {
    this.#fields ??= fromSchema(this.handle.schema());
    return this.#fields;
  }

  get rows() {
    return this.handle.rows();
  }

  /** A handle to a column; nothing is copied. */
  column(index) {
    return new Column(this.handle.column(index), this.fields[index]?.type);
  }

  /** The values of a column, as `column(index).read()` gives them. `type` may be told, if it is known. */
  read(index, type = this.fields[index]?.type) {
    if (childrenOf(type).length === 0) return valuesOf(type, ownArray(this.handle.read(index)));
    const column = new Column(this.handle.column(index), type);
    const values = column.read();
    column.drop();
    return values;
  }

  /** A batch of some of the columns, by index; nothing is copied. */
  project(indices) {
    const fields = this.#fields && indices.map((index) => this.#fields[index]);
    return new Batch(this.handle.project(Uint32Array.from(indices)), fields);
  }

  /**
   * Calls a function of the arguments on every row, for a column of `type`. NULL for any argument
   * gives NULL without a call; an error fails its row.
   */
  map(type, call) {
    const types = this.fields.map(({ type }) => ({ ...type, nullable: undefined }));
    return evaluate(this, types, type, call);
  }
}
