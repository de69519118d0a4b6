// The prompt of a device, for operators: code runs beside its program, and what it printed is shown below it.

import { isExpression } from "../lib/python.js";
import { button, DevicePart, failureText, h, hint, pathOf, request, row, t } from "./page-parts.js";

const LINES_MAX = 400;
const SESSION_BYTES = 6;

class DevicePrompt extends DevicePart {
  /** One session at a time has the prompt of a board. */
  #session = "";
  /** Whether this session has used the prompt. */
  #isUsed = false;
  /** What ran, the newest last, for the arrow keys. */
  #history = /** @type {string[]} */ ([]);
  #at = 0;
  #input = h("textarea", {
    rows: 2,
    dir: "ltr",
    spellcheck: false,
    autocapitalize: "off",
    "aria-label": t("prompt_code"),
  });
  #output = h("pre", { dir: "ltr", tabindex: 0, role: "log", "aria-label": t("prompt_output"), hidden: true });
  #run = button("run", () => this.#submit(), "");

  connectedCallback() {
    const bytes = crypto.getRandomValues(new Uint8Array(SESSION_BYTES));
    this.#session = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    this.#input.onkeydown = (event) => this.#onKey(event);
    const body = [hint("prompt_hint"), this.#output, row(this.#input, this.#run)];
    this.replaceChildren(h("details", {}, h("summary", {}, h("h2", {}, t("prompt"))), body));
  }

  disconnectedCallback() {
    if (this.#isUsed) request("DELETE", `${pathOf(this.device, "prompt")}?session=${this.#session}`).catch(() => {});
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const isOneLine = !this.#input.value.includes("\n");
    const isSent = event.key === "Enter" && !event.shiftKey && (event.ctrlKey || event.metaKey || isOneLine);
    if (isSent && !this.#input.value.trimEnd().endsWith(":")) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && isOneLine) this.#recall(-1);
    else if (event.key === "ArrowDown" && isOneLine) this.#recall(1);
  }

  /** @param {number} step */
  #recall(step) {
    this.#at = Math.min(Math.max(this.#at + step, 0), this.#history.length);
    this.#input.value = this.#history[this.#at] ?? "";
  }

  async #submit() {
    const code = this.#input.value;
    if (!code.trim() || this.#run.disabled) return;
    this.#input.value = "";
    this.#history.push(code);
    this.#at = this.#history.length;
    this.#show(`>>> ${code.replaceAll("\n", "\n... ")}\n`);
    this.#run.disabled = true;
    this.#isUsed = true;
    try {
      const body = { session: this.#session, code, value: isExpression(code) };
      const { output, error } = await request("POST", pathOf(this.device, "prompt"), body);
      this.#show(output + (error ?? ""));
    } catch (error) {
      this.#show(`${failureText(error)}\n`);
    } finally {
      this.#run.disabled = false;
      this.#input.focus();
    }
  }

  /** @param {string} text */
  #show(text) {
    const lines = (this.#output.textContent + text).split("\n");
    this.#output.textContent = lines.slice(-LINES_MAX).join("\n");
    this.#output.hidden = false;
    this.#output.scrollTop = this.#output.scrollHeight;
  }
}

customElements.define("device-prompt", DevicePrompt);
