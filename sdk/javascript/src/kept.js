//! The state of a key in `process`: what is read of each slot, and what of it has changed.
//
// A slot is read once a batch. `before` has what each key had in it, a row a key, and stays as it is;
// a key's state has copies of what can be changed.

import { builder } from './build.js';
import { Column } from './column.js';
import { Keyed } from './keyed.js';
import { copy, isMutable, owned, sameness } from './values.js';

/** What a call changes: handed over once all of it could be made into columns. */
export class Changes {
  #made = [];

  /** `columns` are pairs of a type and values. */
  add(method, slot, keys, ...columns) {
    if (keys.length === 0) return;
    const builders = columns.map(([type, values]) => built(slot, type, values));
    this.#made.push({ method, slot, keys, builders });
  }

  send(keyed) {
    for (const { method, slot, keys, builders } of this.#made) {
      method.call(keyed, slot, keys, ...builders.map((built) => Column.fromBuilder(built)));
    }
  }
}

function built(slot, type, values) {
  const made = builder(type, values.length);
  try {
    for (const value of values) made.push(value);
  } catch (error) {
    throw new TypeError(`the state '${slot}': ${error.message}`);
  }
  return made;
}

/** A field of a state: the slot's kind. */
export function fieldOf([name, slot], place) {
  return new { value: ValueField, list: ListField, map: MapField }[slot.kind](name, slot, place);
}

class Field {
  constructor(name, slot, place) {
    this.name = name;
    this.place = place;
    this.type = slot.type;
  }

  /** Throws where what a key has now is not of its type. */
  check(before, key, now) {
    this.addChanges([{ key, had: before[key], now }], new Changes());
  }
}

/** One value. Where it is the initial one nothing is kept of it. */
class ValueField extends Field {
  constructor(name, slot, place) {
    super(name, slot, place);
    this.first = slot.initial ?? null;
    this.isMutable = isMutable(this.type);
    this.own = owned(this.type);
    this.same = sameness(this.type);
    if (this.first !== null) built(name, this.type, [this.first]);
  }

  initial() {
    return this.copy(this.first);
  }

  load(had) {
    return this.own(had === null ? this.first : had);
  }

  copy(value) {
    return this.isMutable ? copy(value) : value;
  }

  addChanges(states, changes) {
    const { first, same } = this;
    const [keys, values] = [[], []];
    for (const { key, had, now } of states) {
      const isNothing = now === null || now === undefined || (first !== null && same(now, first));
      if (isNothing ? had === null : had !== null && same(now, had)) continue;
      keys.push(key);
      values.push(isNothing ? null : now);
    }
    changes.add(Keyed.prototype.write, this.name, keys, [this.type, values]);
  }
}

/** Any number of items: an array. */
class ListField extends Field {
  constructor(name, slot, place) {
    super(name, slot, place);
    this.item = this.type.item.type;
    this.own = owned(this.item);
    const same = sameness(this.item);
    this.same = (a, b) => Object.is(a, b) || (isValue(a) && isValue(b) && same(a, b));
  }

  initial() {
    return [];
  }

  load(had) {
    return Array.from(had ?? [], (item) => this.own(item));
  }

  copy(items) {
    return items && Array.from(items, (item) => copy(item));
  }

  addChanges(states, changes) {
    const [keys, written, to, appended] = [[], [], [], []];
    for (const { key, had, now } of states) {
      const items = Array.isArray(now) ? now : Array.from(now ?? []);
      if (this.#isKept(had ?? [], items)) {
        for (let index = had?.length ?? 0; index < items.length; index++) {
          to.push(key);
          appended.push(items[index]);
        }
      } else {
        keys.push(key);
        written.push(items);
      }
    }
    changes.add(Keyed.prototype.write, this.name, keys, [this.type, written]);
    changes.add(Keyed.prototype.append, this.name, to, [this.item, appended]);
  }

  /** Whether all that was there is there, in front of what was appended. */
  #isKept(had, items) {
    if (items.length < had.length) return false;
    for (let index = 0; index < had.length; index++) {
      if (!this.same(items[index], had[index])) return false;
    }
    return true;
  }
}

const isValue = (value) => value !== null && value !== undefined;

/** A `Map` that knows which entries were put or removed. One that is put as `null` is removed. */
class StateMap extends Map {
  #touched = new Set();
  #of;

  /** The entries that a key has in a slot. */
  static loaded(pairs, of) {
    const map = new StateMap();
    map.#of = of;
    for (const [key, value] of pairs) Map.prototype.set.call(map, key, value);
    return map;
  }

  /** The entries that were put or removed since they were read from there; undefined for other ones. */
  touched(of) {
    return this.#of === of ? this.#touched : undefined;
  }

  set(key, value) {
    this.#touched.add(key);
    if (isValue(value)) super.set(key, value);
    else super.delete(key);
    return this;
  }

  delete(key) {
    if (!super.delete(key)) return false;
    this.#touched.add(key);
    return true;
  }

  clear() {
    super.clear();
    this.#touched.clear();
    this.#of = undefined;
  }

  copied(value) {
    const map = StateMap.loaded([], this.#of);
    for (const [key, of] of this) Map.prototype.set.call(map, key, value(of));
    for (const key of this.#touched) map.#touched.add(key);
    return map;
  }
}

/** Any number of entries: a `Map`. */
class MapField extends Field {
  constructor(name, slot, place) {
    super(name, slot, place);
    [this.key, this.value] = this.type.item.type.fields.map(({ type }) => type);
    this.isMutable = isMutable(this.value);
    this.own = owned(this.value);
    this.same = sameness(this.value);
  }

  initial() {
    return new StateMap();
  }

  load(had, key) {
    const pairs = (had ?? []).map(({ key, value }) => [key, this.own(value)]);
    return StateMap.loaded(pairs, this.#of(key));
  }

  /** Where a map is: of a slot, and of a key. */
  #of(key) {
    return `${this.place}/${key}`;
  }

  #copied(value) {
    return this.isMutable ? copy(value) : value;
  }

  copy(map) {
    if (map instanceof StateMap) return map.copied((value) => this.#copied(value));
    return map && new Map(Array.from(map, ([key, value]) => [key, this.#copied(value)]));
  }

  addChanges(states, changes) {
    const [keys, written, to, put, values] = [[], [], [], [], []];
    for (const { key, had, now } of states) {
      const map = now ?? new Map();
      if (!(map instanceof Map)) throw new TypeError(`the state '${this.name}' is no Map`);
      const touched = this.#touched(map, key, had ?? []);
      if (touched === undefined) {
        keys.push(key);
        written.push(Array.from(map, ([key, value]) => ({ key, value })).filter(({ value }) => isValue(value)));
        continue;
      }
      for (const entry of touched) {
        to.push(key);
        put.push(entry);
        values.push(map.get(entry));
      }
    }
    changes.add(Keyed.prototype.write, this.name, keys, [this.type, written]);
    changes.add(Keyed.prototype.put, this.name, to, [this.key, put], [this.value, values]);
  }

  /** The keys of entries to put; undefined where all are to be written. */
  #touched(map, key, had) {
    const touched = map instanceof StateMap ? map.touched(this.#of(key)) : undefined;
    if (touched === undefined) {
      // What came from elsewhere is put as a whole.
      return had.length > 0 ? undefined : Array.from(map.keys()).filter((entry) => isValue(map.get(entry)));
    }
    if (!this.isMutable) return touched;
    // Values that were changed where they are.
    const isChanged = ({ key, value }) => !touched.has(key) && map.has(key) && !this.same(map.get(key), value);
    return [...touched, ...had.filter(isChanged).map(({ key }) => key)];
  }
}
