// @ts-check
/**
 * <kb-gallery>: which pictures are selected (a click on the box, Shift for a range), the bar that acts on them, and the
 * board that is shown. The list itself is loaded by htmx.
 */
class KbGallery extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", (event) => this.changed(/** @type {HTMLElement} */ (event.target)));
    this.addEventListener("click", (event) => this.clicked(/** @type {MouseEvent} */ (event)));
    this.addEventListener("keydown", (event) => event.key === "Escape" && this.clear());
    document.body.addEventListener("htmx:afterSwap", (event) => /** @type {Element} */ (event.target).id === "gallery-items" && this.draw());
    document.body.addEventListener("kb:boards", (event) => this.boards(/** @type {CustomEvent} */ (event).detail));
    this.draw();
  }

  /** @returns {HTMLInputElement[]} */
  boxes() {
    return [...this.querySelectorAll(".thumb-check input")].filter((box) => box instanceof HTMLInputElement);
  }

  /** @param {HTMLElement} target */
  changed(target) {
    if (target.closest(".thumb-check")) this.draw();
    if (target.id === "gallery-board") this.load(/** @type {HTMLSelectElement} */ (target).value);
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const box = target.closest(".thumb-check input");
    if (box instanceof HTMLInputElement) return this.range(box, event.shiftKey);
    if (this.hasAttribute("data-selecting") && target.closest(".thumb-open") && (event.ctrlKey || event.metaKey || event.shiftKey)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      const own = target.closest(".thumb")?.querySelector("input");
      if (own) own.click();
    }
    if (target.closest("[data-select-none]")) this.clear();
    if (target.closest("[data-trash]")) this.choose("trash");
    if (target.closest("[data-zip-selected]")) this.zip();
  }

  /** @param {HTMLInputElement} box @param {boolean} isRange */
  range(box, isRange) {
    const boxes = this.boxes();
    const [from, to] = [boxes.findIndex((each) => each.value === this.last), boxes.indexOf(box)].sort((a, b) => a - b);
    if (isRange && from >= 0) for (const each of boxes.slice(from, to + 1)) each.checked = box.checked;
    this.last = box.value;
    this.draw();
  }

  clear() {
    for (const box of this.boxes()) box.checked = false;
    this.draw();
  }

  draw() {
    const count = this.boxes().filter((box) => box.checked).length;
    const bar = this.querySelector("#gallery-selection");
    if (bar instanceof HTMLElement) bar.hidden = !count;
    this.toggleAttribute("data-selecting", count > 0);
    const words = this.querySelector("[data-selected]");
    if (words) words.textContent = (this.dataset.textSelected ?? "").replace("{n}", String(count));
  }

  zip() {
    const ids = this.boxes().filter((box) => box.checked).map((box) => `picture=${box.value}`).join("&");
    location.assign(`${this.dataset.zip}?${ids}`);
  }

  /** @param {string} value */
  choose(value) {
    const board = /** @type {HTMLSelectElement} */ (this.querySelector("#gallery-board"));
    board.value = value;
    board.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** Boards changed: their lists are loaded again, and the one asked for is shown. @param {{show?: string}} detail */
  async boards(detail) {
    await this.load(detail?.show ?? /** @type {HTMLSelectElement} */ (this.querySelector("#gallery-board")).value);
    document.body.dispatchEvent(new CustomEvent("kb:pictures"));
  }

  /** Load every list of boards with this one chosen. @param {string} board */
  async load(board) {
    const answer = await fetch(`${this.dataset.boards}?board=${encodeURIComponent(board)}`, { headers: { "HX-Request": "true" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const [from, to] of [["#options", "#gallery-board"], ["#moves", "#move-boards"], ["#acts", "#board-acts"]]) {
      const fresh = page.querySelector(from), old = this.querySelector(to);
      if (!fresh || !old) continue;
      old.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
      // @ts-ignore htmx is a global of its own script
      window.htmx.process(old);
    }
  }
}
customElements.define("kb-gallery", KbGallery);
