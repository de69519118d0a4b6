// Copies text, with and without the clipboard of the browser.

/**
 * Copies a text and returns whether that worked. Without TLS browsers have no `navigator.clipboard`; the older way
 * still works there, and leaves the text selected where it does not.
 * @param {string} text
 * @param {Node} code the element that shows the text
 */
export async function isCopied(text, code) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(code);
    return document.execCommand("copy");
  }
}
