// Looks names of devices up: "constructor" and "__proto__" are names like all others.

/**
 * Returns what an object has of its own under a name, never what every object inherits.
 * @template T
 * @param {Record<string, T>} object
 * @param {string} name
 * @returns {T | undefined}
 */
export const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);
