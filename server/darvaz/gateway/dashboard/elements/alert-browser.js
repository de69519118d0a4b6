// Has this browser told of alerts while the page is closed (Web Push), or says why it cannot be and what to do.

import {
  announce,
  attempt,
  button,
  failureLine,
  h,
  hint,
  language,
  panel,
  relative,
  request,
  row,
  t,
} from "./page-parts.js";

/** @import { PushState } from "../lib/types.js" */

const PATH = "/api/push-subscription";
const SCRIPT = "/service-worker.js";

class AlertBrowser extends HTMLElement {
  #status = failureLine();
  #content = h("div", {});

  connectedCallback() {
    this.replaceChildren(panel(h("h2", {}, t("push")), this.#content, this.#status));
    this.#change(async () => {});
  }

  /** @param {() => Promise<unknown>} change */
  async #change(change) {
    this.#status.textContent = "";
    await attempt(this.#status, change);
    await attempt(this.#status, async () => this.#show(await request("GET", PATH)));
  }

  /** @param {PushState} state */
  async #show(state) {
    const hindrance = hindranceOf(state);
    const here = !hindrance && state.is_subscribed ? await subscriptionHere() : null;
    if (here && state.language !== language()) await send(here);
    const hadFocus = this.contains(document.activeElement);
    if (hindrance) this.#content.replaceChildren(hint(hindrance));
    else if (here) this.#content.replaceChildren(...this.#on(state));
    else
      this.#content.replaceChildren(
        hint("push_hint"),
        button("push_on", () => this.#begin(state), ""),
      );
    // The button that had the focus is gone.
    if (hadFocus) this.#content.querySelector("button")?.focus();
  }

  /** @type {(state: PushState) => HTMLElement[]} */
  #on({ error }) {
    const test = async () => {
      const result = await request("POST", `${PATH}/test`);
      if (!result.is_sent) throw result.error;
      announce(t("push_sent"));
    };
    const end = async () => {
      await request("DELETE", PATH);
      await (await subscriptionHere())?.unsubscribe();
      this.#tell();
    };
    return [
      h("p", { class: "done" }, t("push_is_on")),
      h("p", { class: "failed" }, error),
      row(
        button("try_channel", () => this.#change(test)),
        button("push_off", () => this.#change(end)),
      ),
    ];
  }

  /** @param {PushState} state */
  #begin({ public_key }) {
    return this.#change(async () => {
      if ((await Notification.requestPermission()) !== "granted") return;
      await navigator.serviceWorker.register(relative(SCRIPT));
      const { pushManager } = await navigator.serviceWorker.ready;
      // One that is there may be for another key.
      await (await subscriptionHere())?.unsubscribe();
      await send(await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: public_key }));
      this.#tell();
    });
  }

  #tell() {
    this.dispatchEvent(new CustomEvent("changed"));
  }
}

customElements.define("alert-browser", AlertBrowser);

/**
 * Returns the sentence that says why this browser cannot be told; "" if it can.
 * @param {PushState} state
 */
function hindranceOf({ public_key, is_session }) {
  if (!window.isSecureContext) return "push_insecure";
  const isAble = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  if (!isAble) return "push_unable";
  if (!public_key) return "push_not_installed";
  if (!is_session) return "push_sign_in";
  return Notification.permission === "denied" ? "push_denied" : "";
}

/** Returns how this browser is reached, if it is. */
async function subscriptionHere() {
  const registration = await navigator.serviceWorker.getRegistration();
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/**
 * Has the gateway tell this browser, in the language of the page.
 * @param {PushSubscription} subscription
 */
function send(subscription) {
  const { endpoint, keys } = subscription.toJSON();
  return request("PUT", PATH, { endpoint, keys, language: language() });
}
