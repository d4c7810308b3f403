//! A host in memory for process functions: it has the state of keys, and tells what it was handed.

import assert from 'node:assert/strict';
import { Column, int64, utf8 } from 'wasmill-sdk';
import { fromSchema } from '../src/types.js';
import { batch, open, rowsOf, values } from './calls.js';

/** A function that is opened, and what its keys have. */
export class Host {
  watermark = undefined;
  table = [];
  version = 1n;
  handed = [];

  static async open(plugin, name, fields) {
    const host = new Host();
    host.fields = fields;
    host.opened = await open(plugin.process.ProcessFunction, name, { arguments: fields });
    host.slots = host.opened.slots();
    host.state = host.slots.map(() => new Map());
    return host;
  }

  /** What the function gives for rows of these keys: pairs of origin and row by the place of the side output. */
  rows(keys, columns, times) {
    const given = Object.entries(this.fields).map(([name, type]) => [name, [type, columns[name]]]);
    return this.#call((keyed) => this.opened.batchEval(batch(Object.fromEntries(given)), keyed), keys, times);
  }

  timers(keys, names, at) {
    const timers = () => batch({ name: [utf8, names], at: [int64, at] });
    return this.#call((keyed) => this.opened.onTimers(timers(), keyed), keys, at);
  }

  async #call(call, keys, times) {
    this.handed = [];
    const keyed = new Keyed(this, keys, times);
    const given = await call(keyed);
    for (const change of keyed.changes) change();
    return Object.fromEntries(
      given.map(({ side, rows, origins }) => {
        const of = values(origins);
        return [side ?? 'result', rowsOf(rows).map((row, index) => [of[index], ...row])];
      }),
    );
  }
}

/** `keyed` of the contract. What is changed counts when the call is over. */
class Keyed {
  changes = [];
  #read = new Set();

  constructor(host, keys, times) {
    this.host = host;
    this.names = [...new Set(keys)].sort();
    this.keyNumbers = Uint32Array.from(keys, (key) => this.names.indexOf(key));
    this.givenTimes = times;
  }

  keys() {
    return batch({ k: [utf8, this.names] });
  }

  numbers() {
    return this.keyNumbers;
  }

  times() {
    return this.givenTimes && Column.from(int64, this.givenTimes).give();
  }

  watermark() {
    return this.host.watermark;
  }

  now() {
    return 7n;
  }

  read(slot) {
    assert.ok(!this.#read.has(slot), 'a slot is read once a batch');
    this.#read.add(slot);
    const { kind } = this.host.slots[slot];
    const has = this.names.map((key) => {
      const value = this.host.state[slot].get(key);
      if (kind === 'value') return value;
      if (kind === 'list') return value ?? [];
      return [...(value ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value }));
    });
    return Column.from(this.#type(slot), has).give();
  }

  lookup(slot, keys, entries) {
    const [key, value] = this.#fields(slot);
    const found = lent(entries, key.type).map((entry, row) =>
      this.host.state[slot].get(this.names[keys[row]])?.get(entry),
    );
    return Column.from(value.type, found).give();
  }

  write(slot, keys, column) {
    const given = lent(column, this.#type(slot)).map(plain);
    this.#say('write', slot, pairs(keys, given));
    this.changes.push(() =>
      given.forEach((value, row) => {
        const isMap = this.host.slots[slot].kind === 'map';
        const has = isMap ? new Map(value.map(({ key, value }) => [key, value])) : value;
        this.host.state[slot].set(this.names[keys[row]], has);
      }),
    );
  }

  append(slot, keys, column) {
    const items = lent(column, this.#fields(slot)[0].type);
    this.#say('append', slot, pairs(keys, items));
    this.changes.push(() => items.forEach((item, row) => this.#has(slot, keys[row], []).push(item)));
  }

  put(slot, keys, entries, column) {
    const [key, value] = this.#fields(slot);
    const [names, given] = [lent(entries, key.type), lent(column, value.type).map(plain)];
    this.#say('put', slot, pairs(keys, names, given));
    this.changes.push(() =>
      names.forEach((name, row) => {
        const map = this.#has(slot, keys[row], new Map());
        if (given[row] === null) map.delete(name);
        else map.set(name, given[row]);
      }),
    );
  }

  setTimers(clock, name, keys, at) {
    this.#say('timer', clock, name, pairs(keys, [...at]));
  }

  clearTimers(name, keys) {
    this.#say('no timer', name, [...keys]);
  }

  broadcast() {
    const fields = fromSchema(this.host.opened.broadcast());
    const columns = fields.map(({ name, type }) => [name, [type, this.host.table.map((row) => row[name])]]);
    return batch(Object.fromEntries(columns));
  }

  broadcastVersion() {
    return this.host.version;
  }

  #has(slot, key, otherwise) {
    const state = this.host.state[slot];
    const name = this.names[key];
    if (!state.has(name)) state.set(name, otherwise);
    return state.get(name);
  }

  #fields(slot) {
    return fromSchema(this.host.slots[slot].columns);
  }

  #type(slot) {
    const [first] = this.#fields(slot);
    const { kind } = this.host.slots[slot];
    if (kind === 'value') return first.type;
    if (kind === 'list') return { tag: 'list', item: first };
    return { tag: 'list', item: { name: 'item', type: { tag: 'struct', fields: this.#fields(slot) } } };
  }

  #say(...what) {
    this.host.handed.push(what);
  }
}

/** The values of a column that the function lends. */
const lent = (column, type) => Array.from(new Column(column, type).keep().read());
const plain = (value) => (ArrayBuffer.isView(value) ? [...value] : value);
const pairs = (keys, ...columns) => Array.from(keys, (key, row) => [key, ...columns.map((column) => column[row])]);
