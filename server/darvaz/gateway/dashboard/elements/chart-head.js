// The head of a chart that is saved as a picture, in place of the legend that a page has.

import { formatIso, visible } from "../lib/page.js";
import { colourOf } from "./chart-drawing.js";

/** @import { ChartModel, Look } from "./chart-drawing.js" */

/** The height of a line, in CSS pixels. */
export const HEAD = 22;

/**
 * Writes the time and the names of the lines, for a picture that has no legend beside it.
 * @type {(pen: CanvasRenderingContext2D, model: ChartModel, look: Look) => void}
 */
export function drawHead(pen, { fromS, toS, lines }, look) {
  pen.font = `13px ${look.font}`;
  pen.textBaseline = "middle";
  pen.textAlign = "start";
  pen.fillStyle = look.quiet;
  pen.fillText(`${formatIso(fromS)} – ${formatIso(toS)}`, 8, HEAD / 2);
  for (const [row, { title, at }] of lines.entries()) {
    const y = HEAD * (row + 1.5);
    pen.fillStyle = colourOf(at, look.isDark);
    pen.fillRect(8, y - 2, 18, 4);
    pen.fillStyle = look.ink;
    pen.fillText(visible(title), 34, y);
  }
}
