// The drive that a Pico shows in its bootloader, in a folder that somebody chose (File System Access API): which chip
// it has, and an image copied onto it.

import { BoardError } from "./board-error.js";

/** @import { Progress } from "./types.js" */

const INFO = "INFO_UF2.TXT";
const INFO_BYTES_MAX = 4_096;
/** @type {Record<string, string>} */
const CHIPS = { "RPI-RP2": "RP2040", RP2350: "RP2350" };
const PIECE_BYTES = 64 * 1024;
const LOOK_MS = 200;
const LEAVE_MS = 30_000;

/**
 * Returns the chip whose drive a folder is; the names of folders are not the same on all systems.
 * @param {FileSystemDirectoryHandle} folder
 */
export async function chipOf(folder) {
  const info = await infoOf(folder);
  if (info === null) throw new BoardError("pico_no_drive", folder.name);
  const board = /^Board-ID:\s*(\S+)/m.exec(info)?.[1] ?? "";
  if (!CHIPS[board]) throw new BoardError("pico_other_drive", board || folder.name);
  return CHIPS[board];
}

/**
 * Copies an image; after the last block the board restarts, and its drive is gone.
 * @type {(folder: FileSystemDirectoryHandle, image: Uint8Array, report: Progress, signal: AbortSignal) => Promise<void>}
 */
export async function copyImage(folder, image, report, signal) {
  let doneBytes = 0;
  /** @type {FileSystemWritableFileStream | undefined} */
  let file;
  try {
    file = await (await folder.getFileHandle("firmware.uf2", { create: true })).createWritable();
    for (; doneBytes < image.length; doneBytes += PIECE_BYTES) {
      signal.throwIfAborted();
      await file.write(/** @type {Uint8Array<ArrayBuffer>} */ (image.subarray(doneBytes, doneBytes + PIECE_BYTES)));
      report("flash_writes", Math.min(1, (doneBytes + PIECE_BYTES) / image.length));
    }
    await file.close();
  } catch (error) {
    // The board restarts with the last block, before the browser has given the file its name.
    if (doneBytes < image.length || (await infoOf(folder)) !== null) {
      await file?.abort().catch(() => {});
      if (signal.aborted) throw signal.reason;
      throw new BoardError("pico_not_copied", /** @type {Error} */ (error).message);
    }
  }
  await gone(folder);
}

/** @param {FileSystemDirectoryHandle} folder */
async function gone(folder) {
  const endMs = performance.now() + LEAVE_MS;
  while ((await infoOf(folder)) !== null) {
    if (performance.now() > endMs) throw new BoardError("pico_stays");
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/**
 * Returns what the drive says of itself; null if it is not there.
 * @param {FileSystemDirectoryHandle} folder
 */
async function infoOf(folder) {
  try {
    return await (await (await folder.getFileHandle(INFO)).getFile()).slice(0, INFO_BYTES_MAX).text();
  } catch {
    return null;
  }
}
