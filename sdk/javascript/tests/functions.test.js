import assert from 'node:assert/strict';
import test from 'node:test';
import { held, models } from '#host';
import {
  Column,
  InvalidError,
  Model,
  ScalarFunction,
  TableFunction,
  Expansion,
  any,
  binary,
  float64,
  int32,
  int64,
  list,
  nullable,
  plugin,
  scalar,
  table,
  utf8,
  variadic,
} from 'wasmill-sdk';
import { toSchema } from '../src/types.js';
import example from '../example/plugin.js';
import { batch, open, rowsOf, values } from './calls.js';

const rowsError = (...rows) => ({ tag: 'rows', val: rows.map(([row, message]) => ({ row, message })) });

test('the example offers the functions of the conformance kit', () => {
  const names = (kind) => example[kind].functions().map(({ name }) => name);
  assert.deepEqual(names('scalar'), ['add', 'greet', 'echo', 'score']);
  assert.deepEqual(names('table'), ['words']);
  assert.deepEqual(names('aggregate'), ['mean']);
  const keyed = ['keyed_sum', 'keyed_recent', 'keyed_list', 'keyed_map', 'keyed_lookup'];
  assert.deepEqual(names('process'), [...keyed, 'timer_echo', 'side_split', 'broadcast_limit']);
  const [add, greet, echo, score] = example.scalar.functions();
  assert.deepEqual(add.arguments, { tag: 'exact', val: toSchema([{ name: 'a', type: int64 }, { name: 'b', type: int64 }]) });
  const greeting = { description: 'what comes before the name', required: false, default: 'Hello' };
  assert.deepEqual(greet.parameters, [{ name: 'greeting', ...greeting }]);
  assert.deepEqual([echo.arguments, echo.returns], [{ tag: 'any' }, undefined]);
  assert.equal(score.arguments.tag, 'variadic');
});

test('NULL gives NULL without a call, and every bad row is told', async () => {
  const add = await open(example.scalar.ScalarFunction, 'add', { arguments: { a: int64, b: int64 } });
  const result = await add.batchEval(batch({ a: [int64, [1n, null, 3n]], b: [int64, [2n, 1n, null]] }));
  assert.deepEqual(values(result, int64), [3n, null, null]);
  const most = 2n ** 63n - 1n;
  for (const missing of [5n, null]) {
    const bad = batch({ a: [int64, [most, 1n, most]], b: [int64, [1n, missing, 2n]] });
    const expected = rowsError([0, `${most} + 1 is out of range`], [2, `${most} + 2 is out of range`]);
    await assert.rejects(add.batchEval(bad), expected);
  }
});

test('a function may take NULL, give it, and have any number of arguments', async () => {
  const first = scalar(
    { name: 'first', arguments: { a: nullable(int32), b: nullable(int32), c: nullable(int32), d: nullable(int32) }, returns: int32 },
    (...given) => given.find((value) => value !== null),
  );
  const one = scalar({ name: 'one', arguments: {}, returns: utf8 }, () => 'one');
  const { ScalarFunction: Opened } = plugin(first, one).scalar;
  const columns = { a: [int32, [1, null]], b: [int32, [2, null]], c: [int32, [3, 4]], d: [int32, [5, 6]] };
  const opened = await open(Opened, 'first');
  assert.deepEqual(values(await opened.batchEval(batch(columns)), int32), [1, 4]);
  const ones = await open(Opened, 'one');
  const rows = batch({});
  rows.rows = () => 2;
  assert.deepEqual(values(await ones.batchEval(rows), utf8), ['one', 'one']);
});

test('a list with NULL fails its row unless its items may be NULL', async () => {
  const sum = (name, item) =>
    scalar({ name, arguments: { items: list(item) }, returns: float64 }, (items) =>
      items.reduce((sum, item) => sum + (item ?? 0), 0),
    );
  const { ScalarFunction: Opened } = plugin(sum('strict', float64), sum('lenient', nullable(float64))).scalar;
  const rows = () => batch({ items: [list(float64), [[1, 2], [3, null], null]] });
  const strict = await open(Opened, 'strict');
  await assert.rejects(strict.batchEval(rows()), rowsError([1, 'the list has a NULL among its items']));
  const lenient = await open(Opened, 'lenient');
  assert.deepEqual(values(await lenient.batchEval(rows()), float64), [3, 3, null]);
});

test('errors of open and of a call say whose fault it is', async () => {
  const { ScalarFunction: Opened } = example.scalar;
  const invalid = (val) => ({ tag: 'invalid', val });
  await assert.rejects(open(Opened, 'greet', { parameters: { greeting: '' } }), invalid("the parameter 'greeting' is empty"));
  await assert.rejects(open(Opened, 'greet'), invalid("the parameter 'greeting' is missing"));
  await assert.rejects(open(Opened, 'words'), invalid("this plugin has no function 'words'"));
  await assert.rejects(open(Opened, 'echo'), invalid('echo takes one argument'));
  await assert.rejects(
    open(Opened, 'score', { parameters: { model: 'm' } }),
    invalid("the job does not grant the model 'm'"),
  );
  class Broken extends ScalarFunction {
    static signature = { name: 'broken', arguments: any, returns: utf8 };

    batchEval() {
      throw new Error('no way');
    }
  }
  const broken = await open(plugin(Broken).scalar.ScalarFunction, 'broken');
  await assert.rejects(broken.batchEval(batch({ a: [utf8, ['x']] })), { tag: 'failed', val: 'no way' });
});

test('a row travels as values', async () => {
  const { ScalarFunction: Opened } = example.scalar;
  const add = await open(Opened, 'add', { arguments: { a: int64, b: int64 } });
  const int = (val) => ({ tag: 'int64', val });
  assert.deepEqual(await add.eval([int(1n), int(2n)]), int(3n));
  assert.deepEqual(await add.eval([int(1n), { tag: 'null' }]), { tag: 'null' });
  await assert.rejects(add.eval([int(2n ** 63n - 1n), int(1n)]), { tag: 'rows' });
  await assert.rejects(add.eval([int(1n)]), { tag: 'invalid' });
  const echoes = [
    [int32, int(-5n)],
    [binary, { tag: 'binary', val: Uint8Array.of(1, 2) }],
    [utf8, { tag: 'utf8', val: 'ü' }],
  ];
  for (const [type, value] of echoes) {
    const echo = await open(Opened, 'echo', { arguments: { value: type } });
    assert.deepEqual(await echo.eval([value]), value);
  }
  const type = list(nullable(int32));
  const echo = await open(Opened, 'echo', { arguments: { value: type } });
  const nested = { tag: 'nested', val: Column.from(type, [[1, null]]).give() };
  const given = await echo.eval([nested]);
  assert.equal(given.tag, 'nested');
  assert.deepEqual(values(given.val, type), [[1, null]]);
});

test('a table function gives rows, and how many each row has', async () => {
  const words = await open(example.table.TableFunction, 'words', { arguments: { text: utf8 } });
  const { rows, counts } = await words.batchEval(batch({ text: [utf8, ['a  bc', null, '', ' d']] }));
  assert.deepEqual(rowsOf(rows), [['a', 1n], ['bc', 2n], ['d', 1n]]);
  assert.deepEqual(values(counts), [2, 0, 0, 1]);
});

test('rows of a table function are arrays, objects, or values of one column', async () => {
  const pairs = table({ name: 'pairs', arguments: { n: int32 }, columns: { i: int32, t: utf8 } }, (n) => {
    if (n < 0) throw new Error(`${n} is below 0`);
    return n === 0 ? null : [[n, 'array'], { i: n, t: 'object' }, { i: n }];
  });
  const bits = table({ name: 'bits', arguments: { n: int32 }, columns: { bit: int32 } }, function* (n) {
    for (; n > 0; n >>= 1) yield n & 1;
  });
  const { TableFunction: Opened } = plugin(pairs, bits).table;
  const opened = await open(Opened, 'pairs');
  const { rows } = await opened.batchEval(batch({ n: [int32, [0, 7]] }));
  assert.deepEqual(rowsOf(rows), [[7, 'array'], [7, 'object'], [7, null]]);
  const bad = batch({ n: [int32, [-1, 1, -2]] });
  await assert.rejects(opened.batchEval(bad), rowsError([0, '-1 is below 0'], [2, '-2 is below 0']));
  const { rows: found } = await (await open(Opened, 'bits')).batchEval(batch({ n: [int32, [2, 1]] }));
  assert.deepEqual(rowsOf(found), [[0], [1], [1]]);
});

test('a table function by hand decides its columns', async () => {
  class Parts extends TableFunction {
    static signature = { name: 'parts', parameters: { length: { default: 2 } } };

    open(context) {
      this.length = context.integer('length');
    }

    returns() {
      return { part: utf8 };
    }

    batchEval(rows) {
      const texts = rows.read(0);
      return Expansion.collect(this.returns(), rows.rows, (row) => texts[row].match(/../g));
    }
  }
  const { TableFunction: Opened, functions } = { ...plugin(Parts).table };
  assert.equal(functions()[0].parameters[0].default, '2');
  const opened = await open(Opened, 'parts', { parameters: { length: '2' } });
  const { rows } = await opened.batchEval(batch({ text: [utf8, ['abcd']] }));
  assert.deepEqual(rowsOf(rows), [['ab'], ['cd']]);
  await assert.rejects(open(Opened, 'parts', { parameters: { length: 'x' } }), {
    tag: 'invalid',
    val: "the parameter 'length' = 'x' is not right: not a whole number",
  });
});

test('a model gets the batch itself', async () => {
  const outputs = toSchema([{ name: 'sum', type: float64 }]);
  models.set('sums', { inputs: outputs, outputs, predict: (rows) => rows.project([1]) });
  const score = await open(example.scalar.ScalarFunction, 'score', { parameters: { model: 'sums' } });
  const rows = batch({ a: [float64, [1]], b: [float64, [2]] });
  assert.deepEqual(values(await score.batchEval(rows), float64), [2]);
  assert.deepEqual(Model.open('sums').outputs.map(({ name }) => name), ['sum']);
});

test('a call gives its handles back, but for the result and what is kept', async () => {
  class Keeps extends ScalarFunction {
    static signature = { name: 'keeps', arguments: variadic(utf8), returns: utf8 };

    batchEval(rows) {
      this.first ??= rows.column(0).keep();
      rows.column(0);
      rows.project([0]).column(0);
      return Column.from(utf8, this.first.read());
    }
  }
  const keeps = await open(plugin(Keeps).scalar.ScalarFunction, 'keeps');
  const rows = batch({ a: [utf8, ['x']] });
  held.clear();
  held.add(rows);
  await keeps.batchEval(rows);
  assert.equal(held.size, 3);
  const result = await keeps.batchEval(rows);
  assert.deepEqual(values(result, utf8), ['x']);
});

test('a plugin of what is none, or of two of a name, is refused', () => {
  const one = scalar({ name: 'one', arguments: {}, returns: int32 }, () => 1);
  assert.throws(() => plugin(one, one), { message: "two functions are called 'one'" });
  assert.throws(() => plugin(() => 1), { message: /takes what `scalar`/ });
  assert.throws(() => scalar({ arguments: {}, returns: int32 }, () => 1), { message: /has no name/ });
  assert.throws(() => scalar({ name: 'x', arguments: { a: Number }, returns: int32 }, () => 1), {
    message: /'a' is no type/,
  });
  assert.ok(new InvalidError('x') instanceof Error);
});
