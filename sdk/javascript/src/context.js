//! What a function is opened with.

import { InvalidError } from './errors.js';
import { fieldsOf, fromSchema } from './types.js';

/** The parameters of `CREATE FUNCTION … WITH`, defaults filled in, and the arguments' types. */
export class OpenContext {
  #parameters;

  /** A context as a job would make it: for tests. `parameters` and `arguments` are objects by name. */
  constructor({ parameters = {}, arguments: fields = {} } = {}) {
    this.#parameters = new Map(Object.entries(parameters));
    /** The arguments of the call, by position: `[{ name, type }]`. */
    this.arguments = fieldsOf(fields);
  }

  static fromWire({ parameters, arguments: schema }) {
    const context = new OpenContext({ arguments: fromSchema(schema) });
    context.#parameters = new Map(parameters);
    return context;
  }

  /** The text of a parameter; undefined where neither the job nor a default gives one. */
  parameter(name) {
    return this.#parameters.get(name);
  }

  /** The text of a parameter that must be there. */
  required(name) {
    const text = this.parameter(name);
    if (text === undefined) throw new InvalidError(`the parameter '${name}' is missing`);
    return text;
  }

  /** The number that a parameter is; undefined where there is none. */
  number(name) {
    return this.#parsed(name, 'number', (text) => (text.trim() === '' ? NaN : Number(text)));
  }

  /** As `number`, whole. */
  integer(name) {
    return this.#parsed(name, 'whole number', (text) => {
      const number = text.trim() === '' ? NaN : Number(text);
      return Number.isSafeInteger(number) ? number : NaN;
    });
  }

  #parsed(name, what, parse) {
    const text = this.parameter(name);
    if (text === undefined) return undefined;
    const number = parse(text);
    if (Number.isNaN(number)) {
      throw new InvalidError(`the parameter '${name}' = '${text}' is not right: not a ${what}`);
    }
    return number;
  }
}
