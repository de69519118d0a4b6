// The channels by which people are told of alerts: added, tested and removed here. Their addresses are secrets.

import { formatNumber } from "../lib/format.js";
import { announce, bdi, h, request, t } from "../lib/page.js";
import { language } from "../lib/words.js";
import { isConfirmed } from "./dialog.js";
import { attempt, failureLine, formOf, hint, labelled, namedButton, panel } from "./page-parts.js";

/** @import { AlertChannel } from "../lib/types.js" */

/** The name of all browsers that are told. */
const BROWSERS = "browsers";

class AlertChannels extends HTMLElement {
  #status = failureLine();
  #list = h("ul", { class: "rules" });
  #none = h("p", { class: "quiet", hidden: true }, t("no_channels"));
  #notInstalled = h("p", { class: "failed", hidden: true }, t("not_installed"));
  #name = h("input", { maxlength: 32, pattern: "[A-Za-z0-9_\\-]+", required: true, dir: "ltr", autocomplete: "off" });
  #address = h("input", { type: "password", required: true, dir: "ltr", maxlength: 2000, autocomplete: "off" });

  #language = h("select", {}, h("option", { value: "en" }, "English"), h("option", { value: "fa" }, "فارسی"));

  connectedCallback() {
    const name = labelled("channel_name", this.#name);
    const address = labelled("channel_address", this.#address);
    this.#language.value = language();
    const chosen = labelled("language", this.#language);
    this.replaceChildren(
      panel(
        h("h2", {}, t("channels")),
        this.#notInstalled,
        this.#none,
        this.#list,
        formOf(() => this.#save(), name, address, chosen, h("button", {}, t("save_channel"))),
        hint("channel_hint"),
        this.#status,
      ),
    );
    this.#change(async () => {});
  }

  async #save() {
    const path = `/api/alert-channels/${encodeURIComponent(this.#name.value)}`;
    const isDone = await this.#change(() =>
      request("PUT", path, { url: this.#address.value.trim(), language: this.#language.value }),
    );
    if (isDone) this.#name.value = this.#address.value = "";
  }

  /** @param {() => Promise<unknown>} change */
  async #change(change) {
    this.#status.textContent = "";
    return attempt(this.#status, async () => {
      await change();
      const { channels, is_installed } = await request("GET", "/api/alert-channels");
      this.#notInstalled.hidden = is_installed;
      this.#none.hidden = channels.length > 0;
      this.#list.replaceChildren(...channels.map((/** @type {AlertChannel} */ channel) => this.#row(channel)));
    });
  }

  /** @param {AlertChannel} channel */
  #row({ name, address, waiting, error }) {
    const path = `/api/alert-channels/${encodeURIComponent(name)}`;
    const test = () =>
      this.#change(async () => {
        const result = await request("POST", `${path}/test`);
        if (!result.is_sent) throw result.error;
        announce(t("test_sent", name));
        this.#status.textContent = "";
      });
    const remove = async () => {
      if (await isConfirmed(t("remove_sure", name), t("remove"))) await this.#change(() => request("DELETE", path));
    };
    return h(
      "li",
      { class: "row" },
      h("strong", {}, bdi(name)),
      name === BROWSERS
        ? h("span", { class: "quiet" }, t("push_channel"))
        : bdi(address.split("?")[0], { class: "quiet" }),
      waiting > 0 && h("span", {}, t("waiting_messages", formatNumber(waiting))),
      error && h("span", { class: "failed" }, bdi(error)),
      namedButton("try_channel", name, "quiet", test),
      namedButton("remove", name, "danger", remove),
    );
  }
}

customElements.define("alert-channels", AlertChannels);
