// Why a board could not be used, for the reader.

/** Its message is the key of a sentence, and `value` what is in it. */
export class BoardError extends Error {
  /**
   * @param {string} key
   * @param {string} [value]
   */
  constructor(key, value = "") {
    super(key);
    this.value = value;
  }
}
