// @ts-check
/**
 * <kb-pdf src page boxes>: a PDF by pdf.js, each page drawn when it comes into view, the boxes of a passage marked.
 * `boxes`: JSON [[page, x0, y0, x1, y1]], fractions of the page from its top left; `context`: the same, marked faintly.
 * `goto(page, boxes)` moves on.
 * Fires `kb-pdf:page` {page} when another page comes into view, `kb-pdf:ready` {pages} once the document is open, and
 * `kb-pdf:drawn` {page, sheet} when a page's sheet was drawn: who puts layers on it adds them again.
 * Where the files of pdf.js lie is told by data-library, data-worker and data-assets: their names carry hashes.
 */
class KbPdf extends HTMLElement {
  static ZOOMS = [0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3];
  static MAX_PIXELS = 12_000_000; // of one canvas: phones refuse more
  static KEPT_PAGES = 8; // drawn pages kept beside those in view
  /** @type {Map<string, Promise<any>>} */
  static libraries = new Map();

  connectedCallback() {
    this.zoom = 1;
    this.marked = KbPdf.parse(this.getAttribute("boxes"));
    this.faint = KbPdf.parse(this.getAttribute("context"));
    this.pages = /** @type {HTMLElement} */ (this.querySelector("[data-pdf-pages]"));
    this.place = this.querySelector("[data-pdf-place]");
    /** @type {HTMLElement[]} */
    this.sheets = [];
    /** @type {number[]} */
    this.drawn = [];
    this.addEventListener("click", (event) => this.onClick(event));
    this.open();
  }

  disconnectedCallback() {
    this.seer?.disconnect();
    this.sizer?.disconnect();
    this.task?.destroy();
    this.task = undefined;
  }

  /** @param {string | null} json @returns {number[][]} */
  static parse(json) {
    try {
      const boxes = JSON.parse(json || "[]");
      return Array.isArray(boxes) ? boxes.filter((box) => Array.isArray(box) && box.length === 5) : [];
    } catch {
      return [];
    }
  }

  async open() {
    this.dataset.state = "loading";
    this.pages.dataset.note = this.dataset.loading;
    try {
      const library = await KbPdf.load(this.dataset.library ?? "", this.dataset.worker ?? "");
      const assets = new URL(".", new URL(this.dataset.assets ?? "", location.href)).href;
      this.library = library;
      this.task = library.getDocument({
        url: new URL(this.getAttribute("src") ?? "", location.href).href,
        cMapUrl: `${assets}cmaps/`, cMapPacked: true, standardFontDataUrl: `${assets}standard_fonts/`,
        wasmUrl: `${assets}wasm/`, iccUrl: `${assets}iccs/`, isEvalSupported: false, enableXfa: false, verbosity: 0,
      });
      this.task.onPassword = (/** @type {(password: string | Error) => void} */ answer) => this.unlock(answer);
      this.document = await this.task.promise;
      if (!this.isConnected) return;
      await this.lay();
      this.dataset.state = "ready";
      this.dispatchEvent(new CustomEvent("kb-pdf:ready", { bubbles: true, detail: { pages: this.document.numPages } }));
      this.goto(Number(this.getAttribute("page")) || 1, this.marked);
    } catch (error) {
      if (!this.isConnected) return;
      this.dataset.state = "failed";
      this.pages.dataset.note = this.dataset.failed;
      this.dispatchEvent(new CustomEvent("kb-pdf:failed", { bubbles: true, detail: { error: String(error) } }));
    }
  }

  /**
   * Answers pdf.js with the password that was given when the file was uploaded, once; it lies beside the file.
   * @param {(password: string | Error) => void} answer
   */
  async unlock(answer) {
    const asked = this.dataset.unlocked !== undefined;
    this.dataset.unlocked = "";
    const address = new URL("../password/", new URL(this.getAttribute("src") ?? "", location.href));
    const response = asked ? undefined : await fetch(address, { headers: { Accept: "application/json" } }).catch(() => undefined);
    answer(response?.ok ? (await response.json()).password : new Error("locked"));
  }

  /** @param {string} library @param {string} worker */
  static load(library, worker) {
    if (!KbPdf.libraries.has(library)) {
      const loaded = import(new URL(library, location.href).href).then((module) => {
        module.GlobalWorkerOptions.workerSrc = new URL(worker, location.href).href;
        return module;
      });
      KbPdf.libraries.set(library, loaded);
      loaded.catch(() => KbPdf.libraries.delete(library));
    }
    return /** @type {Promise<any>} */ (KbPdf.libraries.get(library));
  }

  /** Lays an empty sheet for each page, in the size of the first: the others are corrected when they are drawn. */
  async lay() {
    const first = (await this.document.getPage(1)).getViewport({ scale: 1 });
    this.sheets = Array.from({ length: this.document.numPages }, (_, index) => {
      const sheet = document.createElement("div");
      sheet.className = "pdf-page";
      sheet.dataset.page = String(index + 1);
      sheet.setAttribute("role", "group");
      sheet.setAttribute("aria-label", (this.dataset.pageLabel ?? "%(page)s").replace("%(page)s", String(index + 1)));
      this.shape(sheet, first.width, first.height);
      return sheet;
    });
    this.pages.replaceChildren(...this.sheets);
    this.watch();
  }

  /** Looks which sheets are in view and how wide they may be. */
  watch() {
    this.seer = new IntersectionObserver((entries) => this.onSeen(entries), { root: this.scroller(), rootMargin: "300px 0px" });
    for (const sheet of this.sheets) this.seer.observe(sheet);
    this.scroller()?.addEventListener("scroll", () => this.tellPage(), { passive: true });
    let width = this.pages.clientWidth;
    this.sizer = new ResizeObserver(() => {
      if (Math.abs(this.pages.clientWidth - width) < 8) return;
      width = this.pages.clientWidth;
      clearTimeout(this.resizing);
      this.resizing = setTimeout(() => this.redraw(), 120);
    });
    this.sizer.observe(this.pages);
  }

  /** The nearest ancestor that scrolls; null: the window. @returns {HTMLElement | null} */
  scroller() {
    for (let node = /** @type {HTMLElement | null} */ (this.pages); node && node !== document.body; node = node.parentElement) {
      if (node.scrollHeight > node.clientHeight + 1 && /(auto|scroll)/.test(getComputedStyle(node).overflowY)) return node;
    }
    return null;
  }

  /** @param {HTMLElement} sheet @param {number} width @param {number} height */
  shape(sheet, width, height) {
    sheet.style.width = `${this.zoom * 100}%`;
    sheet.style.aspectRatio = `${width} / ${height}`;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  onSeen(entries) {
    for (const { target, isIntersecting } of entries) {
      target.toggleAttribute("data-near", isIntersecting);
      if (isIntersecting) this.draw(/** @type {HTMLElement} */ (target));
    }
    this.tellPage();
  }

  /** @param {HTMLElement} sheet */
  async draw(sheet) {
    const width = sheet.clientWidth;
    if (!width || sheet.dataset.width === String(width)) return;
    sheet.dataset.width = String(width);
    const number = Number(sheet.dataset.page);
    const page = await this.document.getPage(number);
    const natural = page.getViewport({ scale: 1 });
    this.shape(sheet, natural.width, natural.height);
    const scale = width / natural.width;
    const sharp = Math.min(devicePixelRatio || 1, Math.sqrt(KbPdf.MAX_PIXELS / (natural.width * natural.height * scale * scale)));
    const viewport = page.getViewport({ scale: scale * sharp });
    const canvas = document.createElement("canvas");
    canvas.width = Math.floor(viewport.width);
    canvas.height = Math.floor(viewport.height);
    try {
      await page.render({ canvas, viewport }).promise;
    } catch (error) {
      delete sheet.dataset.width;
      if (/** @type {any} */ (error).name !== "RenderingCancelledException") throw error;
      return;
    }
    const words = document.createElement("div");
    words.className = "pdf-text";
    sheet.style.setProperty("--total-scale-factor", String(scale));
    sheet.replaceChildren(canvas, this.marks(number), words);
    this.tellDrawn(sheet);
    this.drawn = [...this.drawn.filter((other) => other !== number), number];
    this.forget();
    const layer = new this.library.TextLayer({ textContentSource: page.streamTextContent(), container: words, viewport: page.getViewport({ scale }) });
    await layer.render();
  }

  /** @param {HTMLElement} sheet */
  tellDrawn(sheet) {
    this.dispatchEvent(new CustomEvent("kb-pdf:drawn", { bubbles: true, detail: { page: Number(sheet.dataset.page), sheet } }));
  }

  /** Frees the pages drawn longest ago that are out of view. */
  forget() {
    const away = this.drawn.filter((number) => !this.sheets[number - 1].hasAttribute("data-near"));
    for (const number of away.slice(0, Math.max(0, this.drawn.length - KbPdf.KEPT_PAGES))) {
      const sheet = this.sheets[number - 1];
      sheet.replaceChildren();
      delete sheet.dataset.width;
      this.drawn = this.drawn.filter((other) => other !== number);
    }
  }

  /** @param {number} number */
  marks(number) {
    const layer = document.createElement("div");
    layer.className = "pdf-marks";
    for (const box of [...this.faint, ...this.marked]) {
      const [page, x0, y0, x1, y1] = box;
      if (page !== number) continue;
      const mark = document.createElement("div");
      mark.className = "pdf-mark";
      mark.toggleAttribute("data-faint", !this.marked.includes(box));
      mark.style.left = `${x0 * 100}%`;
      mark.style.top = `${y0 * 100}%`;
      mark.style.width = `${(x1 - x0) * 100}%`;
      mark.style.height = `${(y1 - y0) * 100}%`;
      layer.append(mark);
    }
    return layer;
  }

  /**
   * Shows a page, scrolled to the first of the boxes on it.
   * @param {number} page @param {number[][]} [boxes]
   */
  goto(page, boxes) {
    if (boxes && boxes !== this.marked) [this.marked, this.faint] = [boxes, []];
    if (!this.sheets.length) return;
    for (const sheet of this.sheets) sheet.querySelector(".pdf-marks")?.replaceWith(this.marks(Number(sheet.dataset.page)));
    const first = this.marked.find((box) => box[0] === page) ?? this.marked[0];
    const number = Math.max(1, Math.min(first ? first[0] : page, this.sheets.length));
    const sheet = this.sheets[number - 1];
    const scroller = this.scroller() ?? document.documentElement;
    const top = sheet.getBoundingClientRect().top - (scroller === document.documentElement ? 0 : scroller.getBoundingClientRect().top);
    const into = first ? first[2] * sheet.clientHeight - scroller.clientHeight / 4 : -8;
    scroller.scrollTop += top + into;
    this.draw(sheet);
  }

  tellPage() {
    const scroller = this.scroller();
    const middle = scroller ? scroller.getBoundingClientRect().top + scroller.clientHeight / 2 : innerHeight / 2;
    const current = this.sheets.find((sheet) => sheet.getBoundingClientRect().bottom > middle) ?? this.sheets.at(-1);
    const page = Number(current?.dataset.page ?? 1);
    if (page === this.current) return;
    this.current = page;
    if (this.place) this.place.textContent = `${page} / ${this.sheets.length}`;
    this.dispatchEvent(new CustomEvent("kb-pdf:page", { bubbles: true, detail: { page } }));
  }

  /** @param {Event} event */
  onClick(event) {
    const button = /** @type {Element} */ (event.target).closest("[data-pdf-zoom]");
    if (!(button instanceof HTMLElement)) return;
    const at = KbPdf.ZOOMS.indexOf(this.zoom) + Number(button.dataset.pdfZoom);
    this.zoom = KbPdf.ZOOMS[Math.max(0, Math.min(at, KbPdf.ZOOMS.length - 1))];
    this.redraw();
  }

  redraw() {
    const page = this.current ?? 1;
    for (const sheet of this.sheets) sheet.style.width = `${this.zoom * 100}%`;
    const sheet = this.sheets[page - 1];
    sheet?.scrollIntoView({ block: "nearest" });
    for (const near of this.sheets.filter((other) => other.hasAttribute("data-near"))) this.draw(near);
  }
}
customElements.define("kb-pdf", KbPdf);
