// Sets globals of the tests.

/** Sets a global, also where Node.js has a read-only one. */
export function define(name, value) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
