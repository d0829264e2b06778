// @ts-check
/**
 * <kb-strip>: the pages of a document as small pictures with how well each was read. A click fires `kb-strip:go` {page};
 * [data-bad-first] puts the bad pages first. The pictures of a PDF are drawn by the <kb-pdf> of the same page, one by one,
 * when they come into view.
 */
class KbStrip extends HTMLElement {
  connectedCallback() {
    this.list = /** @type {HTMLElement} */ (this.querySelector(".strip-pages"));
    this.addEventListener("click", (event) => this.clicked(event));
    const around = this.closest("kb-document") ?? document;
    around.addEventListener("kb-pdf:page", (event) => this.show(/** @type {CustomEvent} */ (event).detail.page));
    around.addEventListener("kb-pdf:ready", (event) => this.watch(/** @type {any} */ (event.target)));
    const viewer = /** @type {any} */ (around.querySelector("kb-pdf[data-state=ready]"));
    if (viewer) this.watch(viewer);
    /** @type {HTMLElement[]} */
    this.waiting = [];
  }

  disconnectedCallback() {
    this.seer?.disconnect();
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {Element} */ (event.target);
    const bad = target.closest("[data-bad-first]");
    if (bad) return this.sort(bad);
    const button = target.closest("[data-go-page]");
    if (!(button instanceof HTMLElement)) return;
    const page = Number(button.dataset.goPage);
    this.show(page);
    this.dispatchEvent(new CustomEvent("kb-strip:go", { bubbles: true, detail: { page } }));
  }

  /** @param {Element} button */
  sort(button) {
    const isBadFirst = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(isBadFirst));
    const number = (/** @type {Element} */ item, /** @type {string} */ name) => Number(/** @type {HTMLElement} */ (item.firstElementChild).dataset[name]);
    const items = [...this.list.children].sort((a, b) => (isBadFirst ? number(a, "rank") - number(b, "rank") : 0) || number(a, "goPage") - number(b, "goPage"));
    this.list.replaceChildren(...items);
    this.list.scrollTo({ top: 0, left: 0 });
  }

  /** @param {number} page */
  show(page) {
    this.list.querySelector('[aria-current="true"]')?.removeAttribute("aria-current");
    const button = this.list.querySelector(`[data-go-page="${page}"]`);
    if (!(button instanceof HTMLElement)) return;
    button.setAttribute("aria-current", "true");
    const again = this.querySelector("[data-set-pages]");
    if (again instanceof HTMLElement) again.dataset.setPages = String(page);
    const box = button.getBoundingClientRect(), frame = this.list.getBoundingClientRect();
    if (box.top < frame.top || box.bottom > frame.bottom) this.list.scrollTop += box.top - frame.top - frame.height / 3;
    if (box.left < frame.left || box.right > frame.right) this.list.scrollLeft += box.left - frame.left - frame.width / 3;
  }

  /** @param {any} viewer a <kb-pdf> whose document is open */
  watch(viewer) {
    if (viewer.localName !== "kb-pdf") return;
    this.viewer = viewer;
    this.seer?.disconnect();
    this.seer = new IntersectionObserver((entries) => this.seen(entries), { root: this.list, rootMargin: "120px" });
    for (const button of this.list.querySelectorAll("[data-go-page]")) this.seer.observe(button);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const button = /** @type {HTMLElement} */ (target);
      if (isIntersecting && !button.querySelector("canvas")) this.waiting?.push(button);
      if (!isIntersecting) this.waiting = this.waiting?.filter((other) => other !== button);
    }
    if (!this.isDrawing) this.drawNext();
  }

  async drawNext() {
    this.isDrawing = true;
    for (let button = this.waiting?.shift(); button && this.isConnected; button = this.waiting?.shift()) {
      await this.draw(button).catch(() => undefined);  // a page that cannot be drawn stays a blank sheet
    }
    this.isDrawing = false;
  }

  /** @param {HTMLElement} button */
  async draw(button) {
    const box = button.querySelector(".thumb");
    if (!(box instanceof HTMLElement) || button.querySelector("canvas")) return;
    const page = await this.viewer.document.getPage(Number(button.dataset.goPage));
    const natural = page.getViewport({ scale: 1 });
    const viewport = page.getViewport({ scale: (box.clientWidth * Math.min(2, devicePixelRatio || 1)) / natural.width });
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.floor(viewport.width));
    canvas.height = Math.max(1, Math.floor(viewport.height));
    await page.render({ canvas, viewport }).promise;
    box.style.setProperty("--thumb", `${natural.width} / ${natural.height}`);
    box.replaceChildren(canvas);
  }
}
customElements.define("kb-strip", KbStrip);
