// The page that adds a board: opens the enrolment window, shows the command to run, and waits for the board.

import { copyable } from "../elements/copyable.js";
import {
  announce,
  attempt,
  bdi,
  button,
  deviceLink,
  every,
  follow,
  formatDuration,
  formatTime,
  h,
  hint,
  inLanguage,
  nameOf,
  nowS,
  panel,
  request,
  row,
  store,
  t,
  visible,
} from "../elements/page-parts.js";
import "../elements/web-flash.js";
import { boardAddress, flashCommand, isLoopback } from "../lib/addresses.js";
import "../lib/words-add.js";

/** @import { Child, Enrolment } from "../lib/types.js" */

const MINUTES = 15;
const TICK_MS = 1_000;
const REFRESH_MS = 5_000;
const REFUSALS_MAX = 5;

/** @type {typeof button} */
function windowButton(...given) {
  const made = button(...given);
  made.setAttribute("aria-describedby", "window-state");
  return made;
}

class AddBoard extends HTMLElement {
  /** @type {Enrolment | null} the gateway's answer; null before the first */
  #enrolment = null;
  /** When the window closes, in milliseconds of Date.now(). */
  #endsMs = 0;
  #sinceS = nowS();
  #status = h("p", { class: "window", id: "window-state" });
  #openButton = windowButton("open_window", () => this.#change("POST", { minutes: MINUTES }), "");
  #closeButton = windowButton("close_window", () => this.#change("DELETE"));
  #address = h("div", {});
  #refusals = h("ul", { class: "refusals", hidden: true, "aria-live": "polite" });
  /** Refusals after this entry are of boards that somebody tries to add now. */
  #lastEntry = 0;
  #arrivals = h("ul", { class: "arrivals", "aria-live": "polite" });

  connectedCallback() {
    const steps = h("ol", { class: "steps" }, this.#commandStep(), this.#openStep(), this.#waitStep());
    this.replaceChildren(h("h1", {}, t("add")), panel(h("web-flash", {})), h("p", {}, t("add_intro")), steps);
    follow(this, "arrived", (id) => this.#welcome(id));
    every(this, TICK_MS, () => this.#tick());
    every(this, REFRESH_MS, () => this.#refresh());
    this.#load("GET");
  }

  #openStep() {
    const buttons = row(this.#openButton, this.#closeButton);
    return step(
      "step_open",
      h("p", {}, t("window_why")),
      this.#status,
      store.mayChange ? buttons : h("p", {}, t("only_view")),
    );
  }

  #commandStep() {
    return step(
      "step_type",
      copyable(flashCommand(location)),
      !isLoopback(location) && hint("flash_elsewhere"),
      hint("no_flash"),
      this.#address,
      hint("simulate_hint"),
      copyable("make simulate"),
    );
  }

  #waitStep() {
    return step("step_wait", h("p", { class: "waiting" }, t("waiting_board")), this.#refusals, this.#arrivals);
  }

  // The pressed button is replaced by the other one, which gets the focus, so that a screen reader reads the new state.
  /** @type {(method: string, body?: unknown) => Promise<void>} */
  async #change(method, body) {
    await this.#load(method, body);
    this.#focusButton();
  }

  #focusButton() {
    (this.#openButton.hidden ? this.#closeButton : this.#openButton).focus();
  }

  /** @type {(method: string, body?: unknown) => Promise<void>} */
  async #load(method, body) {
    await attempt(this.#status, async () => {
      const enrolment = await request(method, "/api/enrolment", body);
      this.#show(enrolment);
      this.#address.replaceChildren(...addressParts(enrolment));
    });
  }

  // The window may be opened or closed elsewhere.
  async #refresh() {
    const enrolment = await request("GET", "/api/enrolment").catch(() => this.#enrolment);
    if (!enrolment || !this.isConnected) return;
    const hadFocus = [this.#openButton, this.#closeButton].some((button) => button === document.activeElement);
    this.#show(enrolment);
    if (hadFocus) this.#focusButton();
    await this.#loadRefusals();
  }

  // A board that is refused again and again would otherwise leave the page waiting.
  async #loadRefusals() {
    const path = `/api/journal?type=refused&direction=%3D&limit=${REFUSALS_MAX}&from=${this.#sinceS}`;
    const { rows } = await request("GET", path).catch(() => ({ rows: [] }));
    const last = rows.at(-1)?.id ?? 0;
    if (last <= this.#lastEntry || !this.isConnected) return;
    this.#lastEntry = last;
    /** @param {import("../lib/types.js").JournalEntry} entry */
    const itemOf = async ({ time, address, payload }) => {
      const reason = bdi(await inLanguage(payload), { title: visible(payload) });
      return h("li", {}, `${formatTime(time)} · ${t("refused_board")} `, bdi(address ?? ""), ": ", reason);
    };
    const items = await Promise.all(rows.toReversed().map(itemOf));
    this.#refusals.hidden = false;
    this.#refusals.replaceChildren(...items);
  }

  /** @param {Enrolment} enrolment */
  #show(enrolment) {
    if (enrolment !== this.#enrolment) this.#endsMs = Date.now() + enrolment.seconds_left * 1000;
    this.#enrolment = enrolment;
    this.#tick();
  }

  #tick() {
    if (!this.#enrolment) return;
    const { policy } = this.#enrolment;
    const leftS = (this.#endsMs - Date.now()) / 1000;
    const isOpen = leftS > 0;
    const state = isOpen ? t("window_open", formatDuration(leftS)) : t("window_closed");
    this.#status.textContent = policy === "window" ? state : t(`window_${policy}`);
    this.#status.classList.toggle("open", isOpen || policy === "always");
    this.#openButton.hidden = policy !== "window" || isOpen;
    this.#closeButton.hidden = policy !== "window" || !isOpen;
  }

  /** @param {string} id */
  #welcome(id) {
    const device = store.devices.get(id);
    if (!device) return;
    const name = nameOf(device);
    announce(t("arrived", name));
    const facts = ` ${t(`kind_${device.kind}`)} · ${formatTime(nowS())} `;
    this.#arrivals.prepend(h("li", {}, h("strong", {}, bdi(name)), facts, deviceLink(device, t("show_it"))));
  }
}

customElements.define("add-board", AddBoard);

/** @type {(title: string, ...content: Child[]) => HTMLElement} */
function step(title, ...content) {
  return h("li", { class: "panel" }, h("h2", {}, t(title)), content);
}

/** @param {Enrolment} enrolment */
function addressParts(enrolment) {
  const { address, isComplete } = boardAddress(location, enrolment.address, enrolment.is_public);
  return isComplete ? [copyable(address)] : [copyable(address), hint("your_address")];
}
