// @ts-check
/**
 * <kb-toast>: short notes at the bottom of the page.
 * Listens on the body for `kb:toast` {text, undo?: url or function} (from the header HX-Trigger or dispatched by code)
 * and turns failed htmx requests into a note. Undo is a POST to its address, or the function.
 */
class KbToast extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "status");
    const body = document.body;
    body.addEventListener("kb:toast", (event) => this.show(/** @type {CustomEvent} */ (event).detail));
    body.addEventListener("htmx:sendError", () => this.show({ text: this.dataset.offline ?? "" }));
    body.addEventListener("htmx:responseError", (event) => {
      const request = /** @type {CustomEvent} */ (event).detail.xhr;
      this.show({ text: KbToast.sentence(request.responseText) || this.dataset.failed || "" });
    });
  }

  /**
   * The sentence of a problem fragment; the text is never inserted as HTML.
   * @param {string} html
   */
  static sentence(html) {
    if (!html.includes("data-problem-")) return "";
    const page = new DOMParser().parseFromString(html, "text/html");
    const detail = page.querySelector("[data-problem-detail]") ?? page.querySelector("[data-problem-title]");
    return detail?.textContent?.trim() ?? "";
  }

  /** @param {{text: string, undo?: string | (() => void), seconds?: number}} note */
  show({ text, undo, seconds }) {
    if (!text) return;
    const toast = document.createElement("div");
    toast.className = "toast";
    const words = document.createElement("span");
    words.textContent = text;
    toast.append(words);
    if (undo) toast.append(this.button(this.dataset.undo ?? "", "toast-undo", () => this.undo(toast, undo)));
    const close = this.button("×", "toast-close", () => this.remove_(toast));
    close.setAttribute("aria-label", this.dataset.close ?? "");
    toast.append(close);
    this.append(toast);
    if (!this.matches(":popover-open")) this.showPopover();
    this.expire(toast, (seconds ?? (undo ? 10 : 6)) * 1000);
  }

  /**
   * The clock stands still while the pointer or the focus is on the note.
   * @param {HTMLElement} toast @param {number} milliseconds
   */
  expire(toast, milliseconds) {
    let timer = setTimeout(() => this.remove_(toast), milliseconds);
    const hold = () => clearTimeout(timer);
    const go = () => { clearTimeout(timer); timer = setTimeout(() => this.remove_(toast), milliseconds); };
    toast.addEventListener("pointerenter", hold);
    toast.addEventListener("focusin", hold);
    toast.addEventListener("pointerleave", go);
    toast.addEventListener("focusout", go);
  }

  /** @param {string} label @param {string} name @param {() => void} act */
  button(label, name, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = name;
    button.textContent = label;
    button.addEventListener("click", act);
    return button;
  }

  /** @param {HTMLElement} toast @param {string | (() => void)} address */
  undo(toast, address) {
    this.remove_(toast);
    if (typeof address === "function") return address();
    // The answer says by HX-Refresh, HX-Redirect or HX-Trigger what to show again.
    // @ts-ignore htmx is a global of its own script
    window.htmx.ajax("POST", address, { source: document.body, swap: "none" });
  }

  /** @param {HTMLElement} toast */
  remove_(toast) {
    toast.remove();
    if (!this.childElementCount && this.matches(":popover-open")) this.hidePopover();
  }
}
customElements.define("kb-toast", KbToast);
