//! Functions of the rows of a group in, one value out.

import { builder } from './build.js';
import { Batch, Column } from './column.js';
import { FailedError } from './errors.js';
import { readArguments } from './evaluate.js';
import { argumentFields, resultFields, toWireSignature } from './signature.js';
import { fieldsOf, takesNull } from './types.js';
import { copy } from './values.js';

/**
 * The rows of a group in, one value out. `aggregate` makes one of plain functions. Written by hand,
 * it says what its state is, and makes `Accumulators` for many groups at once.
 */
export class AggregateFunction {
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

  /** The columns of a group's state, `{ name: type }`: at least one. Only `nullable` ones hold NULL. */
  state() {
    throw new FailedError('`state` is not written');
  }

  /** Whether `Accumulators.retract` works. Where it does not, the host adds up anew. */
  retracts() {
    return false;
  }

  /** `Accumulators` without groups. Several may live at once. */
  accumulators() {
    throw new FailedError('`accumulators` is not written');
  }
}

/** Groups, numbered from 0. A call that throws `RowErrors` has added none of its rows. */
export class Accumulators {
  /**
   * Adds each row of a batch to the group whose number `groups`, a `Uint32Array`, has for it. There
   * are `count` groups from then on; those that are new are empty.
   */
  update(_rows, _groups, _count) {
    throw new FailedError('`update` is not written');
  }

  /** Takes back rows that were added. */
  retract(_rows, _groups) {
    throw new FailedError('this function does not retract');
  }

  /** Adds what other accumulators gave as their `state`, as `update` adds rows. */
  merge(_states, _groups, _count) {
    throw new FailedError('`merge` is not written');
  }

  /** A `Batch` of the first `count` groups, one row a group. */
  state(_count) {
    throw new FailedError('`state` is not written');
  }

  /** A `Column` of the first `count` groups, one value a group. The groups stay as they are. */
  evaluate(_count) {
    throw new FailedError('`evaluate` is not written');
  }

  /** Forgets the first `count` groups; the others are numbered from 0 again. */
  forget(_count) {
    throw new FailedError('`forget` is not written');
  }
}

/**
 * An aggregate of plain functions. The state of a group is an object with a property a column:
 *
 * - `create()` makes the state of an empty group;
 * - `update(state, …arguments)` adds a row, `retract(state, …arguments)`, where there is one, takes it back;
 * - `merge(state, other)` adds another state;
 * - `evaluate(state)` gives the result.
 *
 * All but `create` and `evaluate` change `state`. A row with NULL for an argument that is not
 * `nullable` is left out; an error that the function throws fails its row.
 */
export function aggregate(definition) {
  const { state, create, update, retract, merge, evaluate, ...signature } = definition;
  const fields = argumentFields(signature);
  if (fields === undefined || signature.returns === undefined || state === undefined) {
    throw new TypeError('`aggregate` needs `arguments`, `state` and `returns`; else write an AggregateFunction');
  }
  for (const [name, call] of Object.entries({ create, update, merge, evaluate })) {
    if (typeof call !== 'function') throw new TypeError(`\`aggregate\` needs the function \`${name}\``);
  }
  toWireSignature(signature);
  const parts = {
    ...{ create, update, retract, merge, evaluate },
    types: fields.map(({ type }) => type),
    state: fieldsOf(state),
    returns: signature.returns,
  };
  return class extends AggregateFunction {
    static signature = signature;

    state() {
      return parts.state;
    }

    retracts() {
      return retract !== undefined;
    }

    accumulators() {
      return new Groups(parts);
    }
  };
}

/** Accumulators with an object a group. */
class Groups extends Accumulators {
  #parts;
  #states = [];

  constructor(parts) {
    super();
    this.#parts = parts;
  }

  update(batch, groups, count) {
    this.#reach(count);
    this.#add(batch, groups, this.#parts.update);
  }

  retract(batch, groups) {
    if (this.#parts.retract === undefined) return super.retract(batch, groups);
    this.#add(batch, groups, this.#parts.retract);
  }

  merge(batch, groups, count) {
    this.#reach(count);
    const { state, merge } = this.#parts;
    const columns = state.map(({ type }, index) => batch.read(index, type));
    const given = (row) =>
      Object.fromEntries(state.map(({ name }, index) => [name, columns[index][row]]));
    for (let row = 0; row < groups.length; row++) merge(this.#states[groups[row]], given(row));
  }

  state(count) {
    this.#reach(count);
    const { state } = this.#parts;
    const columns = state.map(({ name, type }) => {
      const built = builder({ ...type, nullable: takesNull(type) }, count);
      for (let group = 0; group < count; group++) built.push(this.#states[group][name]);
      return Column.fromBuilder(built);
    });
    return Batch.of(state, columns, count, { strict: true });
  }

  evaluate(count) {
    this.#reach(count);
    const { returns, evaluate } = this.#parts;
    const built = builder(returns, count);
    for (let group = 0; group < count; group++) built.push(evaluate(this.#states[group]));
    return Column.fromBuilder(built);
  }

  forget(count) {
    this.#states.splice(0, count);
  }

  #reach(count) {
    while (this.#states.length < count) this.#states.push(this.#parts.create());
  }

  /** Adds, or takes back, all rows; where one fails, the states are again what they were. */
  #add(batch, groups, call) {
    const { columns, rows, calls, bad } = readArguments(batch, this.#parts.types);
    const states = this.#states;
    const of = stateCaller(columns, call);
    const before = [];
    for (let row = 0; row < rows; row++) {
      if (calls !== undefined && calls[row] === 0) continue;
      const group = groups[row];
      if (before[group] === undefined) before[group] = copy(states[group]);
      try {
        of(states[group], row);
      } catch (error) {
        bad.add(row, error);
      }
    }
    if (bad.rows.length > 0) before.forEach((state, group) => (states[group] = state));
    bad.check();
  }
}

/** A function of a state and of rows instead of values. */
function stateCaller(columns, call) {
  const [a, b] = columns;
  switch (columns.length) {
    case 1:
      return (state, row) => call(state, a[row]);
    case 2:
      return (state, row) => call(state, a[row], b[row]);
    default:
      return (state, row) => call(state, ...columns.map((column) => column[row]));
  }
}
