// Small drawings of our own, in the colour of the text beside them.

import { drawn } from "../lib/page.js";

/** The path of each icon in a square of 24, by the names that boards may use. */
/** @type {Record<string, string>} */
const PATHS = {
  lamp: "M9 18h6M10 21h4M12 3a6 6 0 0 0-4 10.5c.8.8 1 1.5 1 2.5h6c0-1 .2-1.7 1-2.5A6 6 0 0 0 12 3Z",
  power: "M12 3v9M6.3 7.3a8 8 0 1 0 11.4 0",
  temperature: "M10 13.5V5a2 2 0 1 1 4 0v8.5a4 4 0 1 1-4 0Z",
  humidity: "M12 3c3 4 6 7 6 11a6 6 0 0 1-12 0c0-4 3-7 6-11Z",
  fan: "M12 12c-2-6 1-8 4-8 0 4-2 6-4 8Zm0 0c6-2 8 1 8 4-4 0-6-2-8-4Zm0 0c2 6-1 8-4 8 0-4 2-6 4-8Zm0 0c-6 2-8-1-8-4 4 0 6 2 8 4Z",
  pump: "M4 20h16M6 20V9h8v11M14 12h4v-3M9 9V5h2v4",
  lock: "M6 11h12v9H6zM9 11V7a3 3 0 0 1 6 0v4",
  unlocked: "M6 11h12v9H6zM9 11V7a3 3 0 0 1 5.8-1",
  entry: "M6 21V3h12v18M4 21h16M14.5 12h.1",
  bell: "M6 17h12l-1.5-3V10a4.5 4.5 0 0 0-9 0v4ZM10 20h4",
  camera: "M3 8h4l2-3h6l2 3h4v11H3zM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7Z",
  expand: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  battery: "M3 8h15v8H3zM18 11h3v2h-3M6 10.5v3",
  motion: "M13 4a1.5 1.5 0 1 0 .1 0M8 21l3-6-2-4 4-2 3 3M12 15l3 2v4M6 11l3-2",
  wind: "M3 9h11a3 3 0 1 0-3-3M3 14h15a3 3 0 1 1-3 3M3 12h5",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M5 19l2-2",
  servo: "M12 12l5-5M5 19a9.5 9.5 0 1 1 14 0M12 13.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Z",
  restart: "M4 12a8 8 0 1 0 2.5-5.8M4 4v5h5",
  info: "M12 11v6M12 7.5h.1M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z",
  release: "M12 16V5M8 9l4-4 4 4M5 19h14",
  devices: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  journal: "M6 3h12v18H6zM9 8h6M9 12h6M9 16h4",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 7v5l3.5 2",
  chart: "M4 4v16h16M7 15l4-5 3 3 5-7",
  people: "M9 5a3 3 0 1 0 .1 0M3 20c0-4 2.5-6 6-6s6 2 6 6M16 6a2.5 2.5 0 1 1 0 5M17 14c2.5.3 4 2.3 4 6",
  more: "M4 6h16M4 12h16M4 18h16",
  add: "M12 5v14M5 12h14",
  key: "M14 10a4 4 0 1 0-3.5 4L12 15.5V18h2.5v2.5H18V17l-4.5-4.5A4 4 0 0 0 14 10Z",
  warning: "M12 4 2.5 20h19ZM12 10v4.5M12 17.3h.1",
  table: "M4 5h16v14H4zM4 10h16M4 14.5h16M10 5v14",
  signal: "M4 18v-3M9 18v-6M14 18V9M19 18V5",
};

/**
 * Returns an icon, or null if there is none of this name; it says nothing to a screen reader.
 * @param {string} [name]
 */
export function icon(name) {
  if (name === undefined || !Object.hasOwn(PATHS, name)) return null;
  const attributes = { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" };
  return drawn("svg", attributes, drawn("path", { d: PATHS[name] }));
}

/** The names that there are icons for. */
export const ICONS = Object.keys(PATHS);
