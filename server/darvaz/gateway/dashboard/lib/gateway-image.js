// An image of MicroPython from the gateway: in pieces, so that each has its own deadline, and compared with its checksum.

import { relative, request } from "./api.js";
import { BoardError } from "./board-error.js";
import { sha256 } from "./checksums.js";
import { IMAGE_BYTES_MAX } from "./micropython-image.js";

/** @import { Progress } from "./types.js" */

const PIECE_BYTES = 256 * 1024;
const PIECE_MS = 30_000;
/** How long the gateway may take to fetch an image. */
const FETCH_MS = 310_000;

/** @typedef {{ board: string, name: string, version: string, sha256: string, size_bytes: number }} KnownImage */

/**
 * Returns the image for a board; null if the gateway has none.
 * @type {(board: string, report: Progress, signal: AbortSignal) => Promise<{ about: KnownImage, data: Uint8Array } | null>}
 */
export async function loadImage(board, report, signal) {
  const { images } = await request("GET", "/api/micropython");
  const about = images.find((/** @type {KnownImage} */ image) => image.board === board);
  if (!about) return null;
  const data = new Uint8Array(Math.min(about.size_bytes, IMAGE_BYTES_MAX));
  for (let at = 0; at < data.length; at += PIECE_BYTES) {
    const piece = await loadPiece(board, at, AbortSignal.any([signal, AbortSignal.timeout(PIECE_MS)]));
    if (piece.length !== Math.min(PIECE_BYTES, data.length - at)) throw new BoardError("image_checksum");
    data.set(piece, at);
    report("image_comes", (at + piece.length) / data.length);
  }
  if ((await sha256(data)) !== about.sha256) throw new BoardError("image_checksum");
  return { about, data };
}

/**
 * Has the gateway fetch the published image.
 * @param {string} board
 */
export async function fetchImage(board) {
  await request("POST", `/api/micropython/${board}`, undefined, FETCH_MS);
}

/** @type {(board: string, at: number, signal: AbortSignal) => Promise<Uint8Array>} */
async function loadPiece(board, at, signal) {
  const headers = { Range: `bytes=${at}-${at + PIECE_BYTES - 1}` };
  const response = await fetch(relative(`/api/micropython/${board}`), { headers, signal }).catch(() => null);
  signal.throwIfAborted();
  if (response?.status !== 206) throw new BoardError("image_interrupted");
  return new Uint8Array(await response.arrayBuffer());
}
