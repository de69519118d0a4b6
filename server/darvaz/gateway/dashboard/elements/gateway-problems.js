// What is wrong with the gateway, in its own sentences, above every page; read each minute while the page is seen.

import { h, request, store, t, visible } from "../lib/page.js";

const READ_EVERY_MS = 60_000;

class GatewayProblems extends HTMLElement {
  #timer = 0;
  #read = () => this.#load();

  connectedCallback() {
    this.hidden = true;
    this.setAttribute("role", "status");
    this.#timer = setInterval(this.#read, READ_EVERY_MS);
    store.addEventListener("state", this.#read);
    this.#load();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    store.removeEventListener("state", this.#read);
  }

  async #load() {
    await store.begun;
    if (document.hidden || store.limits) return;
    // A gateway that does not answer is told by the banner.
    const health = await request("GET", "/api/health").catch(() => null);
    if (health) this.#show(health.problems);
  }

  /** @param {string[]} problems */
  #show(problems) {
    this.hidden = problems.length === 0;
    const sentences = problems.map((sentence) => h("li", { lang: "en", dir: "ltr" }, visible(sentence)));
    this.replaceChildren(h("strong", {}, t("problems")), h("ul", {}, sentences));
  }
}

customElements.define("gateway-problems", GatewayProblems);
