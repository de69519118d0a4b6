// Scripts that are loaded when they are first needed, on a network that may lose them.

const AGAIN_MS = 2_000;
const TRIES_KEY = "darvaz.page-tries";
const TRIES_MAX = 3;

/**
 * Loads a script. A browser remembers one that was lost: only another page can load it again.
 * @template T
 * @param {() => Promise<T>} load
 * @returns {Promise<T>}
 */
export async function loadScript(load) {
  try {
    const loaded = await load();
    sessionStorage.removeItem(TRIES_KEY);
    return loaded;
  } catch (error) {
    const tries = Number(sessionStorage.getItem(TRIES_KEY) ?? 0) + 1;
    sessionStorage.setItem(TRIES_KEY, String(tries));
    if (tries > TRIES_MAX) throw error;
    // Without the gateway, the browser would show a page of its own.
    while (!(await isGatewayThere())) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    location.reload();
    return new Promise(() => {});
  }
}

/** Returns whether the gateway answers. */
async function isGatewayThere() {
  try {
    return (await fetch(new URL("health", document.baseURI))).status > 0;
  } catch {
    return false;
  }
}
