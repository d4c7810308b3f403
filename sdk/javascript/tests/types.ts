// Types of a plugin in TypeScript: checked by `npm run check-types`, not run.
import {
  InvalidError,
  OutputRows,
  ProcessFunction,
  RowError,
  ScalarFunction,
  aggregate,
  float64,
  forget,
  int64,
  list,
  listState,
  mapState,
  nullable,
  plugin,
  process,
  scalar,
  table,
  utf8,
  valueState,
} from 'wasmill-sdk';
import type { Batch, Keyed, OpenContext, Signature } from 'wasmill-sdk';

const add = scalar({ name: 'add', arguments: { a: int64, b: int64 }, returns: int64 }, (a, b) => {
  if (a > 5n) throw new RowError('above 5');
  return a + b;
});

const repeat = scalar(
  { name: 'repeat', arguments: { text: utf8, times: int64 }, returns: utf8 },
  (text: string, times: bigint) => text.repeat(Number(times)),
);

const first = scalar(
  { name: 'first', arguments: { values: list(nullable(float64)) }, returns: float64 },
  (values) => values[0],
);

// @ts-expect-error int64 is a bigint
scalar({ name: 'wrong', arguments: { a: int64 }, returns: int64 }, (a) => Number(a));

// @ts-expect-error an argument of int64 is no number
scalar({ name: 'wrong', arguments: { a: int64 }, returns: utf8 }, (a: number) => String(a));

const words = table(
  { name: 'words', arguments: { text: utf8 }, columns: { word: utf8, place: int64 } },
  function* (text) {
    let place = 0n;
    for (const word of text.split(' ')) yield { word, place: ++place };
  },
);

const mean = aggregate({
  name: 'mean',
  arguments: { value: float64 },
  state: { sum: float64, count: int64 },
  returns: float64,
  create: () => ({ sum: 0, count: 0n }),
  update(state, value) {
    state.sum += value;
    state.count += 1n;
  },
  merge(state, other) {
    state.sum += other.sum;
    state.count += other.count;
  },
  evaluate: ({ sum, count }) => (count === 0n ? null : sum / Number(count)),
});

class Greet extends ScalarFunction {
  static signature: Signature = {
    name: 'greet',
    arguments: { name: utf8 },
    returns: utf8,
    parameters: { greeting: { default: 'Hello' } },
  };

  #greeting = '';

  open(context: OpenContext) {
    this.#greeting = context.required('greeting');
    if (this.#greeting === '') throw new InvalidError('empty');
  }

  batchEval(rows: Batch) {
    return rows.map(utf8, (name: string) => `${this.#greeting}, ${name}!`);
  }
}

const visits = process({
  name: 'visits',
  arguments: { page: utf8 },
  columns: { event: utf8, count: int64 },
  state: {
    count: valueState(int64, { initial: 0n }),
    last: valueState(int64),
    pages: mapState(utf8, int64, { ttl: '1 h' }),
    recent: listState(utf8),
  },
  sideOutputs: { late: { page: utf8 } },
  broadcast: {
    columns: { name: utf8, most: int64 },
    parse: (rows) => new Map(rows.map(({ name, most }) => [name, most])),
  },
  eval(state, call, page) {
    state.count += 1n;
    state.last = call.time ?? null;
    state.recent.push(page);
    state.pages.set(page, (state.pages.get(page) ?? 0n) + 1n);
    if (state.last === null) call.give('late', page);
    else call.setTimer('idle', state.last + 600_000n);
    const most: bigint | undefined = call.broadcast.get(page);
    return most !== undefined && state.count > most ? [{ event: page, count: state.count }] : [];
  },
  onTimer(state, _call, timer) {
    const row = { event: timer, count: state.count };
    forget(state);
    return row;
  },
});

process({
  name: 'wrong',
  arguments: { page: utf8 },
  columns: { count: int64 },
  state: { count: valueState(int64, { initial: 0n }) },
  eval(state, call, page) {
    // @ts-expect-error int64 is a bigint
    state.count += 1;
    // @ts-expect-error there is no such slot
    state.other = page;
    // @ts-expect-error there is no such side output
    call.give('late', page);
    // @ts-expect-error a time is a bigint
    call.setTimer('idle', 1);
  },
});

class Lookup extends ProcessFunction {
  static signature = { name: 'lookup', arguments: { name: utf8, value: int64 }, columns: { before: int64 } };

  slots() {
    return { entries: mapState(utf8, int64) };
  }

  batchEval(rows: Batch, keyed: Keyed) {
    const before = keyed.lookup('entries', keyed.numbers(), rows.column(0)).read();
    keyed.put('entries', keyed.numbers(), rows.column(0), rows.column(1));
    return [OutputRows.collect({ before: int64 }, Array.from(before, (value, row) => [row, value]))];
  }
}

export default plugin(add, repeat, first, words, mean, Greet, visits, Lookup);
