import assert from 'node:assert/strict';
import test from 'node:test';
import { aggregate, float64, int64, list, nullable, plugin, utf8 } from 'wasmill-sdk';
import { fieldsOf, toSchema } from '../src/types.js';
import example from '../example/plugin.js';
import { batch, open, rowsOf, values } from './calls.js';

const groups = (...numbers) => Uint32Array.from(numbers);
const rows = (...numbers) => batch({ value: [float64, numbers] });

async function mean() {
  return open(example.aggregate.AggregateFunction, 'mean', { arguments: { value: float64 } });
}

test('a mean of groups: added, taken back, merged, forgotten', async () => {
  const opened = await mean();
  assert.deepEqual(opened.state(), toSchema(fieldsOf({ sum: float64, count: int64 }), { strict: true }));
  assert.deepEqual(opened.state().fields.map(({ nullable }) => nullable), [false, false]);
  assert.equal(opened.retracts(), true);
  const made = opened.accumulators();
  assert.ok(made instanceof example.aggregate.Accumulators);
  await made.update(rows(1, null, 3, 10), groups(0, 0, 0, 2), 4);
  assert.deepEqual(values(await made.evaluate(4), float64), [2, null, 10, null]);
  assert.deepEqual(rowsOf(await made.state(3)), [[4, 2n], [0, 0n], [10, 1n]]);
  await made.retract(rows(3), groups(0));
  assert.deepEqual(values(await made.evaluate(1), float64), [1]);

  const other = opened.accumulators();
  await other.merge(await made.state(3), groups(1, 1, 0), 2);
  assert.deepEqual(values(await other.evaluate(2), float64), [10, 1]);
  await made.forget(2);
  assert.deepEqual(values(await made.evaluate(1), float64), [10]);
  await made.forget(2);
  assert.deepEqual(values(await made.evaluate(0), float64), []);
});

test('a call with bad rows adds none of its rows', async () => {
  const texts = aggregate({
    name: 'texts',
    arguments: { text: utf8 },
    state: { texts: list(utf8), last: nullable(utf8) },
    returns: utf8,
    create: () => ({ texts: [], last: null }),
    update(state, text) {
      state.texts.push(text);
      state.last = text;
      if (text === 'bad') throw new Error('this text is bad');
    },
    merge(state, other) {
      state.texts.push(...other.texts);
      state.last = other.last ?? state.last;
    },
    evaluate: ({ texts }) => texts.join(),
  });
  const opened = await open(plugin(texts).aggregate.AggregateFunction, 'texts');
  assert.equal(opened.retracts(), false);
  const made = opened.accumulators();
  const given = (...texts) => batch({ text: [utf8, texts] });
  await made.update(given('a'), groups(0), 1);
  await assert.rejects(made.update(given('b', 'bad', 'bad'), groups(0, 1, 0), 2), {
    tag: 'rows',
    val: [
      { row: 1, message: 'this text is bad' },
      { row: 2, message: 'this text is bad' },
    ],
  });
  assert.deepEqual(values(await made.evaluate(2), utf8), ['a', '']);
  const other = opened.accumulators();
  await other.merge(await made.state(2), groups(0, 0), 1);
  assert.deepEqual(rowsOf(await other.state(1)), [[['a'], 'a']]);
  await assert.rejects(made.retract(given('a'), groups(0)), {
    tag: 'failed',
    val: 'this function does not retract',
  });
});

test('an aggregate without one of its functions is refused', () => {
  assert.throws(
    () => aggregate({ name: 'x', arguments: {}, state: { n: int64 }, returns: int64, create: () => ({ n: 0n }) }),
    { message: '`aggregate` needs the function `update`' },
  );
});
