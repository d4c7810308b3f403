// Types of a plugin in TypeScript: checked by `npm run check-types`, not run.
import {
  InvalidError,
  RowError,
  ScalarFunction,
  aggregate,
  float64,
  int64,
  list,
  nullable,
  plugin,
  scalar,
  table,
  utf8,
} from 'wasmill-sdk';
import type { Batch, OpenContext, Signature } from 'wasmill-sdk';

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

export default plugin(add, repeat, first, words, mean, Greet);
