//! What a function of `process` may use beside the state of its key.

import { FailedError } from './errors.js';

/**
 * A row, or a timer whose time has come: its time, timers of its key, side outputs, and what was made
 * of the broadcast table. What is done by it counts when the call throws nothing.
 *
 * Times are milliseconds since 1970, as `bigint`.
 */
export class Call {
  #moment;
  #broadcast;
  #sides;
  #timers = new Map();
  #times;
  #now;
  #watermark = [];
  /** The row or timer at hand, and the number of its key. */
  row = 0;
  key = 0;

  /** The call of one row, for tests: `timer` and `given` tell what was done by it. */
  constructor({ time, watermark, now = 0n, broadcast } = {}) {
    this.#moment = {
      times: () => time !== undefined && [time],
      watermark: () => watermark,
      now: () => now,
    };
    this.#broadcast = broadcast;
  }

  /** `sides` gathers the rows of each side output, by its name. */
  static of(keyed, broadcast, sides) {
    const call = new Call({ broadcast });
    call.#moment = keyed;
    call.#sides = sides;
    return call;
  }

  // The host is asked once a batch, where it is asked.

  /** Of the row or of the timer; undefined where the job gives none. */
  get time() {
    this.#times ??= this.#moment.times() || [];
    return this.#times[this.row];
  }

  /** All rows up to this time have come; undefined before the first ones, 2n ** 63n - 1n after the last. */
  get watermark() {
    if (this.#watermark.length === 0) this.#watermark.push(this.#moment.watermark());
    return this.#watermark[0];
  }

  /** The machine's clock as the call began. */
  get now() {
    return (this.#now ??= this.#moment.now());
  }

  /** What the function's `broadcast` made of the rows of the broadcast table that have come. */
  get broadcast() {
    return this.#broadcast;
  }

  /**
   * Has the key's timer of this name fire once the watermark has come to `at`. A key has one timer of
   * a name: it replaces the one before.
   */
  setTimer(name, at) {
    this.#say(name, { clock: 'event', at: timeOf(at) });
  }

  /** The same, by the machine's clock. */
  setProcessingTimer(name, at) {
    this.#say(name, { clock: 'processing', at: timeOf(at) });
  }

  /** Has the key's timer of this name not fire. */
  clearTimer(name) {
    this.#say(name, { clock: undefined, at: undefined });
  }

  /** For when this call has set a timer of the key. */
  timer(name) {
    return this.#timers.get(name)?.get(this.key)?.at;
  }

  /** Gives a row of a side output: an array or an object, of a single column a value. */
  give(sideOutput, row) {
    this.#sides ??= new RowsByName();
    const gathered = this.#sides.get(sideOutput);
    if (gathered === undefined) {
      throw new FailedError(`the function names no side output '${sideOutput}'`);
    }
    gathered.add(this.row, row);
  }

  /** In tests, the rows of a side output that were given. */
  given(sideOutput) {
    return this.#sides?.get(sideOutput).rows ?? [];
  }

  #say(name, said) {
    if (typeof name !== 'string') throw new TypeError(`a timer's name is a string, not ${typeof name}`);
    let ofName = this.#timers.get(name);
    if (ofName === undefined) this.#timers.set(name, (ofName = new Map()));
    // What is said last comes last.
    ofName.delete(this.key);
    ofName.set(this.key, said);
  }

  /** Tells the host of the timers. */
  send(keyed) {
    for (const [name, ofName] of this.#timers) {
      const of = (clock) => {
        const found = Array.from(ofName).filter(([, said]) => said.clock === clock);
        return [found.map(([key]) => key), found.map(([, { at }]) => at)];
      };
      const [event, processing, [cleared]] = [of('event'), of('processing'), of(undefined)];
      if (event[0].length > 0) keyed.setTimers(name, ...event);
      if (processing[0].length > 0) keyed.setProcessingTimers(name, ...processing);
      if (cleared.length > 0) keyed.clearTimers(name, cleared);
    }
  }
}

/** The side outputs of a test: of any name. */
class RowsByName {
  #rows = new Map();

  get(name) {
    if (!this.#rows.has(name)) {
      const rows = [];
      this.#rows.set(name, { rows, add: (_, row) => void rows.push(row) });
    }
    return this.#rows.get(name);
  }
}

function timeOf(at) {
  if (typeof at !== 'bigint') throw new TypeError(`a timer's time is a bigint, not ${typeof at}`);
  if (BigInt.asIntN(64, at) !== at) throw new RangeError(`${at} is no time`);
  return at;
}
