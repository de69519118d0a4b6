// How cameras stand side by side: as many in a row as somebody chose, or as makes the pictures largest.

/** How many in a row can be chosen; 0: as many as fit. */
export const CHOICES = [0, 1, 2, 3, 4];
// Of most pictures.
const RATIO = 4 / 3;

/**
 * Returns how many in a row an address asks for, or else somebody chose before.
 * @type {(hash: string, kept: string | null) => number}
 */
export function columnsOf(hash, kept) {
  const asked = new URLSearchParams(hash.split("?")[1] ?? "").get("columns") ?? kept;
  const columns = Number(asked);
  return CHOICES.includes(columns) ? columns : 0;
}

/** @param {number} columns */
export const wallHashOf = (columns) => `#/cameras${columns ? `?columns=${columns}` : ""}`;

/**
 * Returns how many in a row make all pictures as large as they can be within a screen.
 * @type {(count: number, width: number, height: number) => number}
 */
export function fittingColumns(count, width, height) {
  let [best, bestWidth] = [1, 0];
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const wide = Math.min(width / columns, (height / rows) * RATIO);
    if (wide > bestWidth) [best, bestWidth] = [columns, wide];
  }
  return best;
}
