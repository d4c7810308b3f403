//! What a function offers, as the host shows it and checks a job against it.

import { field, fieldsOf, toSchema } from './types.js';

/** Columns of any types: decided in `open`. */
export const any = Object.freeze({ arguments: 'any' });

/** Any number of columns of one type, at least one. */
export const variadic = (type) => Object.freeze({ arguments: 'variadic', field: field('value', type) });

/** The fields of the arguments of a signature; none where they are `any` or `variadic`. */
export function argumentFields(signature) {
  const { arguments: given = any } = signature;
  return given.arguments === 'any' || given.arguments === 'variadic' ? undefined : fieldsOf(given);
}

/** The fields of the result of a signature; undefined where `returns()` decides. */
export function resultFields(signature) {
  if (signature.columns !== undefined) return fieldsOf(signature.columns);
  if (signature.returns !== undefined) return [field(signature.name, signature.returns)];
  return undefined;
}

/** A signature as the contract has it; throws where it cannot be one. */
export function toWireSignature(signature) {
  const { name, description = '', deterministic = true, parameters = {} } = signature ?? {};
  if (typeof name !== 'string' || name === '') {
    throw new TypeError('a function has no name: `name` of its signature is a string');
  }
  const result = resultFields(signature);
  return {
    name,
    description,
    arguments: toWireArguments(signature.arguments ?? any),
    returns: result && toSchema(result),
    deterministic,
    parameters: Object.entries(parameters).map(toWireParameter),
  };
}

function toWireArguments(given) {
  switch (given.arguments) {
    case 'any':
      return { tag: 'any' };
    case 'variadic':
      return { tag: 'variadic', val: toSchema([given.field]) };
    default:
      return { tag: 'exact', val: toSchema(fieldsOf(given)) };
  }
}

function toWireParameter([name, parameter]) {
  const { description = '', required = false, default: fallback } = parameter;
  const text = fallback === undefined ? undefined : String(fallback);
  return { name, description, required: required && text === undefined, default: text };
}
