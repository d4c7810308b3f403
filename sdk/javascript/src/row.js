//! The row path: one SQL value an argument, as columns of one row, and back.

import { Batch, Column } from './column.js';
import { FailedError, InvalidError, messageOf } from './errors.js';
import { ownItems } from './realm.js';
import { typeName } from './types.js';

/** The arguments of one row, of the types of `fields`, as a batch. */
export function batchOfRow(values, fields) {
  if (values.length !== fields.length) {
    throw new InvalidError(
      `a row has ${values.length} values, the function was opened with ${fields.length} arguments`,
    );
  }
  const columns = values.map((value, index) => {
    const { name, type } = fields[index];
    if (value.tag === 'nested') return new Column(value.val, type);
    try {
      return Column.from(type, [plain(value, type)]);
    } catch (error) {
      throw new InvalidError(
        `argument ${index + 1} ('${name}') is not of its type, ${typeName(type)}: ${messageOf(error)}`,
      );
    }
  });
  return Batch.of(fields, columns, 1);
}

const BIG = ['int64', 'uint64', 'timestamp', 'time64'];

function plain({ tag, val }, type) {
  if (tag === 'null') return null;
  if (tag === 'binary') return ownItems(val);
  // Narrower integers travel as 64 bits.
  return typeof val === 'bigint' && !BIG.includes(type.tag) ? Number(val) : val;
}

const TAGS = {
  boolean: 'boolean',
  int8: 'int64',
  int16: 'int64',
  int32: 'int64',
  int64: 'int64',
  uint8: 'uint64',
  uint16: 'uint64',
  uint32: 'uint64',
  uint64: 'uint64',
  float32: 'float32',
  float64: 'float64',
  utf8: 'utf8',
  binary: 'binary',
  date32: 'date32',
};

/** The first value of a column, as the row path gives it. Takes the column. */
export function valueOf(column, type) {
  if (column.length === 0) throw new FailedError('the result of one row has no row');
  if (column.nullCount > 0) return { tag: 'null' };
  const tag = type.tag === 'timestamp' && type.unit === 'microsecond' ? 'timestamp-micros' : TAGS[type.tag];
  if (tag === undefined) return { tag: 'nested', val: column.give() };
  const [value] = column.read();
  return { tag, val: tag === 'int64' || tag === 'uint64' ? BigInt(value) : value };
}
