//! Arrow types and fields, as trees; the contract has them flat.
//
// A type is a plain object: `{ tag, … }`, where `tag` is the contract's name for it. `nullable: true`
// says that a function takes NULL there, `nullable: false` (only from a host) that there is none.

const plain = (tag) => Object.freeze({ tag });

/** `boolean` in JavaScript. */
export const boolean = plain('boolean');
/** `number` in JavaScript, like all integers of up to 32 bits. */
export const int8 = plain('int8');
export const int16 = plain('int16');
export const int32 = plain('int32');
/** `bigint` in JavaScript. */
export const int64 = plain('int64');
export const uint8 = plain('uint8');
export const uint16 = plain('uint16');
export const uint32 = plain('uint32');
/** `bigint` in JavaScript. */
export const uint64 = plain('uint64');
export const float32 = plain('float32');
export const float64 = plain('float64');
/** `string` in JavaScript. */
export const utf8 = plain('utf8');
/** `Uint8Array` in JavaScript. */
export const binary = plain('binary');
/** `number` in JavaScript: days since 1970-01-01. */
export const date32 = plain('date32');
/** `bigint` in JavaScript: microseconds of a day. */
export const time64 = plain('time64');

const UNITS = ['second', 'millisecond', 'microsecond', 'nanosecond'];

/** `bigint` in JavaScript: ticks of `unit` since 1970-01-01T00:00:00; in UTC where there is a time zone. */
export function timestamp(unit = 'microsecond', timezone = undefined) {
  if (!UNITS.includes(unit)) {
    throw new TypeError(`a timestamp's unit is one of ${UNITS.join(', ')}, not ${unit}`);
  }
  return Object.freeze({ tag: 'timestamp', unit, timezone });
}

/** `bigint` in JavaScript: the digits without the point, so 12.34 of scale 2 is `1234n`. */
export function decimal128(precision, scale) {
  return Object.freeze({ tag: 'decimal128', precision, scale });
}

/** Any number of items a value: a typed array where items are numbers that may not be NULL, else an array. */
export function list(item) {
  return Object.freeze({ tag: 'list', item: field('item', item) });
}

/** Every value has `size` items: embeddings, tensors. */
export function fixedSizeList(item, size) {
  return Object.freeze({ tag: 'fixed-size-list', item: field('item', item), size });
}

/** An object with a property a field. */
export function struct(fields) {
  return Object.freeze({ tag: 'struct', fields: fieldsOf(fields) });
}

/** A type where NULL is `null`. */
export function nullable(type) {
  return Object.freeze({ ...checkedType(type), nullable: true });
}

/** A named column, or a part of a nested one. */
export function field(name, type) {
  if (typeof name !== 'string') {
    throw new TypeError(`a field's name is a string, not ${typeof name}`);
  }
  return Object.freeze({ name, type: checkedType(type, name) });
}

/** `{ a: int64 }` as fields; fields stay as they are. */
export function fieldsOf(named) {
  if (Array.isArray(named)) return named.map(({ name, type }) => field(name, type));
  return Object.entries(named).map(([name, type]) => field(name, type));
}

function checkedType(type, name) {
  if (typeof type?.tag !== 'string') {
    throw new TypeError(`${name === undefined ? 'this' : `'${name}'`} is no type: ${String(type)}`);
  }
  return type;
}

/** The fields of the children of a nested type. */
export function childrenOf(type) {
  switch (type.tag) {
    case 'list':
    case 'fixed-size-list':
      return [type.item];
    case 'struct':
      return type.fields;
    default:
      return [];
  }
}

/** Whether the function takes NULL there; otherwise a row with NULL is not given to it. */
export const takesNull = (type) => type.nullable === true;

/** A type as messages show it. */
export function typeName(type) {
  switch (type.tag) {
    case 'timestamp':
      return `timestamp(${type.unit}${type.timezone === undefined ? '' : `, ${type.timezone}`})`;
    case 'decimal128':
      return `decimal128(${type.precision}, ${type.scale})`;
    case 'list':
      return `list(${typeName(type.item.type)})`;
    case 'fixed-size-list':
      return `fixedSizeList(${typeName(type.item.type)}, ${type.size})`;
    case 'struct':
      return `struct(${type.fields.map(({ name, type }) => `${name}: ${typeName(type)}`).join(', ')})`;
    default:
      return type.tag;
  }
}

/** A type as the contract has it, without its children. */
export function toWireType(type) {
  switch (type.tag) {
    case 'timestamp':
      return { tag: 'timestamp', val: { unit: type.unit, timezone: type.timezone } };
    case 'decimal128':
      return { tag: 'decimal128', val: { precision: type.precision, scale: type.scale } };
    case 'fixed-size-list':
      return { tag: 'fixed-size-list', val: type.size };
    default:
      return { tag: type.tag };
  }
}

function fromWireType({ tag, val }, nullable, children) {
  switch (tag) {
    case 'timestamp':
      return { tag, unit: val.unit, timezone: val.timezone ?? undefined, nullable };
    case 'decimal128':
      return { tag, precision: val.precision, scale: val.scale, nullable };
    case 'list':
      return { tag, item: children[0], nullable };
    case 'fixed-size-list':
      return { tag, item: children[0], size: val, nullable };
    case 'struct':
      return { tag, fields: children, nullable };
    default:
      return { tag, nullable };
  }
}

/**
 * Fields in pre-order, as the contract wants them. A column may hold NULL unless its type says
 * otherwise, or `strict` is set and its type does not say that it may.
 */
export function toSchema(fields, { strict = false } = {}) {
  const flat = [];
  const add = ({ name, type }, top) => {
    const index = flat.length;
    const nullable = strict && top ? takesNull(type) : type.nullable !== false;
    const entry = { name, dataType: toWireType(type), nullable, children: [] };
    flat.push(entry);
    entry.children = Uint32Array.from(childrenOf(type), (child) => add(child, false));
    return index;
  };
  const columns = Uint32Array.from(fields, (field) => add(field, true));
  return { fields: flat, columns };
}

/** The top-level fields of a schema. */
export function fromSchema(schema) {
  const tree = (index) => {
    const { name, dataType, nullable, children } = schema.fields[index];
    return { name, type: fromWireType(dataType, nullable, Array.from(children, tree)) };
  };
  return Array.from(schema.columns, tree);
}
