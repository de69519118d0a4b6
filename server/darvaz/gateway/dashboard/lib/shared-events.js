// The program that all tabs of a browser share: it holds their streams of events.

import { EventHub } from "./event-hub.js";

/** @type {EventHub | null} made with the first tab, which knows the gateway's address */
let hub = null;

/** @param {MessageEvent} connection */
function onconnect(connection) {
  const port = connection.ports[0];
  port.onmessage = ({ data: { base, wish } }) => {
    hub ??= new EventHub(base);
    hub.want(port, wish, (message) => port.postMessage(message));
  };
}

globalThis.addEventListener("connect", /** @type {any} */ (onconnect));
