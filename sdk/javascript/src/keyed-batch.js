//! A call of a function of `process`: the state of its keys is read, the function is called row by
//! row, and what has changed is written.

import { Call } from './call.js';
import { BadRows, FailedError, messageOf } from './errors.js';
import { Changes, fieldOf } from './kept.js';
import { Gathered } from './keyed.js';

const LAYOUT = Symbol('layout');

/** Forgets all that is kept of a key: `state` is again what it is at first. */
export function forget(state) {
  Object.assign(state, state[LAYOUT].initial());
}

/** What is kept of a key, each a slot of the host's. */
export class Layout {
  constructor(slots) {
    this.fields = slots.map(fieldOf);
    this.prototype = Object.create(Object.prototype, { [LAYOUT]: { value: this } });
  }

  initial() {
    return Object.fromEntries(this.fields.map((field) => [field.name, field.initial()]));
  }

  /** A state of what `value` gives for each field. It has no other properties. */
  #made(value) {
    const state = Object.create(this.prototype);
    this.fields.forEach((field, index) => (state[field.name] = value(field, index)));
    return Object.seal(state);
  }

  /** What each key has in each slot. */
  read(keyed, keys) {
    return this.fields.map(({ name }) => {
      const values = keyed.read(name).read();
      if (values.length !== keys) throw new FailedError('the host gave a state of another number of keys');
      return values;
    });
  }

  /** A state a key. */
  load(before, keys) {
    return Array.from({ length: keys }, (_, key) =>
      this.#made((field, index) => field.load(before[index][key], key)),
    );
  }

  copy(state) {
    return this.#made((field) => field.copy(state[field.name]));
  }

  /** Throws where a key's state is not of its types. */
  check(before, key, state) {
    this.fields.forEach((field, index) => field.check(before[index], key, state[field.name]));
  }

  /** What has changed, of all keys in their order. */
  changes(before, states) {
    const changes = new Changes();
    this.fields.forEach((field, index) => {
      const had = before[index];
      const of = states.map((state, key) => ({ key, had: had[key], now: state[field.name] }));
      field.addChanges(of, changes);
    });
    return changes;
  }
}

/** A call of the host: `run` gives its `OutputRows`. */
export class KeyedBatch {
  #parts;
  #keyed;
  #broadcast;
  #numbers;
  #keys;
  #before;

  constructor(parts, keyed, broadcast) {
    this.#parts = parts;
    this.#keyed = keyed;
    this.#broadcast = broadcast;
    this.#numbers = keyed.numbers();
    this.#keys = keyed.keys().rows;
    this.#before = parts.layout.read(keyed, this.#keys);
  }

  run(step) {
    try {
      return this.#attempt(step);
    } catch (error) {
      // Throws what is no fault of a row.
      new BadRows().add(0, error);
    }
    return this.#carefully(step);
  }

  #start({ call, columns }) {
    const { layout, sides, columns: fields } = this.#parts;
    const gathered = new Gathered(fields, this.#numbers.length);
    const bySide = new Map(sides.map(([name, fields]) => [name, new Gathered(fields)]));
    const context = Call.of(this.#keyed, this.#broadcast, bySide);
    const states = layout.load(this.#before, this.#keys);
    return { states, context, gathered, bySide, of: stateCaller(columns, call, context) };
  }

  /** All rows; throws the first error. */
  #attempt(step) {
    const numbers = this.#numbers;
    const started = this.#start(step);
    const { states, context, gathered, of } = started;
    for (let row = 0; row < numbers.length; row++) {
      if (step.calls !== undefined && step.calls[row] === 0) continue;
      const key = numbers[row];
      context.row = row;
      context.key = key;
      addRows(gathered, row, of(states[key], row));
    }
    return this.#finish(started);
  }

  /**
   * All rows once more, from the start: what failed leaves the state as it was, as when the host calls
   * again without these rows, so that all that fail are found.
   */
  #carefully(step) {
    const { layout } = this.#parts;
    const numbers = this.#numbers;
    const bad = new BadRows();
    const started = this.#start(step);
    const { states, context, gathered, of } = started;
    for (let row = 0; row < numbers.length; row++) {
      if (step.calls !== undefined && step.calls[row] === 0) continue;
      const key = numbers[row];
      context.row = row;
      context.key = key;
      const saved = layout.copy(states[key]);
      try {
        addRows(gathered, row, of(states[key], row));
        layout.check(this.#before, key, states[key]);
      } catch (error) {
        bad.add(row, error);
        states[key] = saved;
      }
    }
    bad.check();
    try {
      return this.#finish(started);
    } catch (error) {
      throw new FailedError(messageOf(error));
    }
  }

  /** Hands over what has changed, once all of it was made into columns. */
  #finish({ states, context, gathered, bySide }) {
    const changes = this.#parts.layout.changes(this.#before, states);
    const given = [[undefined, gathered], ...bySide].filter(([, { origins }]) => origins.length > 0);
    const outputs = given.map(([side, rows]) => rows.output(side));
    changes.send(this.#keyed);
    context.send(this.#keyed);
    return outputs;
  }
}

/** Adds the rows that a function gave. */
function addRows(gathered, row, given) {
  if (given === undefined || given === null) return;
  if (typeof given[Symbol.iterator] === 'function' && typeof given !== 'string') {
    for (const one of given) gathered.add(row, one);
  } else if (typeof given === 'object') gathered.addObject(row, given);
  else throw new TypeError('a process function gives an array or a generator of rows, or an object');
}

/** A function of a state and of rows instead of values. */
function stateCaller(columns, call, context) {
  const [a, b, c] = columns;
  switch (columns.length) {
    case 0:
      return (state) => call(state, context);
    case 1:
      return (state, row) => call(state, context, a[row]);
    case 2:
      return (state, row) => call(state, context, a[row], b[row]);
    case 3:
      return (state, row) => call(state, context, a[row], b[row], c[row]);
    default:
      return (state, row) => call(state, context, ...columns.map((column) => column[row]));
  }
}
