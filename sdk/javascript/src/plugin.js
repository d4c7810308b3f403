//! What the component exports: the functions of a plugin, by kind.

import { inComponent } from '#host';
import { Accumulators, AggregateFunction } from './aggregate.js';
import { Batch, Column } from './column.js';
import { OpenContext } from './context.js';
import { FailedError, InvalidError, RowErrors, toWireError } from './errors.js';
import { Keyed, OutputRows } from './keyed.js';
import { installConsole, log } from './log.js';
import { ProcessFunction } from './process.js';
import { ownItems } from './realm.js';
import { batchOfRow, valueOf } from './row.js';
import { ScalarFunction } from './scalar.js';
import { scoped } from './scope.js';
import { toWireSignature } from './signature.js';
import { sideOutputsOf, slotsOf, toWireSlot } from './slot.js';
import { Expansion, TableFunction } from './table.js';
import { field, fieldsOf, toSchema } from './types.js';

/**
 * Gathers functions into the exports of the world `plugin`: what a plugin's file exports as its
 * default. Throws where two are called the same, or one is no function of wasmill.
 */
export function plugin(...functions) {
  const signatures = new Map(functions.map((given) => [given, checkedSignature(given)]));
  const names = new Set();
  for (const given of functions) {
    const { name } = signatures.get(given);
    if (names.has(name)) throw new TypeError(`two functions are called '${name}'`);
    names.add(name);
  }
  const kind = (Kind) => functions.filter((given) => given.prototype instanceof Kind);
  const offered = (of) => () => {
    if (inComponent) installConsole();
    return of.map((given) => signatures.get(given));
  };
  const scalars = kind(ScalarFunction);
  const tables = kind(TableFunction);
  const aggregates = kind(AggregateFunction);
  const processes = kind(ProcessFunction);
  return {
    scalar: { functions: offered(scalars), ScalarFunction: scalarResource(scalars) },
    table: { functions: offered(tables), TableFunction: tableResource(tables) },
    aggregate: {
      functions: offered(aggregates),
      AggregateFunction: aggregateResource(aggregates),
      Accumulators: OpenedAccumulators,
    },
    process: { functions: offered(processes), ProcessFunction: processResource(processes) },
  };
}

function checkedSignature(given) {
  const kinds = [ScalarFunction, TableFunction, AggregateFunction, ProcessFunction];
  if (!kinds.some((Kind) => given?.prototype instanceof Kind)) {
    throw new TypeError(
      '`plugin` takes what `scalar`, `table`, `aggregate` and `process` give, and classes of functions',
    );
  }
  return toWireSignature(given.signature);
}

/** Runs a call of the host; what it throws becomes the contract's error. */
async function answered(call) {
  try {
    return await scoped(call);
  } catch (error) {
    logStack(error);
    throw toWireError(error);
  }
}

function logStack(error) {
  const known = [RowErrors, InvalidError, FailedError].some((Kind) => error instanceof Kind);
  if (!known && error?.stack) log('error', `${error}\n${error.stack}`);
}

/** Opens the function of this name. */
async function opened(functions, name, wire) {
  if (inComponent) installConsole();
  const Function = functions.find(({ signature }) => signature.name === name);
  if (Function === undefined) throw new InvalidError(`this plugin has no function '${name}'`);
  const context = OpenContext.fromWire(wire);
  const opened = new Function();
  await opened.open(context);
  return { opened, context };
}

function expect(value, Kind, what) {
  if (value instanceof Kind) return value;
  throw new FailedError(`what ${what}`);
}

const oneColumn = (type) => toSchema([field('result', type)]);

function scalarResource(functions) {
  return class OpenedScalar {
    static open(name, wire) {
      // Handles that `open` makes live as long as the function.
      return unscoped(async () => {
        const { opened: made, context } = await opened(functions, name, wire);
        return Object.assign(new OpenedScalar(), { made, context, type: made.returns() });
      });
    }

    returns() {
      return oneColumn(this.type);
    }

    eval(row) {
      return answered(async () => {
        const batch = batchOfRow(row, this.context.arguments);
        return valueOf(await this.#column(batch), this.type);
      });
    }

    batchEval(rows) {
      return answered(async () => (await this.#column(borrowed(rows))).give());
    }

    async #column(batch) {
      return expect(await this.made.batchEval(batch), Column, '`batchEval` gave is no Column');
    }
  };
}

function tableResource(functions) {
  return class OpenedTable {
    static open(name, wire) {
      return unscoped(async () => {
        const { opened: made } = await opened(functions, name, wire);
        return Object.assign(new OpenedTable(), { made, columns: fieldsOf(made.returns()) });
      });
    }

    returns() {
      return toSchema(this.columns);
    }

    batchEval(rows) {
      return answered(async () => {
        const given = expect(await this.made.batchEval(borrowed(rows)), Expansion, '`batchEval` gave is no Expansion');
        return { rows: given.rows.give(), counts: given.counts.give() };
      });
    }
  };
}

function aggregateResource(functions) {
  return class OpenedAggregate {
    static open(name, wire) {
      return unscoped(async () => {
        const { opened: made } = await opened(functions, name, wire);
        const parts = { type: made.returns(), fields: fieldsOf(made.state()) };
        return Object.assign(new OpenedAggregate(), { made, ...parts });
      });
    }

    returns() {
      return oneColumn(this.type);
    }

    state() {
      return toSchema(this.fields, { strict: true });
    }

    retracts() {
      return this.made.retracts();
    }

    accumulators() {
      const made = expect(this.made.accumulators(), Accumulators, '`accumulators` gave are no Accumulators');
      return Object.assign(new OpenedAccumulators(), { made });
    }
  };
}

class OpenedAccumulators {
  update(rows, groups, count) {
    return answered(async () => void (await this.made.update(borrowed(rows), ownItems(groups), count)));
  }

  retract(rows, groups) {
    return answered(async () => void (await this.made.retract(borrowed(rows), ownItems(groups))));
  }

  merge(states, groups, count) {
    return answered(async () => void (await this.made.merge(borrowed(states), ownItems(groups), count)));
  }

  state(count) {
    return answered(async () => expect(await this.made.state(count), Batch, '`state` gave is no Batch').give());
  }

  evaluate(count) {
    return answered(async () => expect(await this.made.evaluate(count), Column, '`evaluate` gave is no Column').give());
  }

  forget(count) {
    return answered(async () => void (await this.made.forget(count)));
  }
}

function processResource(functions) {
  return class OpenedProcess {
    static open(name, wire) {
      return unscoped(async () => {
        const { opened: made } = await opened(functions, name, wire);
        const parts = {
          columns: fieldsOf(made.returns()),
          slotsOf: slotsOf(made.slots()),
          sides: sideOutputsOf(made.sideOutputs()),
          table: made.broadcast() && fieldsOf(made.broadcast()),
        };
        return Object.assign(new OpenedProcess(), { made, ...parts });
      });
    }

    returns() {
      return toSchema(this.columns);
    }

    slots() {
      return this.slotsOf.map(toWireSlot);
    }

    sideOutputs() {
      return this.sides.map(([name, fields]) => ({ name, columns: toSchema(fields) }));
    }

    broadcast() {
      return this.table && toSchema(this.table);
    }

    batchEval(rows, keyed) {
      return answered(async () => this.#outputs(await this.made.batchEval(borrowed(rows), this.#keyed(keyed))));
    }

    onTimers(timers, keyed) {
      return answered(async () => {
        const batch = borrowed(timers);
        const due = { names: batch.read(0), at: batch.read(1) };
        return this.#outputs(await this.made.onTimers(due, this.#keyed(keyed)));
      });
    }

    #keyed(handle) {
      return new Keyed(handle, this.slotsOf, this.table);
    }

    #outputs(given) {
      return Array.from(given ?? [], (output) => {
        const { side, rows, origins } = expect(output, OutputRows, 'was given are no OutputRows');
        return { side: this.#place(side), rows: rows.give(), origins: origins.give() };
      });
    }

    #place(side) {
      if (side === undefined) return undefined;
      const place = this.sides.findIndex(([name]) => name === side);
      if (place < 0) throw new FailedError(`the function names no side output '${side}'`);
      return place;
    }
  };
}

async function unscoped(call) {
  try {
    return await call();
  } catch (error) {
    logStack(error);
    throw toWireError(error);
  }
}

/** A batch of the host's: it is the host that gives its handle back. */
const borrowed = (handle) => new Batch(handle).keep();
