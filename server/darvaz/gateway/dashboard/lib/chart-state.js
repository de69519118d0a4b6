// What a chart shows, as the address of its page has it: the values, the time, and what they are compared with.

/** @typedef {{device: string, name: string}} ChartSeries one value of one board */

/**
 * @typedef {object} ChartState
 * @property {ChartSeries[]} series
 * @property {number} lastS the time until now, in seconds; 0: from `fromS` to `toS`
 * @property {number} fromS Unix seconds
 * @property {number} toS Unix seconds
 * @property {number} compareS how much earlier the compared time is, in seconds; 0: none
 * @property {boolean} hasMarks whether offline times, commands, releases and alerts are shown
 */

export const SERIES_MAX = 20;
export const DAY_S = 86_400;
/** Lengths of time that can be chosen, in seconds, by the keys of their words. */
export const LENGTHS = /** @type {const} */ ({
  minutes: 600,
  hour: 3_600,
  day: DAY_S,
  week: 7 * DAY_S,
  month: 30 * DAY_S,
  year: 365 * DAY_S,
});
/** What a time can be compared with, in seconds. */
export const COMPARISONS = /** @type {const} */ ({ yesterday: DAY_S, last_week: 7 * DAY_S, last_year: 364 * DAY_S });
const SPAN_MIN_S = 10;
const SPAN_MAX_S = 20 * 365 * DAY_S;

/**
 * Returns what an address asks for; what it has wrong is left out.
 * @param {string} hash
 * @returns {ChartState}
 */
export function chartStateOf(hash) {
  const query = new URLSearchParams(hash.split("?")[1] ?? "");
  const numberOf = (/** @type {string} */ key) => Math.max(0, Number(query.get(key)) || 0);
  const [fromS, toS] = [numberOf("from"), numberOf("to")];
  const isFixed = fromS > 0 && toS - fromS >= SPAN_MIN_S;
  return {
    series: distinct(query.getAll("s").flatMap(seriesOf)).slice(0, SERIES_MAX),
    lastS: isFixed ? 0 : Math.min(SPAN_MAX_S, Math.max(SPAN_MIN_S, numberOf("last") || LENGTHS.day)),
    fromS: isFixed ? fromS : 0,
    toS: isFixed ? Math.min(toS, fromS + SPAN_MAX_S) : 0,
    compareS: Math.min(numberOf("compare"), SPAN_MAX_S),
    hasMarks: query.get("marks") !== "0",
  };
}

/**
 * Returns the address of a chart.
 * @param {Partial<ChartState>} state
 */
export function chartHashOf({ series = [], lastS = LENGTHS.day, fromS = 0, toS = 0, compareS = 0, hasMarks = true }) {
  const query = new URLSearchParams();
  for (const { device, name } of series) query.append("s", `${device}/${name}`);
  if (lastS) query.set("last", String(lastS));
  else {
    query.set("from", String(Math.round(fromS)));
    query.set("to", String(Math.round(toS)));
  }
  if (compareS) query.set("compare", String(compareS));
  if (!hasMarks) query.set("marks", "0");
  return `#/charts?${query}`;
}

/**
 * Returns the time that a chart shows.
 * @param {ChartState} state
 * @param {number} nowS
 * @returns {[fromS: number, toS: number]}
 */
export function spanOf({ lastS, fromS, toS }, nowS) {
  return lastS ? [nowS - lastS, nowS] : [fromS, toS];
}

/**
 * Returns the change of a state that makes a time longer or shorter around a moment, or moves it.
 * @param {[fromS: number, toS: number]} span
 * @param {{factor?: number, aroundS?: number, shiftS?: number}} change
 */
export function movedSpan([fromS, toS], { factor = 1, aroundS = (fromS + toS) / 2, shiftS = 0 }) {
  const length = Math.min(SPAN_MAX_S, Math.max(SPAN_MIN_S, (toS - fromS) * factor));
  const share = (aroundS - fromS) / (toS - fromS);
  const begin = aroundS - share * length + shiftS;
  return { lastS: 0, fromS: begin, toS: begin + length };
}

/** @type {(text: string) => ChartSeries[]} */
function seriesOf(text) {
  // A name of a value has no slash; the id of a board may have one.
  const at = text.lastIndexOf("/");
  return at > 0 && at < text.length - 1 ? [{ device: text.slice(0, at), name: text.slice(at + 1) }] : [];
}

/** @type {(series: ChartSeries[]) => ChartSeries[]} */
function distinct(series) {
  return [...new Map(series.map((each) => [`${each.device}/${each.name}`, each])).values()];
}
