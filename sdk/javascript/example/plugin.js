// The functions of the conformance kit, as an example of each kind.
import {
  Column,
  InvalidError,
  Model,
  RowError,
  ScalarFunction,
  aggregate,
  float64,
  int64,
  plugin,
  scalar,
  table,
  utf8,
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

export default plugin(add, Greet, Echo, Score, words, mean);
