import assert from 'node:assert/strict';
import test from 'node:test';
import { held } from '#host';
import {
  Call,
  binary,
  float64,
  forget,
  int32,
  int64,
  int8,
  list,
  listState,
  mapState,
  nullable,
  plugin,
  process,
  utf8,
  valueState,
} from 'wasmill-sdk';
import { fromSchema } from '../src/types.js';
import example from '../example/plugin.js';
import { Host } from './keyed-host.js';

const rowsError = (...rows) => ({ tag: 'rows', val: rows.map(([row, message]) => ({ row, message })) });
const failed = (val) => ({ tag: 'failed', val });

const values = process({
  name: 'values',
  arguments: { x: int32 },
  columns: { count: int32, last: int32 },
  state: {
    count: valueState(int32, { initial: 0 }),
    ratio: valueState(float64, { initial: 0 }),
    last: valueState(int32),
    pair: valueState(list(int32), { initial: [1] }),
    small: valueState(int8, { initial: 0 }),
  },
  *eval(state, _call, x) {
    state.count += x;
    if (state.count > 100) throw new Error(`${state.count} is too much`);
    yield [state.count, state.last];
    if (x === 5) {
      state.ratio = -0;
      state.pair.push(x);
    }
    if (x === 6) state.small = 128;
    if (x === 7) state.other = 1;
    if (x === 9) forget(state);
  },
});

const changes = {
  append: (state) => state.items.push('a', 'b'),
  insert: (state) => state.items.unshift('first'),
  put(state) {
    state.seen.set('x', 1n).set('y', 2n).set('z', null);
    state.nested.set(1, [1]);
  },
  touch: (state) => state.seen.set('x', 1n),
  change: (state) => state.nested.set(1, state.nested.get(1)) && state.nested.get(1).push(2),
  inside: (state) => state.nested.get(1).push(3),
  remove(state) {
    state.seen.delete('x');
    state.items.pop();
  },
  replace(state) {
    state.seen = new Map([['new', 3n]]);
    state.items = ['only'];
  },
  clear(state) {
    state.seen.clear();
    state.seen.set('again', 4n);
  },
  forget,
  nothing() {},
};

const many = process({
  name: 'many',
  arguments: { what: utf8 },
  columns: { size: int32 },
  state: { items: listState(utf8), seen: mapState(utf8, int64, { ttl: '1 h' }), nested: mapState(int32, list(int32)) },
  eval(state, _call, what) {
    changes[what](state);
    return [state.items.length, state.seen.size];
  },
});

const sides = process({
  name: 'sides',
  arguments: { text: utf8, n: int32 },
  columns: { n: int32 },
  sideOutputs: { few: { text: utf8, n: int32 }, many: { n: int8 } },
  eval(_state, call, text, n) {
    call.give('many', n);
    call.give('few', { text, n: 10 * n });
    if (text === 'other') call.give('other', n);
    return Array.from({ length: n - 1 }, (_, index) => index + 1);
  },
});

const clocks = process({
  name: 'clocks',
  arguments: { what: utf8 },
  columns: { watermark: int64 },
  eval(_state, call, what) {
    if (what === 'set') call.setTimer('t', call.time);
    if (what === 'clear') call.clearTimer('t');
    if (what === 'now') call.setProcessingTimer('u', call.now);
    if (what === 'far') call.setTimer('t', 2n ** 63n);
    return call.watermark === undefined ? null : [call.watermark];
  },
});

const all = plugin(values, many, sides, clocks);
const openValues = () => Host.open(all, 'values', { x: int32 });

test('a value that has changed is written', async () => {
  const host = await openValues();
  const given = await host.rows(['a', 'b', 'a', 'b'], { x: [1, 2, 3, null] });
  assert.deepEqual(given, { result: [[0, 1, null], [1, 2, null], [2, 4, null]] });
  assert.deepEqual(host.handed, [['write', 0, [[0, 4], [1, 2]]]]);
  await host.rows(['a', 'b'], { x: [0, -2] });
  assert.deepEqual(host.handed, [['write', 0, [[1, null]]]]);
  assert.deepEqual(await host.rows(['b'], { x: [0] }), { result: [[0, 0, null]] });
  assert.deepEqual(host.handed, []);
});

test('what is the same to the bit is not written', async () => {
  const host = await openValues();
  await host.rows(['a'], { x: [5] });
  assert.deepEqual(host.handed.slice(1), [['write', 1, [[0, -0]]], ['write', 3, [[0, [1, 5]]]]]);
  await host.rows(['a', 'a'], { x: [-5, 0] });
  assert.deepEqual(host.handed, [['write', 0, [[0, null]]]]);
  await host.rows(['a'], { x: [9] });
  assert.deepEqual(host.handed, [['write', 1, [[0, null]]], ['write', 3, [[0, null]]]]);
});

test('of lists and maps what is appended, put or replaced is handed over', async () => {
  const host = await Host.open(all, 'many', { what: utf8 });
  await host.rows(['a', 'b', 'a'], { what: ['append', 'append', 'put'] });
  assert.deepEqual(host.handed, [
    ['append', 0, [[0, 'a'], [0, 'b'], [1, 'a'], [1, 'b']]],
    ['put', 1, [[0, 'x', 1n], [0, 'y', 2n], [0, 'z', null]]],
    ['put', 2, [[0, 1, [1]]]],
  ]);
  const cases = {
    nothing: [],
    touch: [['put', 1, [[0, 'x', 1n]]]],
    change: [['put', 2, [[0, 1, [1, 2]]]]],
    inside: [['put', 2, [[0, 1, [1, 2, 3]]]]],
    append: [['append', 0, [[0, 'a'], [0, 'b']]]],
    remove: [['write', 0, [[0, ['a', 'b', 'a']]]], ['put', 1, [[0, 'x', null]]]],
    insert: [['write', 0, [[0, ['first', 'a', 'b', 'a']]]]],
    replace: [['write', 0, [[0, ['only']]]], ['write', 1, [[0, [{ key: 'new', value: 3n }]]]]],
    clear: [['write', 1, [[0, [{ key: 'again', value: 4n }]]]]],
    forget: [['write', 0, [[0, []]]], ['write', 1, [[0, []]]], ['write', 2, [[0, []]]]],
  };
  for (const [what, handed] of Object.entries(cases)) {
    await host.rows(['a'], { what: [what] });
    assert.deepEqual(host.handed, handed, what);
  }
  await host.rows(['a'], { what: ['replace'] });
  assert.deepEqual(host.handed, [['append', 0, [[0, 'only']]], ['put', 1, [[0, 'new', 3n]]]]);
  assert.deepEqual(host.state[0].get('b'), ['a', 'b']);
});

test('slots are declared', async () => {
  const { slots } = await Host.open(all, 'many', { what: utf8 });
  assert.deepEqual(slots.map(({ name, kind, ttl }) => [name, kind, ttl]), [
    ['items', 'list', undefined],
    ['seen', 'map', 3_600_000n],
    ['nested', 'map', undefined],
  ]);
  assert.deepEqual(slots[1].columns.fields.map(({ nullable }) => nullable), [false, true]);
  assert.deepEqual(fromSchema(slots[0].columns)[0].name, 'item');
  assert.throws(() => valueState(int64, { ttl: '1 week' }), { message: /a ttl is a whole number of ms/ });
  for (const type of [float64, binary, list(int32)]) assert.throws(() => mapState(type, int64), TypeError);
});

test('all rows that fail are told and leave no trace', async () => {
  const host = await openValues();
  // 1 + 90 is right, without the 100.
  const expected = rowsError([1, '101 is too much'], [3, '191 is too much']);
  await assert.rejects(host.rows(['a', 'a', 'a', 'a'], { x: [1, 100, 90, 100] }), expected);
  assert.equal(host.state[0].size, 0);
  assert.deepEqual(host.handed, []);
  const small = rowsError([1, "the state 'small': 128 is no int8"]);
  await assert.rejects(host.rows(['a', 'b'], { x: [1, 6] }), small);
  await assert.rejects(host.rows(['a'], { x: [7] }), { tag: 'rows' });
});

test('rows go where they should, with what they come of', async () => {
  const host = await Host.open(all, 'sides', { text: utf8, n: int32 });
  const given = await host.rows(['a', 'b', 'b'], { text: ['a', 'b', 'c'], n: [1, 2, 3] });
  assert.deepEqual(given, {
    result: [[1, 1], [2, 1], [2, 2]],
    0: [[0, 'a', 10], [1, 'b', 20], [2, 'c', 30]],
    1: [[0, 1], [1, 2], [2, 3]],
  });
  assert.deepEqual(host.opened.sideOutputs().map(({ name }) => name), ['few', 'many']);
  await assert.rejects(host.rows(['a', 'a'], { text: ['', ''], n: [1, 300] }), rowsError([1, '300 is no int8']));
  const other = failed("the function names no side output 'other'");
  await assert.rejects(host.rows(['a'], { text: ['other'], n: [1] }), other);
});

test('the last word on a timer counts', async () => {
  const host = await Host.open(all, 'clocks', { what: utf8 });
  host.watermark = 3n;
  const what = ['set', 'set', 'set', 'clear', 'now'];
  const given = await host.rows(['a', 'b', 'a', 'b', 'a'], { what }, [1n, 2n, 3n, 4n, 5n]);
  assert.deepEqual(host.handed, [
    ['timer', 'event', 't', [[0, 3n]]],
    ['no timer', 't', [1]],
    ['timer', 'processing', 'u', [[0, 7n]]],
  ]);
  assert.deepEqual(given.result[0], [0, 3n]);
  await assert.rejects(host.rows(['a'], { what: ['far'] }), rowsError([0, `${2n ** 63n} is no time`]));
});

test('a call gives all its handles back', async () => {
  const host = await Host.open(all, 'many', { what: utf8 });
  await host.rows(['a'], { what: ['put'] });
  const before = held.size;
  await host.rows(['a', 'b'], { what: ['nothing', 'nothing'] });
  // The batch of the host's, and the result that was read.
  assert.ok(held.size - before <= 3, `${held.size - before} handles`);
});

test('what is no process function is refused', () => {
  const made = (more) => process({ name: 'x', arguments: {}, columns: { n: int64 }, eval() {}, ...more });
  assert.throws(() => made({ eval: undefined }), { message: '`process` needs the function `eval`' });
  assert.throws(() => made({ columns: undefined }), { message: /needs `arguments` and `columns`/ });
  assert.throws(() => made({ state: { n: int64 } }), { message: "'n' is no valueState, listState or mapState" });
  assert.throws(() => made({ state: { n: valueState(int64, { initial: 0 }) } }), {
    message: "the state 'n': 0 is no int64",
  });
});

test('keyed_sum, keyed_recent and keyed_list', async () => {
  const sum = await Host.open(example, 'keyed_sum', { value: int64 });
  assert.deepEqual(await sum.rows(['a', 'b', 'a'], { value: [1n, 5n, null] }), { result: [[0, 1n], [1, 5n]] });
  const most = 2n ** 63n - 1n;
  const error = rowsError([0, `1 + ${most} is out of range`]);
  await assert.rejects(sum.rows(['a', 'a'], { value: [most, 1n] }), error);
  const recent = await Host.open(example, 'keyed_recent', { text: utf8 });
  assert.equal(recent.slots[0].ttl, 1000n);
  assert.deepEqual(await recent.rows(['a', 'a'], { text: ['x', 'y'] }), { result: [[0, null], [1, 'x']] });
  assert.deepEqual(await recent.rows(['a', 'b'], { text: ['z', 'z'] }), { result: [[0, 'y'], [1, null]] });
  const lists = await Host.open(example, 'keyed_list', { text: utf8 });
  assert.deepEqual(await lists.rows(['a', 'a'], { text: ['x', 'y'] }), {});
  assert.deepEqual(await lists.rows(['a', 'a'], { text: ['z', 'u'] }), { result: [[0, ['x', 'y', 'z']]] });
  assert.deepEqual(lists.state[0].get('a'), ['u']);
});

test('keyed_map and keyed_lookup', async () => {
  const fields = { name: utf8, value: nullable(int64) };
  const maps = await Host.open(example, 'keyed_map', fields);
  const given = await maps.rows(['a', 'a', 'a', 'b'], { name: ['x', 'x', 'y', 'x'], value: [1n, 2n, 3n, null] });
  assert.deepEqual(given.result, [[0, null, 1n], [1, 1n, 1n], [2, null, 2n], [3, null, 0n]]);
  assert.deepEqual((await maps.rows(['a'], { name: ['x'], value: [null] })).result, [[0, 2n, 1n]]);
  assert.deepEqual(maps.state[0].get('a'), new Map([['y', 3n]]));
  const lookup = await Host.open(example, 'keyed_lookup', fields);
  const first = await lookup.rows(['a', 'a'], { name: ['x', 'x'], value: [1n, 2n] });
  assert.deepEqual(first.result, [[0, null], [1, null]]);
  const second = await lookup.rows(['a', 'b'], { name: ['x', 'x'], value: [null, 4n] });
  assert.deepEqual(second.result, [[0, 2n], [1, null]]);
  assert.deepEqual(lookup.state[0].get('b'), new Map([['x', 4n]]));
});

test('timer_echo', async () => {
  const host = await Host.open(example, 'timer_echo', { name: utf8, at: int64, clock: utf8 });
  const clock = ['event', 'processing', 'clear'];
  await host.rows(['a', 'a', 'a'], { name: ['t', 'u', 't'], at: [5n, 6n, 7n], clock });
  assert.deepEqual(host.handed, [['no timer', 't', [0]], ['timer', 'processing', 'u', [[0, 6n]]]]);
  const given = await host.timers(['a', 'b', 'a'], ['t', 't', 'u'], [5n, 5n, 6n]);
  assert.deepEqual(given.result, [[0, 't', 5n, 1n], [1, 't', 5n, 1n], [2, 'u', 6n, 2n]]);
  await assert.rejects(host.timers(['a', 'a'], ['t', 'bad'], [7n, 7n]), rowsError([1, 'a bad timer']));
  const sun = host.rows(['a'], { name: ['t'], at: [5n], clock: ['sun'] });
  await assert.rejects(sun, rowsError([0, "there is no clock 'sun'"]));
});

test('side_split and broadcast_limit', async () => {
  const split = await Host.open(example, 'side_split', { value: int64 });
  const parts = await split.rows(['a', 'a', 'b'], { value: [2n, 3n, 5n] });
  assert.deepEqual(parts, { result: [[0, 2n, 1n]], 0: [[1, 3n, 2n], [2, 5n, 1n]] });
  await assert.rejects(split.rows(['a', 'a'], { value: [1n, -1n] }), rowsError([1, '-1 is negative']));
  assert.equal(split.opened.broadcast(), undefined);

  const limit = await Host.open(example, 'broadcast_limit', { name: utf8, value: int64 });
  limit.table = [{ name: 'x', most: 5n }, { name: 'x', most: 3n }, { name: 'y', most: null }];
  const rows = () => limit.rows(['a', 'a', 'a', 'b'], { name: ['x', 'x', 'y', 'x'], value: [4n, 3n, 9n, 5n] });
  assert.deepEqual((await rows()).result, [[0, 'x', 4n, 1n], [3, 'x', 5n, 1n]]);
  limit.table.push({ name: 'y', most: 8n });
  assert.equal((await rows()).result.length, 2);
  limit.version = 2n;
  assert.equal((await rows()).result.length, 3);
});

test('a call of a test tells what was done by it', () => {
  const call = new Call({ time: 5n });
  call.setTimer('t', call.time + 10n);
  call.give('late', { at: call.time });
  assert.equal(call.timer('t'), 15n);
  assert.equal(call.timer('u'), undefined);
  assert.deepEqual(call.given('late'), [{ at: 5n }]);
  assert.equal(call.watermark, undefined);
});
