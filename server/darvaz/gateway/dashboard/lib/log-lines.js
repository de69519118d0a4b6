// Lines of a device's log: from the journal, and joined with those that the stream of events brought.

/** @import { JournalEntry, LogLine } from "./types.js" */

export const LEVELS = ["debug", "info", "warning", "error", "critical"];
// The journal rounds times, and has one for all that came together.
const SAME_S = 0.01;

/**
 * Returns the line of a journal entry.
 * @param {JournalEntry} entry
 * @returns {LogLine}
 */
export function lineOfEntry({ happened: time, payload }) {
  try {
    const { level = "info", message } = JSON.parse(payload);
    return { time, level, message: String(message) };
  } catch {
    return lineOfStart(time, payload);
  }
}

/**
 * Returns the line of a long entry, of which the journal keeps the beginning alone.
 * @param {number} time
 * @param {string} payload
 * @returns {LogLine}
 */
function lineOfStart(time, payload) {
  // Within a text every quotation mark has a backslash, so these are the fields themselves.
  const start = payload.match(/"message"\s*:\s*("(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-f]{4}))*)/i);
  const level = payload.match(/"level"\s*:\s*"(\w+)"/)?.[1] ?? "info";
  return { time, level, message: start ? `${JSON.parse(`${start[1]}"`).replace(/…$/, "")}…` : payload };
}

/**
 * Whether two lines are one, which the journal and the stream of events both brought.
 * @type {(a: LogLine, b: LogLine) => boolean}
 */
export const isSameLine = (a, b) =>
  Math.abs(a.time - b.time) < SAME_S && a.message === b.message && a.level === b.level;

/**
 * Returns earlier lines and then later ones; a line at the border that is in both appears once.
 * @param {LogLine[]} earlier
 * @param {LogLine[]} later
 */
export function joinLines(earlier, later) {
  const border = later.slice(0, earlier.length);
  const isInLater = (/** @type {LogLine} */ line) =>
    border.some(({ time, message }) => message === line.message && Math.abs(time - line.time) < SAME_S);
  const sinceS = (earlier.at(-1)?.time ?? 0) - SAME_S;
  return [...earlier.filter((line) => line.time < sinceS || !isInLater(line)), ...later];
}

/**
 * Whether a line has at least a level and contains a text.
 * @param {LogLine} line
 * @param {string} least the lowest level
 * @param {string} text
 */
export function isMatch({ level, message }, least, text) {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(least) && message.toLowerCase().includes(text.toLowerCase());
}
