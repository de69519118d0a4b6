// What nearly every page and element uses, from one place: each would have ten lines of imports otherwise.

export * from "./about-values.js";
export * from "./api.js";
export * from "./clock.js";
export * from "./dom.js";
export * from "./fold.js";
export * from "./format.js";
export * from "./known-devices.js";
export * from "./own.js";
export * from "./rules.js";
export * from "./store.js";
export * from "./words.js";
