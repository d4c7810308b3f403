//! What went wrong, and whose fault it is.

/** One row is bad. Any other `Error` that a function of a row throws says the same. */
export class RowError extends Error {
  name = 'RowError';
}

/** Rows of a batch are bad: what `batchEval` throws. `rows` is `[{ row, message }]`, rows from 0. */
export class RowErrors extends Error {
  name = 'RowErrors';

  constructor(rows) {
    super(rows.map(({ row, message }) => `row ${row}: ${message}`).join('; '));
    this.rows = rows;
  }
}

/** The job is wrong: a bad parameter, bad argument types. */
export class InvalidError extends Error {
  name = 'InvalidError';
}

/** The function itself failed: none of the batch's rows has a result. */
export class FailedError extends Error {
  name = 'FailedError';
}

/** What the engine throws; it is no `Error`. */
const NO_MEMORY = 'out of memory';

/** Gathers what is wrong with the rows of a batch. */
export class BadRows {
  rows = [];

  /** Takes an error that a row's function threw; throws it on where it is none of the row. */
  add(row, error) {
    if (error instanceof InvalidError || error instanceof FailedError) throw error;
    if (messageOf(error) === NO_MEMORY) throw error;
    this.rows.push({ row, message: messageOf(error) });
  }

  /** Throws where a row is bad. */
  check() {
    if (this.rows.length > 0) throw new RowErrors(this.rows.sort((a, b) => a.row - b.row));
  }
}

/** The text of whatever was thrown, also by the bindings, whose `Error` is another one. */
export const messageOf = (error) =>
  typeof error?.message === 'string' ? error.message || error.name : String(error);

/** An error as the contract has it. */
export function toWireError(error) {
  if (error instanceof RowErrors) {
    const rows = error.rows.map(({ row, message }) => ({ row, message: String(message) }));
    return { tag: 'rows', val: rows };
  }
  const tag = error instanceof InvalidError ? 'invalid' : 'failed';
  const message = messageOf(error);
  const hint = ": a larger 'limit.memory' or a smaller 'job.batch-rows' may help";
  return { tag, val: message === NO_MEMORY ? message + hint : message };
}
