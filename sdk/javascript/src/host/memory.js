//! A host in memory: a plugin's file can be imported, and its functions called, where there is no
//! component, as tests do. It checks less than wasmill does.

export const inComponent = false;

/** Lines that were logged, `{ level, message }`, and metrics, `{ kind, name, value }`. */
export const logged = [];
export const measured = [];

export const log = (level, message) => void logged.push({ level, message });
const metric = (kind) => (name, value) => void measured.push({ kind, name, value });
export const counter = metric('counter');
export const gauge = metric('gauge');
export const histogram = metric('histogram');

/** Handles that were made, and neither given back nor given away. */
export const held = new Set();

const dispose = Symbol.dispose ?? Symbol.for('dispose');

class Handle {
  #data;

  constructor(data) {
    this.#data = data;
    held.add(this);
  }

  /** What it is a handle to; throws where it is gone, as wasmill traps. */
  get data() {
    if (!held.has(this)) throw new Error('the handle is gone');
    return this.#data;
  }

  /** The host owns what was handed over. */
  take() {
    const { data } = this;
    held.delete(this);
    return data;
  }

  [dispose]() {
    this.take();
  }
}

export class Column extends Handle {
  constructor(type, array, children) {
    const data = { type, array, children: children.map((child) => child.take()) };
    checkLengths(array);
    super(data);
  }

  static of(data) {
    return Object.setPrototypeOf(new Handle(data), Column.prototype);
  }

  dataType() {
    return this.data.type;
  }

  length() {
    return this.data.array.length;
  }

  nullCount() {
    return nulls(this.data.array);
  }

  read() {
    return structuredClone(this.data.array);
  }

  child(index) {
    return Column.of(this.data.children[index]);
  }
}

export class Batch extends Handle {
  constructor(schema, columns, rows) {
    const data = { schema, rows, columns: columns.map((column) => column.take()) };
    checkBatch(data);
    super(data);
  }

  schema() {
    return this.data.schema;
  }

  rows() {
    return this.data.rows;
  }

  column(index) {
    return Column.of(this.data.columns[index]);
  }

  read(index) {
    return structuredClone(this.data.columns[index].array);
  }

  project(indices) {
    const { schema, rows } = this.data;
    const columns = Array.from(indices, (index) => this.column(index));
    return new Batch({ ...schema, columns: indices.map((index) => schema.columns[index]) }, columns, rows);
  }
}

/** Models by name: `{ inputs, outputs, predict }`, of schemas and a function of batches. */
export const models = new Map();

export class Model {
  static open(name) {
    const found = models.get(name);
    if (found === undefined) {
      const value = { tag: 'not-granted', val: `the job does not grant the model '${name}'` };
      throw Object.assign(new Error(value.val), { payload: value });
    }
    return Object.assign(new Model(), { found });
  }

  signature() {
    const { inputs, outputs } = this.found;
    return { inputs, outputs };
  }

  version() {
    return '1';
  }

  predict(features) {
    return this.found.predict(features);
  }
}

/** How many items there are for `rows` rows. */
const ITEMS = {
  boolean: (rows) => Math.ceil(rows / 8),
  bytes: (rows) => rows + 1,
  int128: (rows) => 2 * rows,
  none: () => undefined,
  offsets: (rows) => rows + 1,
};

function checkLengths({ length, validity, values: { tag, val } }) {
  const items = tag === 'bytes' ? val[0].length : val?.length;
  const wanted = (ITEMS[tag] ?? ((rows) => rows))(length);
  if (items !== wanted) throw new Error(`${items} ${tag} items instead of ${wanted}`);
  if (validity !== undefined && validity.length !== Math.ceil(length / 8)) {
    throw new Error(`a validity of ${validity.length} bytes for ${length} rows`);
  }
}

function checkBatch({ schema, columns, rows }) {
  if (columns.length !== schema.columns.length) {
    throw new Error(`${columns.length} columns for ${schema.columns.length} fields`);
  }
  columns.forEach(({ array }, index) => {
    const { name, nullable } = schema.fields[schema.columns[index]];
    if (array.length !== rows) throw new Error(`'${name}' has ${array.length} rows instead of ${rows}`);
    if (!nullable && nulls(array) > 0) throw new Error(`'${name}' has a NULL`);
  });
}

function nulls({ length, validity }) {
  let found = 0;
  for (let row = 0; validity !== undefined && row < length; row++) {
    if (((validity[row >> 3] >> (row & 7)) & 1) === 0) found++;
  }
  return found;
}
