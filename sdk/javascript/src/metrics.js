//! The function's own metrics, in the host's registry.

import * as host from '#host';

/** Adds a whole number that is not negative. */
export function counter(name, add = 1) {
  host.counter(name, BigInt(add));
}

export function gauge(name, value) {
  host.gauge(name, value);
}

export function histogram(name, value) {
  host.histogram(name, value);
}
