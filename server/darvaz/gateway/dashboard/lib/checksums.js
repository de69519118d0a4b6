// Checksums in hex: SHA-256 by the browser, and MD5, which browsers lack and the loader of an ESP32 has (RFC 1321).

const ROUNDS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
];
const SINES = Array.from({ length: 64 }, (_, step) => Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32) | 0);
const BLOCK_BYTES = 64;

/** @param {Uint8Array} data */
export async function sha256(data) {
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", /** @type {Uint8Array<ArrayBuffer>} */ (data))));
}

/** @param {Uint8Array} data */
export function md5(data) {
  const padded = new Uint8Array(Math.ceil((data.length + 9) / BLOCK_BYTES) * BLOCK_BYTES);
  padded.set(data);
  padded[data.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, data.length * 8, true);
  view.setUint32(padded.length - 4, data.length / 2 ** 29, true);
  const state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]);
  for (let at = 0; at < padded.length; at += BLOCK_BYTES) {
    mix(
      state,
      Int32Array.from({ length: 16 }, (_, index) => view.getInt32(at + 4 * index, true)),
    );
  }
  return hexOf(new Uint8Array(state.buffer));
}

/** @type {(state: Int32Array, words: Int32Array) => void} */
function mix(state, words) {
  let [a, b, c, d] = state;
  for (let step = 0; step < 64; step++) {
    const round = step >> 4;
    const value = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][round];
    const index = [step, 5 * step + 1, 3 * step + 5, 7 * step][round] & 15;
    const sum = (a + value + SINES[step] + words[index]) | 0;
    const shift = ROUNDS[round][step & 3];
    [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
  }
  [a, b, c, d].forEach((value, index) => {
    state[index] += value;
  });
}

/** @param {Uint8Array} bytes */
function hexOf(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
