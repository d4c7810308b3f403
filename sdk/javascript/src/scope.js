//! Handles live in the host, and their number is limited: those of a call are given back at its end.

let current;

/** Gives a handle back at the end of the call, if one is going on. */
export function track(resource) {
  current?.add(resource);
  return resource;
}

/** Keeps a handle beyond the call. */
export function untrack(resource) {
  current?.delete(resource);
  return resource;
}

/** Runs a call of the host; there is one at a time. */
export async function scoped(call) {
  const resources = new Set();
  current = resources;
  try {
    return await call();
  } finally {
    current = undefined;
    for (const resource of resources) resource.drop();
  }
}
