// Which columns the table of devices has: chosen by the reader, and kept in the browser.

const KEY = "darvaz.columns";
/** The columns that there are, in their order; the name is always there. */
export const ALL_COLUMNS = [
  "state",
  "values",
  "group",
  "signal",
  "memory",
  "version",
  "release",
  "kind",
  "address",
  "uptime",
];
const SELDOM = new Set(["release", "kind"]);

/** Returns the columns of the table, in their order. */
export function chosenColumns() {
  const kept = localStorage.getItem(KEY)?.split(" ");
  return ["name", ...ALL_COLUMNS.filter((column) => (kept ? kept.includes(column) : !SELDOM.has(column)))];
}

/**
 * Shows a column, or does not.
 * @type {(column: string, isShown: boolean) => void}
 */
export function showColumn(column, isShown) {
  const others = chosenColumns().filter((each) => each !== column);
  localStorage.setItem(KEY, [...others, ...(isShown ? [column] : [])].join(" "));
}
