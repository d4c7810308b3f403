//! Functions of one row in, any number of rows out.

import { builder } from './build.js';
import { Batch, Column } from './column.js';
import { BadRows, FailedError } from './errors.js';
import { caller, readArguments } from './evaluate.js';
import { argumentFields, resultFields, toWireSignature } from './signature.js';
import { fieldsOf, uint32 } from './types.js';

/**
 * One row in, any number of rows out. `table` makes one of a plain function. Written by hand, a
 * function has parameters, arguments of any type, and a state that is made once, in `open`.
 */
export class TableFunction {
  /** What the function offers. Must not depend on anything that a job grants. */
  static signature;

  /** Checks parameters and argument types, once; throws `InvalidError` where the job is wrong. */
  open(_context) {}

  /** The result's columns, `{ name: type }`. By default those of the signature. */
  returns() {
    const columns = resultFields(this.constructor.signature);
    if (columns === undefined) {
      throw new FailedError("the signature leaves the result's columns to `returns`, which is not written");
    }
    return columns;
  }

  /** A batch: an `Expansion` of the columns that `returns` gave. Throws `RowErrors`. */
  batchEval(_rows) {
    throw new FailedError('`batchEval` is not written');
  }
}

/** What a batch becomes: the rows of its first row, then those of its second, … */
export class Expansion {
  /** `rows` is a `Batch`; `counts` a `Column` of uint32 without NULL: how many rows each row has. */
  constructor(rows, counts) {
    this.rows = rows;
    this.counts = counts;
  }

  /**
   * The rows of what `call(row)` gives for each of `rows` rows: nothing, or an iterable of arrays in
   * the order of `columns` or of objects with their names; of a single column, of values. An error
   * fails its row.
   */
  static collect(columns, rows, call) {
    return collect(fieldsOf(columns), rows, undefined, call, new BadRows());
  }
}

function collect(fields, rows, calls, call, bad) {
  const builders = fields.map(({ type }) => builder(type, rows));
  const add = rowAdder(fields, builders);
  const counts = new Uint32Array(rows);
  let all = 0;
  for (let row = 0; row < rows; row++) {
    if (calls !== undefined && calls[row] === 0) continue;
    const before = all;
    try {
      for (const given of rowsOf(call(row))) {
        add(given);
        all++;
      }
    } catch (error) {
      bad.add(row, error);
    }
    counts[row] = all - before;
  }
  bad.check();
  const columns = builders.map((built) => Column.fromBuilder(built));
  return new Expansion(Batch.of(fields, columns, all), Column.from(uint32, counts));
}

function rowsOf(given) {
  if (given === undefined || given === null) return [];
  if (typeof given === 'string' || typeof given[Symbol.iterator] !== 'function') {
    throw new TypeError('a table function gives an array or a generator of rows');
  }
  return given;
}

/** A function that adds a row: an array or an object, of a single column a value. */
export function rowAdder(fields, builders) {
  if (fields.length === 1) return (value) => builders[0].push(value);
  const names = fields.map(({ name }) => name);
  return (row) => {
    if (typeof row !== 'object' || row === null) {
      throw new TypeError(`a row of ${names.length} columns is an array or an object, not ${typeof row}`);
    }
    if (!Array.isArray(row)) names.forEach((name, index) => builders[index].push(row[name]));
    else if (row.length === names.length) row.forEach((value, index) => builders[index].push(value));
    else throw new TypeError(`a row has ${row.length} values for ${names.length} columns`);
  };
}

/**
 * A function that gives rows: `table({ name: 'words', arguments: { text: utf8 }, columns: { word:
 * utf8, place: int64 } }, function* (text) { … })`. Rows are as in `Expansion.collect`. A row with
 * NULL for an argument that is not `nullable` has none; an error that the function throws fails its
 * row.
 */
export function table(signature, call) {
  const arguments_ = argumentFields(signature);
  if (arguments_ === undefined || signature.columns === undefined) {
    throw new TypeError('`table` needs `arguments` and `columns`; else write a TableFunction');
  }
  const types = arguments_.map(({ type }) => type);
  const fields = fieldsOf(signature.columns);
  toWireSignature(signature);
  return class extends TableFunction {
    static signature = signature;

    batchEval(batch) {
      const { columns, rows, calls, bad } = readArguments(batch, types);
      return collect(fields, rows, calls, caller(columns, call), bad);
    }
  };
}
