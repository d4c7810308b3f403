//! Calls of a plugin as a host makes them, on the host in memory.

import { Batch, Column, OpenContext } from 'wasmill-sdk';
import { fieldsOf, fromSchema, toSchema } from '../src/types.js';

/** A batch of `{ name: [type, values] }`, as the contract's own object. */
export function batch(columns, options) {
  const entries = Object.entries(columns);
  const fields = fieldsOf(Object.fromEntries(entries.map(([name, [type]]) => [name, type])));
  const made = entries.map(([, [type, values]]) => Column.from(type, values));
  return Batch.of(fields, made, entries[0]?.[1][1].length, options).give();
}

/** Opens a function of an export: `open(exports.scalar.ScalarFunction, 'add', …)`. */
export function open(Resource, name, { parameters = {}, arguments: fields = {} } = {}) {
  return Resource.open(name, {
    parameters: Object.entries(parameters),
    arguments: toSchema(fieldsOf(fields)),
  });
}

/** The values of a column of the contract. */
export function values(column, type) {
  return Array.from(new Column(column, type).read());
}

/** The rows of a batch of the contract, as arrays. */
export function rowsOf(handle) {
  const given = new Batch(handle);
  const columns = fromSchema(handle.schema()).map((_, index) => Array.from(given.read(index)));
  return Array.from({ length: given.rows }, (_, row) => columns.map((column) => column[row]));
}

/** A context for `open`. */
export const context = (given) => new OpenContext(given);
