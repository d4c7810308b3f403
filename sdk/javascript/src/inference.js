//! Models that the job granted, run by the host on the host's own columns.

import * as host from '#host';
import { Batch } from './column.js';
import { FailedError, InvalidError, messageOf } from './errors.js';
import { fromSchema } from './types.js';

export class Model {
  #handle;

  constructor(handle) {
    this.#handle = handle;
    const { inputs, outputs } = handle.signature();
    /** The features, by position: `[{ name, type }]`. */
    this.inputs = fromSchema(inputs);
    /** The columns of a prediction. */
    this.outputs = fromSchema(outputs);
  }

  /** Opens a model by its name in the job, in `open`. Throws `InvalidError` where it is not granted. */
  static open(name) {
    return new Model(told(() => host.Model.open(name)));
  }

  /** Changes whenever the model does. */
  get version() {
    return this.#handle.version();
  }

  /**
   * Features to predictions, by position: a batch of `outputs`, of as many rows. Integers, floats and
   * decimals are cast to the model's inputs. Nothing enters the guest.
   */
  predict(features) {
    return new Batch(told(() => this.#handle.predict(features.handle)), this.outputs);
  }
}

/** Errors of the contract as ours. */
function told(call) {
  try {
    return call();
  } catch (error) {
    const { tag, val } = error?.payload ?? {};
    if (tag === 'not-granted' || tag === 'invalid') throw new InvalidError(val);
    throw new FailedError(tag === 'failed' ? val : messageOf(error));
  }
}
