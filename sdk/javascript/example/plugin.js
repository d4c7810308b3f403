// The functions of the conformance kit, as an example of each kind.
import {
  Column,
  InvalidError,
  Model,
  OutputRows,
  ProcessFunction,
  RowError,
  ScalarFunction,
  aggregate,
  float64,
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
  variadic,
} from 'wasmill-sdk';

const add = scalar(
  { name: 'add', description: 'a + b', arguments: { a: int64, b: int64 }, returns: int64 },
  (a, b) => {
    const sum = a + b;
    if (BigInt.asIntN(64, sum) !== sum) throw new RowError(`${a} + ${b} is out of range`);
    return sum;
  },
);

class Greet extends ScalarFunction {
  static signature = {
    name: 'greet',
    description: 'Greets somebody.',
    arguments: { name: utf8 },
    returns: utf8,
    parameters: { greeting: { description: 'what comes before the name', default: 'Hello' } },
  };

  open(context) {
    this.greeting = context.required('greeting');
    if (this.greeting === '') throw new InvalidError("the parameter 'greeting' is empty");
  }

  batchEval(rows) {
    return rows.map(utf8, (name) => `${this.greeting}, ${name}!`);
  }
}

class Echo extends ScalarFunction {
  static signature = { name: 'echo', description: 'The same values, read and made anew.' };

  open(context) {
    if (context.arguments.length !== 1) throw new InvalidError('echo takes one argument');
    this.type = context.arguments[0].type;
  }

  returns() {
    return this.type;
  }

  batchEval(rows) {
    return Column.from(this.type, rows.read(0));
  }
}

class Score extends ScalarFunction {
  static signature = {
    name: 'score',
    description: "A model's first output. The features stay in the host.",
    arguments: variadic(float64),
    returns: float64,
    parameters: { model: { description: "the model's name in the job", required: true } },
  };

  open(context) {
    this.model = Model.open(context.required('model'));
  }

  batchEval(rows) {
    return this.model.predict(rows).column(0);
  }
}

const words = table(
  {
    name: 'words',
    description: 'The words of a text, each with its place, from 1 on.',
    arguments: { text: utf8 },
    columns: { word: utf8, place: int64 },
  },
  function* (text) {
    let place = 0n;
    for (const word of text.split(' ')) {
      if (word !== '') yield { word, place: ++place };
    }
  },
);

const mean = aggregate({
  name: 'mean',
  description: 'The mean of the values that are not NULL.',
  arguments: { value: float64 },
  state: { sum: float64, count: int64 },
  returns: float64,
  create: () => ({ sum: 0, count: 0n }),
  update(state, value) {
    state.sum += value;
    state.count += 1n;
  },
  retract(state, value) {
    state.sum -= value;
    state.count -= 1n;
  },
  merge(state, other) {
    state.sum += other.sum;
    state.count += other.count;
  },
  evaluate: ({ sum, count }) => (count === 0n ? null : sum / Number(count)),
});

const keyedSum = process({
  name: 'keyed_sum',
  description: "The sum of the key's values so far.",
  arguments: { value: int64 },
  columns: { sum: int64 },
  state: { sum: valueState(int64, { initial: 0n }) },
  eval(state, _call, value) {
    const sum = state.sum + value;
    if (BigInt.asIntN(64, sum) !== sum) throw new RowError(`${state.sum} + ${value} is out of range`);
    state.sum = sum;
    return { sum };
  },
});

const keyedRecent = process({
  name: 'keyed_recent',
  description: "The key's text before, as long as it is not a second old.",
  arguments: { text: utf8 },
  columns: { before: utf8 },
  state: { last: valueState(utf8, { ttl: '1 s' }) },
  eval(state, _call, text) {
    const before = state.last;
    state.last = text;
    return { before };
  },
});

const keyedList = process({
  name: 'keyed_list',
  description: 'All texts of the key once there are three, which are forgotten then.',
  arguments: { text: utf8 },
  columns: { items: list(utf8) },
  state: { items: listState(utf8) },
  eval(state, _call, text) {
    state.items.push(text);
    if (state.items.length < 3) return null;
    return { items: state.items.splice(0) };
  },
});

const keyedMap = process({
  name: 'keyed_map',
  description:
    'Puts a value under a name, or removes it where it is NULL: the value before, and how many there are.',
  arguments: { name: utf8, value: nullable(int64) },
  columns: { before: int64, entries: int64 },
  state: { entries: mapState(utf8, int64) },
  eval({ entries }, _call, name, value) {
    const before = entries.get(name);
    if (value === null) entries.delete(name);
    else entries.set(name, value);
    return { before, entries: BigInt(entries.size) };
  },
});

/** As `keyed_map`, a batch at once: each row has what was there before the batch. */
class KeyedLookup extends ProcessFunction {
  static signature = {
    name: 'keyed_lookup',
    description: 'Puts a value under a name: the value that was there before the batch.',
    arguments: { name: utf8, value: int64 },
    columns: { before: int64 },
  };

  slots() {
    return { entries: mapState(utf8, int64) };
  }

  batchEval(rows, keyed) {
    const [keys, names] = [keyed.numbers(), rows.column(0)];
    const before = keyed.lookup('entries', keys, names).read();
    keyed.put('entries', keys, names, rows.column(1));
    return [OutputRows.collect(this.returns(), before.entries())];
  }
}

const timerEcho = process({
  name: 'timer_echo',
  description:
    "Sets the key's timer of a name by the clock `event` or `processing`, or has it `clear`ed. A timer " +
    'gives its name and time, and how many of the key have fired. One that is called `bad` fails; one ' +
    'that is called `again` sets itself anew, 10 ms later, until three of the key have fired.',
  arguments: { name: utf8, at: int64, clock: utf8 },
  columns: { name: utf8, at: int64, fired: int64 },
  state: { fired: valueState(int64, { initial: 0n }) },
  eval(_state, call, name, at, clock) {
    if (clock === 'event') call.setTimer(name, at);
    else if (clock === 'processing') call.setProcessingTimer(name, at);
    else if (clock === 'clear') call.clearTimer(name);
    else throw new RowError(`there is no clock '${clock}'`);
  },
  onTimer(state, call, name) {
    if (name === 'bad') throw new RowError('a bad timer');
    state.fired += 1n;
    if (name === 'again' && state.fired < 3n && call.time !== undefined) {
      call.setTimer(name, call.time + 10n);
    }
    return { name, at: call.time, fired: state.fired };
  },
});

const sideSplit = process({
  name: 'side_split',
  description: 'Even values, numbered by key; odd ones go to the side output `odd`. A negative one fails.',
  arguments: { value: int64 },
  columns: { value: int64, number: int64 },
  state: { rows: valueState(int64, { initial: 0n }) },
  sideOutputs: { odd: { value: int64, number: int64 } },
  eval(state, call, value) {
    if (value < 0n) throw new RowError(`${value} is negative`);
    state.rows += 1n;
    const row = { value, number: state.rows };
    if (value % 2n === 0n) return row;
    call.give('odd', row);
    return null;
  },
});

const broadcastLimit = process({
  name: 'broadcast_limit',
  description: 'The values that are above the limit of their name in the broadcast table, numbered by key.',
  arguments: { name: utf8, value: int64 },
  columns: { name: utf8, value: int64, number: int64 },
  state: { above: valueState(int64, { initial: 0n }) },
  broadcast: {
    columns: { name: utf8, most: int64 },
    parse: (rows) => new Map(rows.map(({ name, most }) => [name, most])),
  },
  eval(state, call, name, value) {
    const most = call.broadcast.get(name);
    if (most === undefined || value <= most) return null;
    state.above += 1n;
    return { name, value, number: state.above };
  },
});

export default plugin(
  ...[add, Greet, Echo, Score, words, mean],
  ...[keyedSum, keyedRecent, keyedList, keyedMap, KeyedLookup, timerEcho, sideSplit, broadcastLimit],
);
