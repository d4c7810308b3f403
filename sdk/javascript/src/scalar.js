//! Functions of one row in, one value out.

import { FailedError } from './errors.js';
import { evaluate } from './evaluate.js';
import { argumentFields, resultFields, toWireSignature } from './signature.js';

/**
 * One row in, one value out. `scalar` makes one of a plain function. Written by hand, a function has
 * parameters, arguments of any type, and a state that is made once, in `open`.
 */
export class ScalarFunction {
  /** What the function offers. Must not depend on anything that a job grants. */
  static signature;

  /** Checks parameters and argument types, once; throws `InvalidError` where the job is wrong. */
  open(_context) {}

  /** The result's type. By default the one of the signature. */
  returns() {
    const [result] = resultFields(this.constructor.signature) ?? [];
    if (result === undefined) {
      throw new FailedError("the signature leaves the result's type to `returns`, which is not written");
    }
    return result.type;
  }

  /** A batch: the column has as many rows, of the type that `returns` gave. Throws `RowErrors`. */
  batchEval(_rows) {
    throw new FailedError('`batchEval` is not written');
  }
}

/**
 * A function of values: `scalar({ name: 'add', arguments: { a: int64, b: int64 }, returns: int64 },
 * (a, b) => a + b)`. A row with NULL for an argument that is not `nullable` gives NULL without a
 * call; an error that the function throws fails its row.
 */
export function scalar(signature, call) {
  const fields = argumentFields(signature);
  if (fields === undefined || signature.returns === undefined) {
    throw new TypeError('`scalar` needs `arguments` and `returns`; else write a ScalarFunction');
  }
  const types = fields.map(({ type }) => type);
  toWireSignature(signature);
  return class extends ScalarFunction {
    static signature = signature;

    batchEval(rows) {
      return evaluate(rows, types, signature.returns, call);
    }
  };
}
