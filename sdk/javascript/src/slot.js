//! What a process function keeps of each key, as it says so itself.

import { field, fieldsOf, list, struct, toSchema } from './types.js';

const UNITS = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

// -0 is not 0 to the host; objects are no keys in JavaScript, unless they are the same one.
const NO_KEYS = ['float32', 'float64', 'binary', 'list', 'fixed-size-list', 'struct'];

/** A slot of the host's: `kind` is `value`, `list` or `map`. */
class Slot {
  constructor(kind, columns, { ttl, initial } = {}) {
    this.kind = kind;
    this.columns = columns;
    this.ttl = milliseconds(ttl);
    this.initial = initial;
    Object.freeze(this);
  }

  /** The type of what a key has in it: a value, a list, or a list of structs of `key` and `value`. */
  get type() {
    const [{ type }] = this.columns;
    if (this.kind === 'value') return type;
    return list(this.kind === 'list' ? type : struct(this.columns));
  }
}

/**
 * One value of each key: `initial`, by default `null`, where nothing is kept. `ttl` is a text such as
 * `1 h`, or milliseconds, after which what was written is gone, by the machine's clock.
 */
export function valueState(type, options = {}) {
  return new Slot('value', [field('value', present(type))], options);
}

/** Any number of items of each key, in the order in which they were appended. */
export function listState(item, { ttl } = {}) {
  return new Slot('list', [field('item', item)], { ttl });
}

/** Any number of entries of each key, by keys of their own, which are never NULL. */
export function mapState(key, value, { ttl } = {}) {
  if (NO_KEYS.includes(key?.tag)) throw new TypeError(`a ${key.tag} is no key of a map`);
  return new Slot('map', [field('key', { ...key, nullable: false }), field('value', present(value))], { ttl });
}

/** A host may have NULL for any value. */
const present = (type) => ({ ...type, nullable: undefined });

function milliseconds(ttl) {
  if (ttl === undefined) return undefined;
  const [, digits, unit] = /^\s*(\d+)\s*(ms|s|min|h|d)\s*$/.exec(ttl) ?? [];
  const number = typeof ttl === 'number' ? ttl : Number(digits) * UNITS[unit];
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new TypeError(`a ttl is a whole number of ms, s, min, h or d, as '1 h': not '${ttl}'`);
}

/** `{ count: valueState(int64) }` as pairs of name and slot. */
export function slotsOf(named) {
  const slots = Object.entries(named);
  for (const [name, slot] of slots) {
    if (slot instanceof Slot) continue;
    throw new TypeError(`'${name}' is no valueState, listState or mapState`);
  }
  return slots;
}

/** A slot as the contract has it. */
export function toWireSlot([name, { kind, columns, ttl }]) {
  return { name, kind, columns: toSchema(columns), ttl: ttl === undefined ? undefined : BigInt(ttl) };
}

/** `{ late: { reason: utf8 } }` as pairs of name and fields. */
export const sideOutputsOf = (named) => Object.entries(named).map(([name, columns]) => [name, fieldsOf(columns)]);
