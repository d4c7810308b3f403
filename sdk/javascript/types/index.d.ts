// Types of the SDK. A type of columns carries the type of its values: `DataType<bigint>`.

declare const value: unique symbol;

/** An Arrow type whose values are `V` in JavaScript. */
export interface DataType<V = any> {
  readonly tag: string;
  readonly nullable?: boolean;
  readonly [value]?: V;
}

/** The values of a type. */
export type ValueOf<T> = T extends DataType<infer V> ? V : never;

export const boolean: DataType<boolean>;
export const int8: DataType<number>;
export const int16: DataType<number>;
export const int32: DataType<number>;
export const int64: DataType<bigint>;
export const uint8: DataType<number>;
export const uint16: DataType<number>;
export const uint32: DataType<number>;
export const uint64: DataType<bigint>;
export const float32: DataType<number>;
export const float64: DataType<number>;
export const utf8: DataType<string>;
export const binary: DataType<Uint8Array>;
/** Days since 1970-01-01. */
export const date32: DataType<number>;
/** Microseconds of a day. */
export const time64: DataType<bigint>;

export type TimeUnit = 'second' | 'millisecond' | 'microsecond' | 'nanosecond';

/** Ticks of `unit` (microseconds) since 1970-01-01T00:00:00; in UTC where there is a time zone. */
export function timestamp(unit?: TimeUnit, timezone?: string): DataType<bigint>;
/** The digits without the point: 12.34 of scale 2 is `1234n`. */
export function decimal128(precision: number, scale: number): DataType<bigint>;

/** Items: a typed array where they are numbers without NULL, else an array. */
export type Items<V> = ArrayLike<V> & Iterable<V>;

/** Any number of items a value. */
export function list<V>(item: DataType<V>): DataType<Items<V>>;
/** `size` items a value. */
export function fixedSizeList<V>(item: DataType<V>, size: number): DataType<Items<V>>;
/** An object with a property a field; each may be `null`. */
export function struct<F extends Types>(
  fields: F,
): DataType<{ [K in keyof F]: ValueOf<F[K]> | null }>;
/** A type where NULL is `null`. */
export function nullable<V>(type: DataType<V>): DataType<V | null>;

/** Types by the names of columns, in their order. */
export type Types = { readonly [name: string]: DataType };

/** A named column, or a part of a nested one. */
export interface Field {
  readonly name: string;
  readonly type: DataType;
}
export function field(name: string, type: DataType): Field;

/** Columns of any types: decided in `open`. */
export const any: AnyArguments;
/** Any number of columns of one type, at least one. */
export function variadic(type: DataType): VariadicArguments;
export interface AnyArguments {
  readonly arguments: 'any';
}
export interface VariadicArguments {
  readonly arguments: 'variadic';
  readonly field: Field;
}

/** An option of `CREATE FUNCTION … WITH`. */
export interface Parameter {
  description?: string;
  /** A job has to name it. */
  required?: boolean;
  /** What it is where a job leaves it out. */
  default?: string | number | boolean;
}

interface Named {
  /** What SQL calls it. */
  name: string;
  description?: string;
  /** Whether the same arguments give the same result (true). */
  deterministic?: boolean;
  parameters?: { readonly [name: string]: Parameter };
}

/** A signature of a scalar or aggregate function. */
export interface Signature extends Named {
  /** By default `any`. */
  arguments?: Types | AnyArguments | VariadicArguments;
  /** None = decided by `returns()`. */
  returns?: DataType;
}

/** A signature of a table function. */
export interface TableSignature extends Named {
  /** By default `any`. */
  arguments?: Types | AnyArguments | VariadicArguments;
  /** None = decided by `returns()`. */
  columns?: Types;
}

// The order of an object's properties is no part of its type: an argument is one of their values.
// A function may say which, as methods may.
type Call<A extends Types, R, Before extends unknown[] = []> = {
  call(...values: [...Before, ...ValueOf<A[keyof A]>[]]): R;
}['call'];

/** What `plugin` takes. */
export type FunctionClass =
  | (new () => ScalarFunction)
  | (new () => TableFunction)
  | (new () => AggregateFunction);

/**
 * A function of values. A row with NULL for an argument that is not `nullable` gives NULL without a
 * call; an error that the function throws fails its row.
 */
export function scalar<A extends Types, R>(
  signature: Named & { arguments: A; returns: DataType<R> },
  call: Call<A, R | null | undefined>,
): new () => ScalarFunction;

/** A row of a table function: of one column the value, of several an array or an object. */
export type TableRow<C extends Types> =
  | { [K in keyof C]: ValueOf<C[K]> | null }
  | (ValueOf<C[keyof C]> | null)[]
  | ValueOf<C[keyof C]>
  | null;

/**
 * A function that gives rows. A row with NULL for an argument that is not `nullable` has none; an
 * error that the function throws fails its row.
 */
export function table<A extends Types, C extends Types>(
  signature: Named & { arguments: A; columns: C },
  call: Call<A, Iterable<TableRow<C>> | null | undefined>,
): new () => TableFunction;

/**
 * An aggregate of plain functions; all but `create` and `evaluate` change `state`. A row with NULL
 * for an argument that is not `nullable` is left out; an error of `update` or `retract` fails its row.
 */
export function aggregate<A extends Types, S extends Types, R>(
  definition: Named & {
    arguments: A;
    /** The columns of a group's state: properties of what `create` gives. */
    state: S;
    returns: DataType<R>;
    create: () => StateOf<S>;
    update: Call<A, void, [state: StateOf<S>]>;
    /** Takes a row back. */
    retract?: Call<A, void, [state: StateOf<S>]>;
    merge: (state: StateOf<S>, other: StateOf<S>) => void;
    evaluate: (state: StateOf<S>) => R | null | undefined;
  },
): new () => AggregateFunction;

export type StateOf<S extends Types> = { [K in keyof S]: ValueOf<S[K]> };

type MaybePromise<T> = T | Promise<T>;

/** One row in, one value out. A class of it has `static signature: Signature`. */
export abstract class ScalarFunction {
  static signature?: Signature;
  open(context: OpenContext): MaybePromise<void>;
  /** By default the type of the signature. */
  returns(): DataType;
  /** As many rows, of the type that `returns` gave. Throws `RowErrors`. */
  abstract batchEval(rows: Batch): MaybePromise<Column>;
}

/** One row in, any number of rows out. A class of it has `static signature: TableSignature`. */
export abstract class TableFunction {
  static signature?: TableSignature;
  open(context: OpenContext): MaybePromise<void>;
  /** By default the columns of the signature. */
  returns(): Types | Field[];
  /** Throws `RowErrors`. */
  abstract batchEval(rows: Batch): MaybePromise<Expansion>;
}

/** The rows of a group in, one value out. A class of it has `static signature: Signature`. */
export abstract class AggregateFunction {
  static signature?: Signature;
  open(context: OpenContext): MaybePromise<void>;
  /** By default the type of the signature. */
  returns(): DataType;
  /** The columns of a group's state; only `nullable` ones hold NULL. */
  abstract state(): Types | Field[];
  /** Whether `Accumulators.retract` works (false). */
  retracts(): boolean;
  abstract accumulators(): Accumulators;
}

/** Groups, numbered from 0. A call that throws `RowErrors` has added none of its rows. */
export abstract class Accumulators {
  /** Adds each row to its group. There are `count` groups from then on; new ones are empty. */
  abstract update(rows: Batch, groups: Uint32Array, count: number): MaybePromise<void>;
  retract(rows: Batch, groups: Uint32Array): MaybePromise<void>;
  abstract merge(states: Batch, groups: Uint32Array, count: number): MaybePromise<void>;
  /** Of the first `count` groups, one row a group. */
  abstract state(count: number): MaybePromise<Batch>;
  /** Of the first `count` groups, one value a group. */
  abstract evaluate(count: number): MaybePromise<Column>;
  /** Forgets the first `count` groups; the others are numbered from 0 again. */
  abstract forget(count: number): MaybePromise<void>;
}

/** What a function is opened with. */
export class OpenContext {
  /** A context as a job would make it: for tests. */
  constructor(given?: { parameters?: { [name: string]: string }; arguments?: Types | Field[] });
  readonly arguments: Field[];
  parameter(name: string): string | undefined;
  /** Throws `InvalidError` where it is missing. */
  required(name: string): string;
  /** Throws `InvalidError` where it is no number. */
  number(name: string): number | undefined;
  /** Throws `InvalidError` where it is no whole number. */
  integer(name: string): number | undefined;
}

/** The values of a column: a typed array where they are numbers without NULL. */
export type Values<V = any> = Items<V>;

/** The contract's `array`: buffers as Arrow lays them out. */
export interface ArrayData {
  length: number;
  validity?: Uint8Array;
  values: { tag: string; val?: any };
}

interface Handle {
  /** Makes the handle outlive the call that made it. */
  keep(): this;
  /** Gives the handle back before the call ends. */
  drop(): void;
}

/** One immutable column, in the host. Its handle lives as long as the call that made it. */
export class Column implements Handle {
  private constructor();
  /** Throws a `TypeError` where a value is not of the type. */
  static from<V>(type: DataType<V>, values: ArrayLike<V | null | undefined>): Column;
  static fromArray(type: DataType, array: ArrayData, children?: Column[]): Column;
  readonly type: DataType;
  /** Rows. */
  readonly length: number;
  readonly nullCount: number;
  /** Copies the values into the guest; NULL is `null`. */
  read(): Values;
  readArray(): ArrayData;
  /** Of a list the items, of a struct a field. */
  child(index: number): Column;
  keep(): this;
  drop(): void;
}

/** Columns of one length, in the host. Its handle lives as long as the call that made it. */
export class Batch implements Handle {
  private constructor();
  /** Takes the columns. */
  static of(fields: Types | Field[], columns: Column[], rows?: number): Batch;
  readonly fields: Field[];
  readonly rows: number;
  /** A handle; nothing is copied. */
  column(index: number): Column;
  /** `column(index).read()`, without a handle. */
  read(index: number): Values;
  /** Some of the columns; nothing is copied. */
  project(columns: number[]): Batch;
  /** Calls a function on every row. NULL for any argument gives NULL without a call. */
  map<R>(type: DataType<R>, call: (...values: any[]) => R | null | undefined): Column;
  keep(): this;
  drop(): void;
}

/** What a batch becomes: the rows of its first row, then those of its second, … */
export class Expansion {
  /** `counts` are uint32 without NULL: how many of `rows` each row of the batch has. */
  constructor(rows: Batch, counts: Column);
  /** The rows of what `call` gives for each row of a batch; an error fails its row. */
  static collect<C extends Types>(
    columns: C,
    rows: number,
    call: (row: number) => Iterable<TableRow<C>> | null | undefined,
  ): Expansion;
  readonly rows: Batch;
  readonly counts: Column;
}

/** A model that the job granted, run by the host. */
export class Model {
  private constructor();
  /** By its name in the job, in `open`. Throws `InvalidError` where it is not granted. */
  static open(name: string): Model;
  readonly inputs: Field[];
  readonly outputs: Field[];
  readonly version: string;
  /** Features to predictions, by position. Nothing enters the guest. */
  predict(features: Batch): Batch;
}

/** One row is bad. Any other error that a function of a row throws says the same. */
export class RowError extends Error {}
/** Rows of a batch are bad, counted from 0. */
export class RowErrors extends Error {
  constructor(rows: { row: number; message: string }[]);
  readonly rows: { row: number; message: string }[];
}
/** The job is wrong: a bad parameter, bad argument types. */
export class InvalidError extends Error {}
/** The function itself failed. */
export class FailedError extends Error {}

/** Writes a line to the host's log. */
export function log(level: 'trace' | 'debug' | 'info' | 'warn' | 'error', message: string): void;

/** The function's own metrics, in the host's registry. */
export namespace metrics {
  function counter(name: string, add?: number | bigint): void;
  function gauge(name: string, value: number): void;
  function histogram(name: string, value: number): void;
}

/** The exports of a component: what a plugin's file exports as its default. */
export function plugin(...functions: FunctionClass[]): {
  scalar: object;
  table: object;
  aggregate: object;
};
