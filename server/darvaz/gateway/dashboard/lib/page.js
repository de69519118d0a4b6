// What nearly every page and element uses, from one place: each would have five lines of imports otherwise.

export { failureText, pathOf, reasonOf, request } from "./api.js";
export { announce, bdi, h, oncePerFrame, visible } from "./dom.js";
export { nameOf } from "./known-devices.js";
export { follow, store } from "./store.js";
export { t } from "./words.js";
