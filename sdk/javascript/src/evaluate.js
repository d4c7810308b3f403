//! Functions of rows: their columns are read, and the function is called a row each.

import { NumberBuilder, builder } from './build.js';
import { Column } from './column.js';
import { BadRows } from './errors.js';
import { takesNull } from './types.js';

/**
 * Reads the columns of a batch for a function of these types. `calls` is 1 where the function is to
 * be called, none = everywhere: not where NULL stands for an argument that must not be NULL.
 */
export function readArguments(batch, types) {
  const { rows } = batch;
  const bad = new BadRows();
  const columns = types.map((type, index) => batch.read(index, type));
  let calls;
  types.forEach((type, index) => {
    const column = columns[index];
    const skips = takesNull(type) ? never : isNull;
    const isBad = type.item !== undefined && !takesNull(type.item.type) ? hasNull : never;
    if (!Array.isArray(column) || (skips === never && isBad === never)) return;
    for (let row = 0; row < rows; row++) {
      const value = column[row];
      if (skips(value)) (calls ??= new Uint8Array(rows).fill(1))[row] = 0;
      else if (value !== null && isBad(value)) {
        (calls ??= new Uint8Array(rows).fill(1))[row] = 0;
        bad.add(row, 'the list has a NULL among its items');
      }
    }
  });
  return { columns, rows, calls, bad };
}

const never = () => false;
const isNull = (value) => value === null;
const hasNull = (items) => Array.isArray(items) && items.includes(null);

/** A function of rows instead of values. */
export function caller(columns, call) {
  const [a, b, c] = columns;
  switch (columns.length) {
    case 0:
      return () => call();
    case 1:
      return (row) => call(a[row]);
    case 2:
      return (row) => call(a[row], b[row]);
    case 3:
      return (row) => call(a[row], b[row], c[row]);
    default:
      return (row) => call(...columns.map((column) => column[row]));
  }
}

/** A column of what a function gives for every row of a batch. */
export function evaluate(batch, types, returns, call) {
  const given = readArguments(batch, types);
  const result = builder(returns, given.rows);
  if (given.calls === undefined && result instanceof NumberBuilder) {
    fillNumbers(result, given, call);
  } else {
    fill(result, given, call);
  }
  given.bad.check();
  return Column.fromBuilder(result);
}

// Both loops enter `try` once for as many rows as there are before an error.

function fill(result, { columns, rows, calls, bad }, call) {
  const of = caller(columns, call);
  let row = 0;
  while (row < rows) {
    try {
      for (; row < rows; row++) {
        if (calls === undefined || calls[row] === 1) result.push(of(row));
        else result.pushNull();
      }
    } catch (error) {
      bad.add(row++, error);
    }
  }
}

/** Numbers of rows that are all called: straight into a typed array. */
function fillNumbers(result, { columns, rows, bad }, call) {
  const { items, isFloat } = result;
  const kind = result.isBig ? 'bigint' : 'number';
  const [a, b] = columns;
  const of = caller(columns, call);
  let row = 0;
  const put = (value) => {
    if (typeof value === kind) {
      items[row] = value;
      if (isFloat || items[row] === value) return;
    }
    result.put(row, value);
  };
  while (row < rows) {
    try {
      if (columns.length === 1) for (; row < rows; row++) put(call(a[row]));
      else if (columns.length === 2) for (; row < rows; row++) put(call(a[row], b[row]));
      else for (; row < rows; row++) put(of(row));
    } catch (error) {
      bad.add(row++, error);
    }
  }
  result.length = rows;
}
