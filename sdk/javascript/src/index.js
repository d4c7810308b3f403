//! Write wasmill functions in JavaScript or TypeScript.

export { Accumulators, AggregateFunction, aggregate } from './aggregate.js';
export { Batch, Column } from './column.js';
export { OpenContext } from './context.js';
export { FailedError, InvalidError, RowError, RowErrors } from './errors.js';
export { Model } from './inference.js';
export { log } from './log.js';
export * as metrics from './metrics.js';
export { plugin } from './plugin.js';
export { ScalarFunction, scalar } from './scalar.js';
export { any, variadic } from './signature.js';
export { Expansion, TableFunction, table } from './table.js';
export {
  binary,
  boolean,
  date32,
  decimal128,
  field,
  fixedSizeList,
  float32,
  float64,
  int16,
  int32,
  int64,
  int8,
  list,
  nullable,
  struct,
  time64,
  timestamp,
  uint16,
  uint32,
  uint64,
  uint8,
  utf8,
} from './types.js';
