// @ts-check
/**
 * <kb-viewer> in the dialog #viewer: one picture large. Left and right arrows go through the pictures that the page
 * shows where it was opened; Esc closes. What is asked for is said to <kb-studio> by events.
 * A press on [data-open-picture] anywhere opens it.
 */
class KbViewer extends HTMLElement {
  /** @type {HTMLElement[]} the openers of the list it was opened from */
  static list = [];
  static dialog() { return /** @type {HTMLDialogElement} */ (document.getElementById("viewer")); }

  /** @param {HTMLElement} opener */
  static async open(opener) {
    const other = KbViewer.comparing;
    KbViewer.comparing = undefined;
    const scope = opener.closest(".studio-gallery, .studio-pictures") ?? document;
    KbViewer.list = [...scope.querySelectorAll("[data-open-picture]")].map((each) => /** @type {HTMLElement} */ (each));
    KbViewer.at = opener;
    // @ts-ignore htmx is a global of its own script
    await window.htmx.ajax("GET", opener.dataset.openPicture, { target: "#viewer", swap: "innerHTML" });
    const dialog = KbViewer.dialog();
    if (!dialog.childElementCount) return;
    if (!dialog.open) dialog.showModal();
    /** @type {HTMLElement | null} */ (dialog.querySelector("[data-close]"))?.focus();
    if (other) /** @type {KbViewer | null} */ (dialog.querySelector("kb-viewer"))?.compareWith(other);
  }

  connectedCallback() {
    this.addEventListener("click", (event) => this.clicked(/** @type {HTMLElement} */ (event.target)));
    this.querySelector(".compare input")?.addEventListener("input", (event) => this.cut(/** @type {HTMLInputElement} */ (event.target).value));
    this.addEventListener("htmx:afterRequest", (event) => this.answered(/** @type {CustomEvent} */ (event)));
    this.onResize = () => this.resized();
    addEventListener("resize", this.onResize);
    const at = KbViewer.list.indexOf(/** @type {HTMLElement} */ (KbViewer.at));
    for (const button of this.querySelectorAll("[data-step]")) {
      const to = at + Number(/** @type {HTMLElement} */ (button).dataset.step);
      /** @type {HTMLElement} */ (button).hidden = !KbViewer.list[to];
    }
  }

  /** A picture that was taken off a shared board may not be seen any more. @param {CustomEvent} event */
  answered({ target, detail }) {
    if (detail.successful && target instanceof Element && target.matches("[data-leaves]")) KbViewer.dialog().close();
  }

  disconnectedCallback() {
    if (this.onResize) removeEventListener("resize", this.onResize);
  }

  /** @param {number} by */
  step(by) {
    const next = KbViewer.list[KbViewer.list.indexOf(/** @type {HTMLElement} */ (KbViewer.at)) + by];
    if (next?.isConnected) KbViewer.open(next);
  }

  /** @param {HTMLElement} target */
  clicked(target) {
    const button = target.closest("button");
    if (!button) return;
    const { step, act, copyText, copied } = button.dataset;
    if (step) this.step(Number(step));
    else if (button.matches("[data-close]")) KbViewer.dialog().close();
    else if (act) this.act(act, button);
    else if (copyText !== undefined) this.copy(copyText, copied ?? this.dataset.textCopied ?? "");
    else if (button.matches("[data-star]")) button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  }

  /** @param {string} name @param {any} detail */
  tell(name, detail) {
    KbViewer.dialog().close();
    document.body.dispatchEvent(new CustomEvent(name, { detail }));
  }

  order() {
    return JSON.parse(this.dataset.order || "{}");
  }

  /** @param {string} name @param {HTMLElement} button */
  act(name, button) {
    const order = this.order();
    const picture = { id: this.dataset.picture, address: this.dataset.source, width: Number(this.dataset.width), height: Number(this.dataset.height) };
    if (name === "again") this.tell("kb:draw", { order });
    else if (name === "vary") this.tell("kb:draw", { order: { ...order, count: 4, variation_strength: order.variation_strength || 0.2, variation_seed: null } });
    else if (name === "upscale") this.tell("kb:draw", { order: { kind: "upscale", source: picture.id, upscale: Number(button.dataset.scale), upscaler: button.dataset.upscaler } });
    else if (name === "recall") this.tell("kb:recall", { order });
    else if (name.startsWith("recall-")) this.tell("kb:recall", { order, only: name.slice(7) });
    else if (name === "source") this.tell("kb:source", picture);
    else if (name === "inpaint") this.tell("kb:source", { ...picture, inpaint: true });
    else if (name === "compare") this.compare(button);
  }

  /** With the source it was drawn from; else with the next picture that is opened. @param {HTMLElement} button */
  compare(button) {
    const isOn = button.getAttribute("aria-pressed") === "true";
    if (isOn) return this.show(false);
    if (button.dataset.hasOrigin !== undefined) return this.show(true);
    KbViewer.comparing = this.dataset.source;
    KbViewer.dialog().close();
    document.body.dispatchEvent(new CustomEvent("kb:toast", { detail: { text: this.dataset.textChoose } }));
  }

  /** @param {string} address of the other picture */
  compareWith(address) {
    const other = /** @type {HTMLImageElement} */ (this.querySelector("[data-compare-other]"));
    other.src = address;
    this.show(true);
  }

  /** @param {boolean} isOn */
  show(isOn) {
    const compare = /** @type {HTMLElement} */ (this.querySelector("[data-compare]"));
    const stage = /** @type {HTMLImageElement} */ (this.querySelector("[data-stage]"));
    if (!stage.complete) stage.addEventListener("load", () => this.resized(), { once: true });
    this.querySelector("[data-act=compare]")?.setAttribute("aria-pressed", String(isOn));
    compare.hidden = true;
    stage.hidden = false;
    if (!isOn) return;
    const { width, height } = stage.getBoundingClientRect(); // both pictures are shown at the size of this one
    compare.style.width = `${width}px`;
    compare.style.height = `${height}px`;
    compare.hidden = false;
    stage.hidden = true;
    compare.querySelector("input")?.focus();
  }

  /** The window changed. */
  resized() {
    if (this.querySelector("[data-act=compare]")?.getAttribute("aria-pressed") === "true") this.show(true);
  }

  /** @param {string} at */
  cut(at) {
    /** @type {HTMLElement} */ (this.querySelector(".compare")).style.setProperty("--cut", at);
  }

  /** @param {string} text @param {string} said */
  async copy(text, said) {
    try { await navigator.clipboard.writeText(text); } catch { return; }
    document.body.dispatchEvent(new CustomEvent("kb:toast", { detail: { text: said } }));
  }
}
customElements.define("kb-viewer", KbViewer);

document.addEventListener("click", (event) => {
  const opener = /** @type {Element} */ (event.target).closest("[data-open-picture]");
  if (opener instanceof HTMLElement) KbViewer.open(opener);
});
document.addEventListener("keydown", (event) => {
  const viewer = KbViewer.dialog()?.open ? KbViewer.dialog().querySelector("kb-viewer") : null;
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!(viewer instanceof KbViewer) || !by || /** @type {Element} */ (event.target).closest("input, textarea, select, .menu")) return;
  event.preventDefault();
  viewer.step(by);
});
// The address of a file is of no use some minutes later; the picture's own one leads to a new one.
document.addEventListener("error", (event) => {
  const image = event.target, opener = image instanceof HTMLImageElement ? image.closest("[data-open-picture]") : null;
  if (!(image instanceof HTMLImageElement) || !(opener instanceof HTMLElement) || image.dataset.again !== undefined) return;
  image.dataset.again = "";
  image.src = `${opener.dataset.openPicture}small/`;
}, true);
document.body.addEventListener("kb:open", (event) => {
  const opener = document.createElement("button");
  opener.dataset.openPicture = /** @type {CustomEvent} */ (event).detail;
  KbViewer.open(opener);
});
// A picture that was deleted is not shown any more.
document.body.addEventListener("kb:deleted", () => KbViewer.dialog()?.close());
