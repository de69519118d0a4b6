// The numbers behind a chart: ticks of time and value, spans of states and of being offline, and the rows of a file.

/** @import { JournalEntry, Point, Value } from "./types.js" */

/** @typedef {[timeS: number, value: Value]} State since when a value is what */
/** @typedef {{fromS: number, toS: number, value: Value}} Span */

const HOUR_S = 3_600;
const DAY_S = 86_400;
const SECONDS = [1, 5, 10, 15, 30, 60, 300, 600, 900, 1_800];
const HOURS = [1, 3, 6, 12];
const DAYS = [1, 2, 7, 14];
const MONTHS = [1, 3, 6, 12, 60];
const MONTH_S = 30 * DAY_S;

/**
 * Returns round moments of the reader's clock within a time, and how far apart they are in seconds.
 * @param {number} fromS
 * @param {number} toS
 * @param {number} most how many there may be
 * @returns {{times: number[], stepS: number}}
 */
export function timeTicksOf(fromS, toS, most) {
  const wantedS = (toS - fromS) / Math.max(1, most);
  const within = (/** @type {number[]} */ times) => times.filter((timeS) => timeS >= fromS && timeS <= toS);
  const seconds = SECONDS.find((step) => step >= wantedS);
  if (seconds) return { times: within(bySeconds(fromS, toS, seconds)), stepS: seconds };
  const hours = HOURS.find((step) => step * HOUR_S >= wantedS);
  const days = DAYS.find((step) => step * DAY_S >= wantedS);
  const months = MONTHS.find((step) => step * MONTH_S >= wantedS) ?? 120;
  if (hours) return { times: within(byCalendar(fromS, toS, { hours })), stepS: hours * HOUR_S };
  if (days) return { times: within(byCalendar(fromS, toS, { days })), stepS: days * DAY_S };
  return { times: within(byCalendar(fromS, toS, { months })), stepS: months * MONTH_S };
}

/** @type {(fromS: number, toS: number, stepS: number) => number[]} */
function bySeconds(fromS, toS, stepS) {
  const aheadS = new Date(fromS * 1000).getTimezoneOffset() * -60;
  const first = Math.ceil((fromS + aheadS) / stepS) * stepS - aheadS;
  return Array.from({ length: Math.max(0, Math.floor((toS - first) / stepS) + 1) }, (_, at) => first + at * stepS);
}

/** @type {(fromS: number, toS: number, step: {hours?: number, days?: number, months?: number}) => number[]} */
function byCalendar(fromS, toS, { hours = 0, days = 0, months = 0 }) {
  const from = new Date(fromS * 1000);
  const [year, month, day] = [from.getFullYear(), from.getMonth(), from.getDate()];
  const times = [];
  // By the calendar: a day of 23 hours has its midnight too.
  for (let at = 0; ; at += 1) {
    const date = months
      ? new Date(year, Math.floor(month / months) * months + at * months)
      : new Date(year, month, day + at * days, at * hours);
    const timeS = date.getTime() / 1000;
    if (timeS > toS) return times;
    times.push(timeS);
  }
}

/**
 * Returns the values between those that an axis names, for small marks.
 * @param {number[]} ticks the same distance apart
 * @param {number} low
 * @param {number} high
 */
export function minorTicksOf(ticks, low, high) {
  if (ticks.length < 2) return [];
  const step = ticks[1] - ticks[0];
  const digit = Math.round(step / 10 ** Math.floor(Math.log10(step) + 1e-9));
  const minor = step / (digit === 2 ? 4 : 5);
  const count = Math.round((high - low) / minor);
  const first = Math.ceil(low / minor);
  return Array.from({ length: Math.max(0, count) }, (_, at) => (first + at) * minor).filter(
    (value) => value <= high && Math.abs(value / step - Math.round(value / step)) > 1e-6,
  );
}

/**
 * Returns mean, lowest and highest of points, each with the weight of its readings; null without points.
 * @param {Point[]} points
 */
export function statisticsOf(points) {
  if (!points.length) return null;
  const count = points.reduce((sum, point) => sum + point[4], 0);
  return {
    mean: points.reduce((sum, [, mean, , , weight]) => sum + mean * weight, 0) / count,
    low: points.reduce((low, point) => Math.min(low, point[2]), Number.POSITIVE_INFINITY),
    high: points.reduce((high, point) => Math.max(high, point[3]), Number.NEGATIVE_INFINITY),
    count,
  };
}

/**
 * Returns since when until when a value was what, within a time.
 * @param {State[]} states oldest first
 * @param {number} fromS
 * @param {number} toS
 * @returns {Span[]}
 */
export function spansOf(states, fromS, toS) {
  return states
    .map(([timeS, value], at) => ({
      fromS: Math.max(fromS, timeS),
      toS: Math.min(toS, states[at + 1]?.[0] ?? toS),
      value,
    }))
    .filter((span) => span.toS > span.fromS);
}

/**
 * Returns for how long each state was so, the longest first, as shares of the time that is known.
 * @param {Span[]} spans
 * @returns {[value: Value, share: number][]}
 */
export function sharesOf(spans) {
  /** @type {Map<Value, number>} */
  const sums = new Map();
  for (const { fromS, toS, value } of spans) sums.set(value, (sums.get(value) ?? 0) + toS - fromS);
  const whole = [...sums.values()].reduce((sum, each) => sum + each, 0) || 1;
  return [...sums]
    .map(([value, sum]) => /** @type {[Value, number]} */ ([value, sum / whole]))
    .sort((a, b) => b[1] - a[1]);
}

/**
 * Returns when a board was offline, by the entries of the journal about its links.
 * @param {Pick<JournalEntry, "type" | "happened">[]} entries oldest first
 * @param {number} fromS
 * @param {number} toS
 * @param {boolean} isOnline whether it is online at the end
 * @returns {[fromS: number, toS: number][]}
 */
export function offlineSpansOf(entries, fromS, toS, isOnline) {
  const ends = entries.filter(({ type }) => type === "connected" || type === "disconnected");
  /** @type {[number, number][]} */
  const spans = [];
  let sinceS = ends[0]?.type === "connected" || (!ends.length && !isOnline) ? fromS : null;
  for (const { type, happened } of ends) {
    if (type === "disconnected") sinceS ??= happened;
    else if (sinceS !== null) {
      spans.push([sinceS, happened]);
      sinceS = null;
    }
  }
  if (sinceS !== null) spans.push([sinceS, toS]);
  return spans.filter(([from, to]) => to > from);
}

/**
 * Returns the value at a time: of the nearest point, if one is near enough to be meant.
 * @param {Point[]} points
 * @param {number} timeS
 * @param {number} nearS
 * @returns {Point | null}
 */
export function pointAt(points, timeS, nearS) {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < timeS) low = middle + 1;
    else high = middle;
  }
  const near = [points[low - 1], points[low]].filter(Boolean);
  near.sort((a, b) => Math.abs(a[0] - timeS) - Math.abs(b[0] - timeS));
  return near[0] && Math.abs(near[0][0] - timeS) <= nearS ? near[0] : null;
}

/**
 * Returns the rows of a file: a row for each time, with the mean, the lowest and the highest of each series, or its
 * state.
 * @param {{title: string, points: Point[], states: State[]}[]} all
 * @param {(timeS: number) => string} timeText
 * @returns {(Value | null)[][]}
 */
export function rowsOf(all, timeText) {
  /** @type {Map<number, (Value | null)[]>} */
  const rows = new Map();
  const head = ["time"];
  for (const { title, points, states } of all) {
    const at = head.length - 1;
    const isSummed = points.some((point) => point[4] > 1);
    head.push(title, ...(isSummed ? [`${title} min`, `${title} max`] : []));
    const put = (/** @type {number} */ timeS, /** @type {Value[]} */ values) => {
      const row = rows.get(timeS) ?? [];
      rows.set(timeS, row);
      values.forEach((value, by) => {
        row[at + by] = value;
      });
    };
    if (states.length) for (const [timeS, value] of states) put(timeS, [value]);
    else for (const [timeS, mean, low, high] of points) put(timeS, isSummed ? [mean, low, high] : [mean]);
  }
  const times = [...rows.keys()].sort((a, b) => a - b);
  const width = head.length - 1;
  const whole = (/** @type {number} */ timeS) =>
    Array.from({ length: width }, (_, at) => rows.get(timeS)?.[at] ?? null);
  return [head, ...times.map((timeS) => [timeText(timeS), ...whole(timeS)])];
}
