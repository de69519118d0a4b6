// Adds a board: opens the window in which boards may fetch a token, says what to type, and waits for it.

import { ask } from "../lib/api.js";
import { announce, bdi, h } from "../lib/dom.js";
import { clock, span } from "../lib/format.js";
import { copyable } from "../lib/copy.js";
import { follow, nameOf, store } from "../lib/store.js";
import { t } from "../lib/words.js";

const MINUTES = 15;
const TICK_MS = 1_000;
const LOOK_MS = 5_000;
const USUAL_PORT = "3000";
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const IS_HERE = LOOPBACK.includes(location.hostname);

class AddBoard extends HTMLElement {
  #endsMs = 0;

  connectedCallback() {
    this.window = h("p", { class: "window", id: "window-state" });
    this.opener = h("button", { type: "button", "aria-describedby": "window-state", onclick: () => this.#turn("POST", { minutes: MINUTES }) }, t("open_window"));
    this.closer = h("button", { type: "button", class: "quiet", "aria-describedby": "window-state", onclick: () => this.#turn("DELETE") }, t("close_window"));
    this.arrivals = h("ul", { class: "arrivals", "aria-live": "polite" });
    this.waiting = h("p", { class: "waiting" }, t("waiting_board"));
    this.boards = h("div", {});
    this.replaceChildren(h("h1", {}, t("add")), h("p", {}, t("add_intro")),
      h("ol", { class: "steps" },
        h("li", { class: "panel" }, h("h2", {}, t("step_open")), this.window, store.mayChange ? h("div", { class: "row" }, this.opener, this.closer) : h("p", {}, t("only_look"))),
        h("li", { class: "panel" }, h("h2", {}, t("step_type")), copyable(flashCommand()), !IS_HERE && h("p", { class: "quiet" }, t("flash_elsewhere")), h("p", { class: "quiet" }, t("no_flash")), this.boards,
          h("p", { class: "quiet" }, t("simulate_hint")), copyable("make simulate")),
        h("li", { class: "panel" }, h("h2", {}, t("step_wait")), this.waiting, this.arrivals)));
    follow(this, "arrived", (id) => this.#welcome(id));
    this.timer = setInterval(() => this.#tick(), TICK_MS);
    this.looking = setInterval(() => this.#look(), LOOK_MS);
    this.#change("GET");
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    clearInterval(this.looking);
  }

  // The button that was pressed makes way for the other one, which takes the focus and is read with how it stands.
  async #turn(method, body) {
    await this.#change(method, body);
    this.#focus();
  }

  #focus() {
    (this.opener.hidden ? this.closer : this.opener).focus();
  }

  async #change(method, body) {
    try {
      this.#stand(await ask(method, "/api/enrolment", body));
      this.boards.replaceChildren(...boardsAddress(this.state.address));
    } catch (problem) {
      this.window.textContent = t("failed", problem.said);
    }
  }

  // Somebody else may open the window, or close it.
  async #look() {
    const state = await ask("GET", "/api/enrolment").catch(() => this.state);
    if (!state || !this.isConnected) return;
    const hadFocus = [this.opener, this.closer].includes(document.activeElement);
    this.#stand(state);
    if (hadFocus) this.#focus();
  }

  #stand(state) {
    if (state !== this.state) this.#endsMs = Date.now() + state.seconds_left * 1000;
    this.state = state;
    this.#tick();
  }

  #tick() {
    if (!this.state) return;
    const leftS = (this.#endsMs - Date.now()) / 1000, isOpen = leftS > 0;
    const { policy } = this.state;
    this.window.textContent = policy !== "window" ? t(`window_${policy}`) : isOpen ? t("window_open", span(leftS)) : t("window_closed");
    this.window.classList.toggle("open", isOpen || policy === "always");
    this.opener.hidden = policy !== "window" || isOpen;
    this.closer.hidden = policy !== "window" || !isOpen;
  }

  #welcome(id) {
    const device = store.devices.get(id);
    if (!device) return;
    announce(t("arrived", nameOf(device)));
    this.arrivals.prepend(h("li", {}, h("strong", {}, bdi(nameOf(device))), ` ${t(`kind_${device.kind}`)} · ${clock(Date.now() / 1000)} `,
      h("a", { href: `#/device/${encodeURIComponent(id)}` }, t("show_it"))));
  }
}

customElements.define("add-board", AddBoard);

// `make flash` looks for the gateway on its own machine, at the usual port.
function flashCommand() {
  return IS_HERE && location.port === USUAL_PORT ? "make flash" : `DARVAZ_GATEWAY=${location.origin} make flash`;
}

// Loopback leads a board to itself: then the gateway says where its network finds it.
function boardsAddress(known) {
  const { protocol, hostname, port } = IS_HERE && known ? new URL(known) : location;
  const isLost = LOOPBACK.includes(hostname);
  const address = `${protocol === "https:" ? "wss" : "ws"}://${isLost ? "YOUR-ADDRESS" : hostname}${port && `:${port}`}`;
  return [copyable(address), ...(isLost ? [h("p", { class: "quiet" }, t("your_address"))] : [])];
}
