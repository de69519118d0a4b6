// What is wrong with the gateway, in its own sentences, above every page; read each minute while the page is seen.

import { every, follow, h, inLanguage, request, store, t, visible } from "../lib/page.js";

const READ_EVERY_MS = 60_000;

class GatewayProblems extends HTMLElement {
  connectedCallback() {
    this.hidden = true;
    this.setAttribute("role", "status");
    every(this, READ_EVERY_MS, () => this.#load());
    follow(this, "state", () => this.#load());
    this.#load();
  }

  async #load() {
    await store.begun;
    if (document.hidden || store.limits) return;
    // A gateway that does not answer is told by the banner.
    const health = await request("GET", "/api/health").catch(() => null);
    if (health) this.#show(health.problems);
  }

  /** @param {string[]} problems */
  async #show(problems) {
    const texts = await Promise.all(problems.map((sentence) => inLanguage(sentence)));
    this.hidden = problems.length === 0;
    const sentences = texts.map((text, at) =>
      h("li", text === problems[at] ? { lang: "en", dir: "ltr" } : { title: visible(problems[at]) }, visible(text)),
    );
    this.replaceChildren(h("strong", {}, t("problems")), h("ul", {}, sentences));
  }
}

customElements.define("gateway-problems", GatewayProblems);
