//! What a call of a process function may use: the keys' state, timers, time, the broadcast table.

import { builder } from './build.js';
import { Batch, Column } from './column.js';
import { FailedError } from './errors.js';
import { ownItems } from './realm.js';
import { rowAdder } from './table.js';
import { fieldsOf, int64, uint32 } from './types.js';

/**
 * The keys of a call, numbered from 0, with their state. What a call changes is there from the next
 * call on, and only if this one throws nothing. Slots and side outputs go by their names; a key or a
 * row that is not there ends the call. All times are milliseconds since 1970, as `bigint`.
 */
export class Keyed {
  #handle;
  #slots;
  #broadcast;

  /** `slots` are pairs of name and slot, `broadcast` the fields of the broadcast table. */
  constructor(handle, slots, broadcast) {
    this.#handle = handle;
    this.#slots = new Map(slots.map(([name, { type }], place) => [name, { place, type }]));
    this.#broadcast = broadcast;
  }

  /** The columns of PARTITION BY, one row a key: a `Batch`. */
  keys() {
    return new Batch(this.#handle.keys());
  }

  /** Of each row or timer of the call the number of its key: a `Uint32Array`. */
  numbers() {
    return ownItems(this.#handle.numbers());
  }

  /** Of each row or timer its time; undefined where the job gives none. */
  times() {
    const handle = this.#handle.times();
    if (handle === undefined || handle === null) return undefined;
    return new Column(handle, int64).read();
  }

  /** All rows up to this time have come; undefined before the first ones, 2n ** 63n - 1n after the last. */
  watermark() {
    return this.#handle.watermark() ?? undefined;
  }

  /** The machine's clock as the call began. */
  now() {
    return this.#handle.now();
  }

  #slot(name) {
    const slot = this.#slots.get(name);
    if (slot === undefined) throw new FailedError(`the function has no slot '${name}'`);
    return slot;
  }

  /**
   * A `Column` of what each key has, one row a key: a value or NULL, a list, of a map a list of
   * `{ key, value }` in the order of their keys.
   */
  read(slot) {
    const { place, type } = this.#slot(slot);
    return new Column(this.#handle.read(place), type);
  }

  /** Of a map: for each row the value that the key `keys[row]` has under `entries[row]`, or NULL. */
  lookup(slot, keys, entries) {
    const { place, type } = this.#slot(slot);
    const found = this.#handle.lookup(place, Uint32Array.from(keys), entries.handle);
    return new Column(found, type.item.type.fields[1].type);
  }

  /** Replaces all that these keys have, with rows as `read` gives them; NULL, or an empty list, is nothing. */
  write(slot, keys, values) {
    this.#handle.write(this.#slot(slot).place, Uint32Array.from(keys), values.handle);
  }

  /** Of a list: appends an item each. */
  append(slot, keys, items) {
    this.#handle.append(this.#slot(slot).place, Uint32Array.from(keys), items.handle);
  }

  /** Of a map: puts an entry each; one whose value is NULL is removed. */
  put(slot, keys, entries, values) {
    this.#handle.put(this.#slot(slot).place, Uint32Array.from(keys), entries.handle, values.handle);
  }

  /**
   * A timer for each of these keys, which fires once the watermark has come to its `at`. A key has one
   * of a name: it replaces the one before.
   */
  setTimers(name, keys, at) {
    this.#handle.setTimers('event', name, Uint32Array.from(keys), BigInt64Array.from(at));
  }

  /** The same, by the machine's clock. */
  setProcessingTimers(name, keys, at) {
    this.#handle.setTimers('processing', name, Uint32Array.from(keys), BigInt64Array.from(at));
  }

  clearTimers(name, keys) {
    this.#handle.clearTimers(name, Uint32Array.from(keys));
  }

  /** The rows of the broadcast table that have come, the same for all keys: a `Batch`. */
  broadcast() {
    return new Batch(this.#handle.broadcast(), this.#broadcast);
  }

  /** Another number whenever there are other rows. */
  broadcastVersion() {
    return this.#handle.broadcastVersion();
  }
}

/** Rows that a call of a process function gives. */
export class OutputRows {
  /**
   * `origins` has for each row of the `Batch` the row or the timer of the call that it comes of: a
   * `Column` of uint32 without NULL. `side` is the name of a side output; undefined is the result.
   */
  constructor(rows, origins, side = undefined) {
    this.rows = rows;
    this.origins = origins;
    this.side = side;
  }

  /** Of pairs of an origin and a row: an array or an object, of a single column a value. */
  static collect(columns, pairs, side = undefined) {
    const gathered = new Gathered(fieldsOf(columns));
    for (const [origin, row] of pairs) gathered.add(origin, row);
    return gathered.output(side);
  }
}

/** Gathers rows, each with its origin. */
export class Gathered {
  constructor(fields, rows = 0) {
    this.fields = fields;
    this.builders = fields.map(({ type }) => builder(type, rows));
    this.origins = [];
    this.push = rowAdder(fields, this.builders);
  }

  add(origin, row) {
    this.push(row);
    this.origins.push(origin);
  }

  /** Adds a row that is an object of the columns, also where there is one column alone. */
  addObject(origin, row) {
    this.fields.forEach(({ name }, index) => this.builders[index].push(row[name]));
    this.origins.push(origin);
  }

  output(side) {
    const columns = this.builders.map((built) => Column.fromBuilder(built));
    const rows = Batch.of(this.fields, columns, this.origins.length);
    return new OutputRows(rows, Column.from(uint32, Uint32Array.from(this.origins)), side);
  }
}
