//! The host of a component: what the contract imports.

export { Batch, Column } from 'wasmill:udf/columns@0.2.0';
export { Model } from 'wasmill:udf/inference@0.2.0';
export { log } from 'wasmill:udf/log@0.2.0';
export { counter, gauge, histogram } from 'wasmill:udf/metrics@0.2.0';
export const inComponent = true;
