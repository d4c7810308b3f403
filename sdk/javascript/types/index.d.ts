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

/** A signature of a table or process function. */
export interface TableSignature extends Named {
  /** By default `any`. */
  arguments?: Types | AnyArguments | VariadicArguments;
  /** None = decided by `returns()`. */
  columns?: Types;
}

// The order of an object's properties is no part of its type: an argument is one of their values.
// A function may say which, as methods may.
type Called<A extends Types, R, Before extends unknown[] = []> = {
  call(...values: [...Before, ...ValueOf<A[keyof A]>[]]): R;
}['call'];

/** What `plugin` takes. */
export type FunctionClass =
  | (new () => ScalarFunction)
  | (new () => TableFunction)
  | (new () => AggregateFunction)
  | (new () => ProcessFunction);

/**
 * A function of values. A row with NULL for an argument that is not `nullable` gives NULL without a
 * call; an error that the function throws fails its row.
 */
export function scalar<A extends Types, R>(
  signature: Named & { arguments: A; returns: DataType<R> },
  call: Called<A, R | null | undefined>,
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
  call: Called<A, Iterable<TableRow<C>> | null | undefined>,
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
    update: Called<A, void, [state: StateOf<S>]>;
    /** Takes a row back. */
    retract?: Called<A, void, [state: StateOf<S>]>;
    merge: (state: StateOf<S>, other: StateOf<S>) => void;
    evaluate: (state: StateOf<S>) => R | null | undefined;
  },
): new () => AggregateFunction;

export type StateOf<S extends Types> = { [K in keyof S]: ValueOf<S[K]> };

/** What is kept of each key. A `V` is what a state has of it. */
export interface Slot<V = any> {
  readonly kind: 'value' | 'list' | 'map';
  readonly [value]?: V;
}

/** What is kept of each key, by name. */
export type Slots = { readonly [name: string]: Slot };

/** The state of a key: the slots are its properties, and it has no others. */
export type KeptOf<S extends Slots> = {
  -readonly [K in keyof S]: S[K] extends Slot<infer V> ? V : never;
};

/** A text such as `1 h`, of `ms`, `s`, `min`, `h` or `d`, or milliseconds. */
export type Ttl = string | number;

/**
 * One value of each key: `initial`, by default `null`, where nothing is kept. What was written is gone
 * after `ttl`, by the machine's clock; a value that stays the same is not written.
 */
export function valueState<V>(type: DataType<V>, options: { initial: V; ttl?: Ttl }): Slot<V>;
export function valueState<V>(type: DataType<V>, options?: { ttl?: Ttl }): Slot<V | null>;
/**
 * Any number of items of each key: an array. The host is handed what was appended, or all of them
 * where something else was done.
 */
export function listState<V>(item: DataType<V>, options?: { ttl?: Ttl }): Slot<V[]>;
/** Any number of entries of each key: a `Map`. The host is handed those that were put or removed. */
export function mapState<K, V>(key: DataType<K>, value: DataType<V>, options?: { ttl?: Ttl }): Slot<Map<K, V>>;

/** Forgets all that is kept of a key: `state` is again what it is at first. */
export function forget(state: object): void;

/** The columns of rows beside the result. */
export type SideOutputs = { readonly [name: string]: Types };

/** A row as an object of its columns. */
export type RowOf<C extends Types> = { [K in keyof C]: ValueOf<C[K]> };

/** Rows that a function of `process` gives: none, any number, or one as an object of the columns. */
export type GivenRows<C extends Types> =
  | Iterable<TableRow<C>>
  | { [K in keyof C]: ValueOf<C[K]> | null | undefined }
  | null
  | undefined
  | void;

/**
 * A function of the rows of a key, one behind another. `eval` is called for each row, `onTimer` for each
 * timer whose time has come; both change `state`. A row with NULL for an argument that is not `nullable`
 * is left out; an error fails the row or the timer, and leaves the state as it was.
 */
export function process<
  A extends Types,
  C extends Types,
  S extends Slots = {},
  O extends SideOutputs = {},
  B extends Types = {},
  T = RowOf<B>[],
>(
  definition: Named & {
    arguments: A;
    /** The result's columns. */
    columns: C;
    state?: S;
    sideOutputs?: O;
    /** The broadcast table: what `parse` makes of its rows, whenever there are others, is `call.broadcast`. */
    broadcast?: { columns: B; parse?: (rows: RowOf<B>[]) => T };
    eval: Called<A, GivenRows<C>, [state: KeptOf<S>, call: Call<T, O>]>;
    onTimer?: (state: KeptOf<S>, call: Call<T, O>, timer: string) => GivenRows<C>;
  },
): new () => ProcessFunction;

/**
 * A row, or a timer whose time has come. Times are milliseconds since 1970. What is done by it counts
 * when the call throws nothing.
 */
export class Call<T = unknown, O extends SideOutputs = {}> {
  /** The call of one row, for tests. */
  constructor(given?: { time?: bigint; watermark?: bigint; now?: bigint; broadcast?: T });
  /** Of the row or of the timer; undefined where the job gives none. */
  readonly time: bigint | undefined;
  /** All rows up to this time have come; undefined before the first ones, 2n ** 63n - 1n after the last. */
  readonly watermark: bigint | undefined;
  /** The machine's clock as the call began. */
  readonly now: bigint;
  /** What `parse` made of the rows of the broadcast table. */
  readonly broadcast: T;
  /** The key's timer of this name fires once the watermark has come to `at`; it replaces the one before. */
  setTimer(name: string, at: bigint): void;
  /** The same, by the machine's clock. */
  setProcessingTimer(name: string, at: bigint): void;
  clearTimer(name: string): void;
  /** For when this call has set a timer of the key. */
  timer(name: string): bigint | undefined;
  /** Gives a row of a side output. */
  give<N extends keyof O>(sideOutput: N, row: TableRow<O[N]>): void;
  /** In tests, the rows of a side output that were given. */
  given(sideOutput: keyof O): unknown[];
}

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

/** Rows of many keys in, any number of rows out. A class of it has `static signature: TableSignature`. */
export abstract class ProcessFunction {
  static signature?: TableSignature;
  open(context: OpenContext): MaybePromise<void>;
  /** By default the columns of the signature. */
  returns(): Types | Field[];
  /** What is kept of each key (nothing). */
  slots(): Slots;
  /** The columns of rows beside the result (none). */
  sideOutputs(): SideOutputs;
  /** The columns of the broadcast table (there is none). */
  broadcast(): Types | Field[] | undefined;
  /** Throws `RowErrors`: then nothing has changed, and the other rows may come again. */
  abstract batchEval(rows: Batch, keyed: Keyed): MaybePromise<OutputRows[]>;
  /** Timers whose time has come, earliest first. They are gone, unless the call sets them anew. */
  onTimers(timers: { names: ArrayLike<string>; at: ArrayLike<bigint> }, keyed: Keyed): MaybePromise<OutputRows[]>;
}

/** The keys of a call, numbered from 0, with their state. What it changes counts if it throws nothing. */
export class Keyed {
  private constructor();
  /** The columns of PARTITION BY, one row a key. */
  keys(): Batch;
  /** Of each row or timer of the call the number of its key. */
  numbers(): Uint32Array;
  /** Of each row or timer its time, in milliseconds since 1970; undefined where the job gives none. */
  times(): Values<bigint> | undefined;
  watermark(): bigint | undefined;
  /** The machine's clock as the call began. */
  now(): bigint;
  /** One row a key: a value or NULL, a list, of a map a list of `{ key, value }` in the order of their keys. */
  read(slot: string): Column;
  /** Of a map: for each row the value that the key `keys[row]` has under `entries[row]`, or NULL. */
  lookup(slot: string, keys: ArrayLike<number>, entries: Column): Column;
  /** Replaces all that these keys have; NULL, or an empty list, is nothing. */
  write(slot: string, keys: ArrayLike<number>, values: Column): void;
  /** Of a list: appends an item each. */
  append(slot: string, keys: ArrayLike<number>, items: Column): void;
  /** Of a map: puts an entry each; one whose value is NULL is removed. */
  put(slot: string, keys: ArrayLike<number>, entries: Column, values: Column): void;
  /** A key has one timer of a name. `at` are milliseconds since 1970. */
  setTimers(name: string, keys: ArrayLike<number>, at: ArrayLike<bigint>): void;
  setProcessingTimers(name: string, keys: ArrayLike<number>, at: ArrayLike<bigint>): void;
  clearTimers(name: string, keys: ArrayLike<number>): void;
  /** The rows of the broadcast table that have come. */
  broadcast(): Batch;
  /** Another number whenever there are other rows. */
  broadcastVersion(): bigint;
}

/** Rows that a call of a process function gives. */
export class OutputRows {
  /** `origins` are uint32 without NULL: the row or the timer of the call that each row comes of. */
  constructor(rows: Batch, origins: Column, side?: string);
  /** Of pairs of an origin and a row. `side` is the name of a side output. */
  static collect<C extends Types>(
    columns: C | Field[],
    pairs: Iterable<[origin: number, row: TableRow<C>]>,
    side?: string,
  ): OutputRows;
  readonly rows: Batch;
  readonly origins: Column;
  readonly side: string | undefined;
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
  process: object;
};
