//! Write wasmill functions in JavaScript or TypeScript.

export { Accumulators, AggregateFunction, aggregate } from './aggregate.js';
export { Call } from './call.js';
export { Batch, Column } from './column.js';
export { OpenContext } from './context.js';
export { FailedError, InvalidError, RowError, RowErrors } from './errors.js';
export { Model } from './inference.js';
export { forget } from './keyed-batch.js';
export { Keyed, OutputRows } from './keyed.js';
export { log } from './log.js';
export * as metrics from './metrics.js';
export { plugin } from './plugin.js';
export { ProcessFunction, process } from './process.js';
export { ScalarFunction, scalar } from './scalar.js';
export { any, variadic } from './signature.js';
export { listState, mapState, valueState } from './slot.js';
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
