// The page of dashboards that people made: cards in a grid, edited by buttons, keys or dragging.

import { attempt, failureLine, formOf, panel, row, selectOf } from "../elements/page-parts.js";
import { bdi, failureText, follow, h, oncePerFrame, request, store, t, visible } from "../lib/page.js";
import "../lib/words-layouts.js";
import { isConfirmed } from "../elements/dialog.js";
import { cardsOf, cardTitle } from "../elements/layout-cards.js";
import { fill, membersOf, targetOf, targetOptions } from "../elements/targets.js";
import { valueNamesOf } from "../lib/about-values.js";
import { numberOf } from "../lib/alert-text.js";
import { loadScript } from "../lib/load-script.js";

/** @import { Layout, LayoutCard } from "../lib/types.js" */
/** @import { ShownCard } from "../elements/layout-cards.js" */

const REFRESH_MS = 60_000;
const KINDS = ["value", "gauge", "plot", "control", "camera", "log", "text"];
const LOG_MS = 5_000;
const NEW = "new";

class LayoutPage extends HTMLElement {
  /** @type {Layout[]} */
  #layouts = [];
  /** @type {Layout | null} the one that is shown, or edited */
  #layout = null;
  #isEditing = false;
  /** @type {ShownCard[]} */
  #shown = [];
  /** Where the card was that is being dragged; -1: none. */
  #dragged = -1;
  #timer = 0;
  #logTimer = 0;
  #status = failureLine();
  #drawSoon = oncePerFrame(() => {
    for (const card of this.#shown) card.draw();
  });

  connectedCallback() {
    follow(this, "device", this.#drawSoon);
    follow(this, "devices", () => !this.#isEditing && this.#show());
    follow(this, "theme", this.#drawSoon);
    follow(this, "telemetry", ({ id, values, time }) => {
      for (const card of this.#shown) if (card.device === id) card.take?.(values, time);
      this.#drawSoon();
    });
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MS);
    this.#logTimer = setInterval(() => !document.hidden && this.#refreshLogs(), LOG_MS);
    this.#load();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    clearInterval(this.#logTimer);
  }

  #refresh() {
    for (const card of this.#shown) card.load?.();
    this.#drawSoon();
  }

  #refreshLogs() {
    for (const card of this.#shown) if (card.isLog) card.load?.();
  }

  async #load() {
    try {
      this.#layouts = (await request("GET", "/api/layouts")).layouts;
      const id = location.hash.replace(/^#\/?/, "").split("/")[1] ?? "";
      this.#layout = this.#layouts.find((layout) => layout.id === id) ?? this.#layouts[0] ?? null;
      if (id === NEW && store.mayChange) this.#edit({ id: "", title: t("layout_new"), cards: [], edition: 0 });
      else this.#show();
    } catch (error) {
      this.#status.textContent = failureText(error);
      this.replaceChildren(h("h1", {}, t("layouts")), this.#status);
    }
  }

  /** @param {Layout} layout */
  #edit(layout) {
    this.#isEditing = true;
    this.#layout = structuredClone(layout);
    this.#show();
  }

  #show() {
    const layout = this.#layout;
    this.#status.textContent = "";
    const tabs = this.#layouts.map(({ id, title }) =>
      h(
        "a",
        { href: `#/layouts/${id}`, class: "button quiet", "aria-current": id === layout?.id ? "page" : undefined },
        bdi(title),
      ),
    );
    const made = store.mayChange && h("a", { href: `#/layouts/${NEW}`, class: "button quiet" }, `+ ${t("layout_new")}`);
    const head = h(
      "div",
      { class: "row page-head" },
      h("h1", {}, layout ? bdi(layout.title) : t("layouts")),
      h("span", { class: "row tools" }, this.#tools()),
    );
    this.#shown = (layout?.cards ?? []).flatMap(cardsOf);
    const grid = h(
      "ul",
      { class: "tiles" },
      this.#isEditing ? this.#edited() : this.#shown.map(({ element }) => element),
    );
    this.replaceChildren(
      head,
      this.#isEditing || store.limits?.layout
        ? ""
        : h("div", { role: "navigation", class: "row tabs", "aria-label": t("layouts") }, tabs, made),
      this.#status,
      this.#isEditing ? this.#form() : "",
      layout ? grid : h("p", { class: "empty" }, t("layout_none")),
    );
    this.#refresh();
  }

  #tools() {
    const layout = this.#layout;
    if (!layout) return null;
    const tool = (/** @type {string} */ key, /** @type {() => unknown} */ onclick, kind = "quiet") =>
      h("button", { type: "button", class: kind, onclick }, t(key));
    if (!this.#isEditing) {
      const edit = store.mayChange && tool("layout_edit", () => this.#edit(layout));
      const share = store.role === "owner" && tool("share", () => this.#share(layout));
      return [tool("layout_full", () => this.requestFullscreen().catch(() => {})), share, edit];
    }
    const cancel = () => {
      this.#isEditing = false;
      this.#load();
    };
    return [
      tool("layout_done", () => this.#save(), ""),
      tool("cancel", cancel),
      layout.id && tool("remove", () => this.#remove(layout), "danger"),
    ];
  }

  /** @param {Layout} layout */
  async #share(layout) {
    const { shareDialog } = await loadScript(() => import("../elements/share-dialog.js"));
    shareDialog(layout);
  }

  async #save() {
    const { id, ...fields } = /** @type {Layout} */ (this.#layout);
    await attempt(this.#status, async () => {
      const saved = await request(id ? "PUT" : "POST", id ? `/api/layouts/${id}` : "/api/layouts", fields);
      this.#isEditing = false;
      history.replaceState(null, "", `#/layouts/${saved.id}`);
      await this.#load();
    });
  }

  /** @param {Layout} layout */
  async #remove({ id, title }) {
    if (!(await isConfirmed(t("layout_sure", title), t("remove")))) return;
    await attempt(this.#status, async () => {
      await request("DELETE", `/api/layouts/${id}`);
      this.#isEditing = false;
      history.replaceState(null, "", "#/layouts");
      await this.#load();
    });
  }

  /** The cards as they are edited: names with buttons. */
  #edited() {
    const { cards } = /** @type {Layout} */ (this.#layout);
    return cards.map((card, at) => {
      const title = cardTitle(card);
      const act = (/** @type {string} */ key, /** @type {string} */ sign, /** @type {() => void} */ onclick) =>
        h(
          "button",
          { type: "button", class: "quiet", "aria-label": t(key, title), "data-act": `${key}-${at}`, onclick },
          sign,
        );
      const buttons = [
        at > 0 && act("card_earlier", "↑", () => this.#move(at, at - 1)),
        at < cards.length - 1 && act("card_later", "↓", () => this.#move(at, at + 1)),
        act("card_wide", card.is_wide ? "½" : "↔", () =>
          this.#change(cards.with(at, { ...card, is_wide: !card.is_wide })),
        ),
        act("card_remove", "✕", () => this.#change(cards.toSpliced(at, 1))),
      ];
      const ondragover = (/** @type {Event} */ event) => event.preventDefault();
      const ondragstart = () => {
        this.#dragged = at;
      };
      const ondrop = (/** @type {Event} */ event) => {
        event.preventDefault();
        if (this.#dragged >= 0) this.#move(this.#dragged, at);
      };
      const kind = card.is_wide ? "panel tile wide-tile edited" : "panel tile edited";
      return h(
        "li",
        { class: kind, draggable: "true", ondragstart, ondragover, ondrop },
        h("p", {}, bdi(title)),
        h("span", { class: "row" }, buttons),
      );
    });
  }

  /** @type {(from: number, to: number) => void} */
  #move(from, to) {
    const { cards } = /** @type {Layout} */ (this.#layout);
    this.#dragged = -1;
    this.#change(cards.toSpliced(from, 1).toSpliced(to, 0, cards[from]));
    // The same button again moves it on.
    const key = to < from ? "card_earlier" : "card_later";
    /** @type {HTMLElement | null} */ (this.querySelector(`[data-act="${key}-${to}"]`))?.focus();
  }

  /** @param {LayoutCard[]} cards */
  #change(cards) {
    this.#layout = { .../** @type {Layout} */ (this.#layout), cards };
    this.#show();
  }

  #form() {
    const layout = /** @type {Layout} */ (this.#layout);
    const label = (/** @type {string} */ key, /** @type {HTMLElement} */ input) =>
      h("label", {}, h("span", {}, t(key)), input);
    const title = h("input", {
      value: layout.title,
      maxlength: 64,
      dir: "auto",
      required: true,
      "aria-label": t("layout_title"),
    });
    title.addEventListener("input", () => {
      /** @type {Layout} */ (this.#layout).title = title.value;
    });
    const kind = selectOf(
      KINDS.map((name) => [name, t(`card_${name}`)]),
      t("layout_kind"),
    );
    const { boards, groups } = targetOptions();
    const of = selectOf([...boards, ...groups], t("board"));
    const name = selectOf([], t("layout_name"));
    const text = h("input", { maxlength: 1000, dir: "auto", "aria-label": t("layout_text") });
    const low = h("input", { size: 6, inputmode: "decimal", value: "0", "aria-label": t("gauge_low") });
    const high = h("input", { size: 6, inputmode: "decimal", value: "100", "aria-label": t("gauge_high") });
    const ends = [label("gauge_low", low), label("gauge_high", high)];
    const offer = () => {
      const devices = membersOf(of.value);
      const isCommand = kind.value === "control";
      const names = devices.flatMap((device) => (isCommand ? Object.keys(device.commands) : valueNamesOf(device)));
      fill(
        name,
        [...new Set(names)].map((each) => [each, visible(each)]),
      );
      of.hidden = kind.value === "text";
      name.hidden = ["text", "camera", "log"].includes(kind.value);
      for (const end of ends) end.hidden = kind.value !== "gauge";
      text.required = kind.value === "text";
    };
    kind.addEventListener("change", offer);
    of.addEventListener("change", offer);
    offer();
    const onsend = () => {
      const card = {
        kind: kind.value,
        ...targetOf(kind.value === "text" ? "" : of.value),
        name: name.hidden ? null : name.value || null,
        text: text.value.trim(),
        is_wide: kind.value === "plot" || kind.value === "log",
        low: kind.value === "gauge" ? numberOf(low.value) || 0 : null,
        high: kind.value === "gauge" ? numberOf(high.value) || 0 : null,
      };
      this.#change([.../** @type {Layout} */ (this.#layout).cards, card]);
    };
    return panel(
      row(label("layout_title", title)),
      formOf(
        onsend,
        label("layout_kind", kind),
        of,
        name,
        ends,
        label("layout_text", text),
        h("button", {}, t("layout_add")),
      ),
    );
  }
}

customElements.define("layout-page", LayoutPage);
