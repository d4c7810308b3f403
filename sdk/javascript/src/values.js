//! Values by themselves: copies of them, and whether two are stored alike.

/** Whether a value of a type can be changed where it is. */
export const isMutable = ({ tag }) =>
  tag === 'list' || tag === 'fixed-size-list' || tag === 'struct' || tag === 'binary';

/** A value by itself, with all that it consists of. */
export function copy(value) {
  if (Array.isArray(value)) return value.map(copy);
  if (ArrayBuffer.isView(value)) return value.slice();
  if (typeof value !== 'object' || value === null) return value;
  const made = Object.create(Object.getPrototypeOf(value));
  for (const [name, part] of Object.entries(value)) made[name] = copy(part);
  return made;
}

/** A function that makes of a value that was read one by itself, whose lists are arrays. */
export function owned(type) {
  switch (type.tag) {
    case 'binary':
      return orNothing((bytes) => bytes.slice());
    case 'list':
    case 'fixed-size-list': {
      const own = owned(type.item.type);
      return orNothing((items) => Array.from(items, (item) => own(item)));
    }
    case 'struct': {
      const fields = type.fields.map(({ name, type }) => [name, owned(type)]);
      return orNothing((value) => Object.fromEntries(fields.map(([name, own]) => [name, own(value[name])])));
    }
    default:
      return (value) => value;
  }
}

const orNothing = (own) => (value) => (value === null || value === undefined ? null : own(value));

/** Whether two values of a type, neither of them NULL, are stored alike: -0 is not 0, NaN is itself. */
export function sameness(type) {
  switch (type.tag) {
    case 'float32':
      return (a, b) => typeof a === 'number' && Object.is(Math.fround(a), Math.fround(b));
    case 'binary':
      return sameItems(Object.is);
    case 'list':
    case 'fixed-size-list':
      return sameItems(orNull(sameness(type.item.type)));
    case 'struct': {
      const fields = type.fields.map(({ name, type }) => [name, orNull(sameness(type))]);
      return (a, b) => fields.every(([name, same]) => same(a[name], b[name]));
    }
    default:
      return Object.is;
  }
}

const orNull = (same) => (a, b) => {
  const isNull = a === null || a === undefined;
  return isNull || b === null || b === undefined ? isNull && (b === null || b === undefined) : same(a, b);
};

const sameItems = (same) => (a, b) => {
  if (a.length !== b.length) return false;
  for (let index = 0; index < b.length; index++) if (!same(a[index], b[index])) return false;
  return true;
};
