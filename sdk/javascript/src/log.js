//! Lines in the host's log, with the function's name beside them.

import * as host from '#host';

/** Writes a line; `level` is `trace`, `debug`, `info`, `warn` or `error`. */
export function log(level, message) {
  host.log(level, String(message));
}

const LEVELS = { trace: 'trace', debug: 'debug', log: 'info', info: 'info', warn: 'warn', error: 'error' };

let installed = false;

/** Makes `console` write to the host's log. Not before a call: there is no host while a plugin is built. */
export function installConsole() {
  if (installed) return;
  installed = true;
  for (const [method, level] of Object.entries(LEVELS)) {
    globalThis.console[method] = (...values) => log(level, values.map(text).join(' '));
  }
}

function text(value) {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return value.stack ? `${value}\n${value.stack}` : String(value);
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner));
  } catch {
    return String(value);
  }
}
