//! Functions of the rows of a key, one behind another: with state, timers and side outputs.

import { FailedError } from './errors.js';
import { readArguments } from './evaluate.js';
import { KeyedBatch, Layout } from './keyed-batch.js';
import { argumentFields, resultFields, toWireSignature } from './signature.js';
import { sideOutputsOf, slotsOf } from './slot.js';
import { fieldsOf, takesNull } from './types.js';

/**
 * Rows of many keys in, any number of rows out, at once or later. `process` makes one of plain
 * functions. Written by hand, it does with a whole batch as it likes.
 */
export class ProcessFunction {
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

  /** What is kept of each key: `{ count: valueState(int64) }`. */
  slots() {
    return {};
  }

  /** The columns of rows beside the result: `{ late: { reason: utf8 } }`. */
  sideOutputs() {
    return {};
  }

  /** The columns of the broadcast table, `{ name: type }`, if there is one. */
  broadcast() {
    return undefined;
  }

  /**
   * A batch, its rows in the order in which they came, and its `Keyed`: an array of `OutputRows`.
   * Throws `RowErrors`: then nothing has changed, and the other rows may come again.
   */
  batchEval(_rows, _keyed) {
    throw new FailedError('`batchEval` is not written');
  }

  /**
   * Timers whose time has come, earliest first: `{ names, at }`. They are gone, unless the call sets
   * them anew.
   */
  onTimers(_timers, _keyed) {
    return [];
  }
}

/**
 * A function of the rows of a key, one behind another:
 *
 * - `state` has what is kept of a key: of `valueState`, `listState` and `mapState`;
 * - `eval(state, call, …arguments)` is called for each row, `onTimer(state, call, timer)` for each timer
 *   whose time has come. Both change `state`, and give rows: nothing, an array or a generator of rows as
 *   those of `table`, or one row as an object of the columns;
 * - `sideOutputs` has the columns of rows beside the result;
 * - `broadcast` has the `columns` of the broadcast table, and `parse(rows)`, which makes `call.broadcast`
 *   of its rows, objects, whenever there are others.
 *
 * A row with NULL for an argument that is not `nullable` is left out. An error that a function throws
 * fails its row, or its timer, and leaves the state as it was.
 */
export function process(definition) {
  const { state = {}, sideOutputs = {}, broadcast, eval: evaluate, onTimer, ...signature } = definition;
  const fields = argumentFields(signature);
  if (fields === undefined || signature.columns === undefined) {
    throw new TypeError('`process` needs `arguments` and `columns`; else write a ProcessFunction');
  }
  if (typeof evaluate !== 'function') throw new TypeError('`process` needs the function `eval`');
  toWireSignature(signature);
  const types = fields.map(({ type }) => type);
  const sides = sideOutputsOf(sideOutputs);
  const parts = { columns: fieldsOf(signature.columns), layout: new Layout(slotsOf(state)), sides };
  const table = broadcast && { columns: fieldsOf(broadcast.columns), parse: broadcast.parse ?? ((rows) => rows) };
  return class extends ProcessFunction {
    static signature = signature;
    #broadcast = { version: undefined, made: undefined };

    slots() {
      return state;
    }

    sideOutputs() {
      return sideOutputs;
    }

    broadcast() {
      return table?.columns;
    }

    batchEval(batch, keyed) {
      const { columns, calls, bad } = readArguments(batch, types);
      bad.check();
      return this.#run(keyed, evaluate, columns, calls);
    }

    onTimers({ names }, keyed) {
      return onTimer === undefined ? [] : this.#run(keyed, onTimer, [names], undefined);
    }

    #run(keyed, call, columns, calls) {
      const made = table && this.#made(keyed);
      return new KeyedBatch(parts, keyed, made).run({ call, columns, calls });
    }

    /** What was made of the broadcast table: anew only where there are other rows. */
    #made(keyed) {
      const version = keyed.broadcastVersion();
      if (this.#broadcast.version !== version) {
        this.#broadcast = { version, made: table.parse(rowsOf(keyed.broadcast(), table.columns)) };
      }
      return this.#broadcast.made;
    }
  };
}

/** Rows as objects, without those that have NULL where it is not `nullable`. */
function rowsOf(batch, fields) {
  const columns = fields.map(({ type }, index) => batch.read(index, type));
  const rows = [];
  for (let row = 0; row < batch.rows; row++) {
    const isLeftOut = fields.some(({ type }, index) => columns[index][row] === null && !takesNull(type));
    if (isLeftOut) continue;
    rows.push(Object.fromEntries(fields.map(({ name }, index) => [name, columns[index][row]])));
  }
  return rows;
}
