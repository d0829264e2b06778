// @ts-check
/**
 * <kb-document>: the original at the left and its passages at the right, each lights the other.
 * A click on a passage scrolls the page to its boxes (PDF, pictures) or marks its characters (text); a click into the
 * text or into a box chooses the passage. Arrow keys (or j and k) go from passage to passage, e edits, Escape cancels.
 * The address carries the passage, so that it can be shared. Phones show one pane: data-pane = original | chunks.
 */
class KbDocument extends HTMLElement {
  static SHORT_EM = 10.5; // as in document.css: higher texts are cut until their card is chosen

  connectedCallback() {
    this.addEventListener("click", (event) => this.clicked(event));
    this.addEventListener("pointermove", (event) => this.moved(event));
    this.addEventListener("pointerleave", () => this.hover(null));
    this.addEventListener("input", (event) => this.typed(event));
    this.addEventListener("kb-pdf:drawn", (event) => this.outline(/** @type {HTMLElement} */ (event.target), /** @type {CustomEvent} */ (event).detail.sheet));
    this.addEventListener("kb-strip:go", (event) => this.goPage(/** @type {CustomEvent} */ (event).detail.page));
    this.addEventListener("htmx:afterSettle", () => this.settled());
    document.addEventListener("keydown", (event) => this.pressed(event));
    // The split's form is sent by htmx on the same click: the caret has to be known before.
    this.addEventListener("click", (event) => this.beforeSplit(event), true);
    document.body.addEventListener("kb:chunks", (event) => { this.next = /** @type {CustomEvent} */ (event).detail.chosen || this.current()?.dataset.chunk; });
    document.body.addEventListener("kb:document-settled", () => this.readAgain());
    this.settled();
    this.measure();
    this.showPane(this.dataset.pane ?? "original");
    const chosen = this.dataset.chosen && document.getElementById(`chunk-${this.dataset.chosen}`);
    if (chosen) requestAnimationFrame(() => this.choose(chosen, { isFirst: true }));
  }

  /** The head above wraps on narrow windows; the panes fill what is left. */
  measure() {
    const head = document.querySelector(".page-head");
    if (!head) return;
    const tell = () => document.documentElement.style.setProperty("--document-head", `${Math.ceil(head.getBoundingClientRect().height)}px`);
    new ResizeObserver(tell).observe(head);
    tell();
  }

  get isNarrow() { return matchMedia("(max-width: 60rem)").matches; }
  /** @returns {any} */
  get viewer() { return this.querySelector("kb-pdf, kb-pages"); }
  /** @returns {HTMLElement[]} */
  get cards() { return [...this.querySelectorAll(".chunk")].filter((card) => card instanceof HTMLElement); }
  /** @returns {HTMLElement | null} */
  current() { return this.querySelector('.chunk[aria-current="true"]'); }
  get form() { return this.querySelector(".chunk-form"); }

  /** @param {string} pane */
  showPane(pane) {
    this.dataset.pane = pane;
    for (const button of this.querySelectorAll("[data-show-pane]")) button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.showPane === pane));
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {Element} */ (event.target);
    const pane = target.closest("[data-show-pane]");
    if (pane instanceof HTMLElement) return this.showPane(pane.dataset.showPane ?? "original");
    const act = target.closest("[data-act]");
    if (act instanceof HTMLElement) return this.act(act.dataset.act ?? "", act);
    const pages = target.closest("[data-bad-pages]");
    if (pages instanceof HTMLElement) return this.fillPages(pages);
    if (target.closest("[data-cancel]") && !target.closest("[hx-get]")) return target.closest(".chunk-form")?.remove();
    if (target.closest("a:not(.chunk-head a), button, input, textarea, label, kb-menu, dialog") || getSelection()?.toString()) return;
    const card = target.closest(".chunk");
    if (card instanceof HTMLElement) {
      event.preventDefault();
      this.choose(card);
      if (this.isNarrow && target.closest(".chunk-head a")) this.showPane("original");
      return;
    }
    const hit = this.cardAt(event);
    if (!hit) return;
    this.choose(hit, { isStill: true });
    if (this.isNarrow) { this.showPane("chunks"); this.bring(hit); }
  }

  /** The passage under the pointer, in the original. @param {MouseEvent} event @returns {HTMLElement | null} */
  cardAt(event) {
    const target = /** @type {Element} */ (event.target);
    const sheet = target.closest(".pdf-page");
    if (sheet instanceof HTMLElement) return this.cardOn(sheet, event);
    const block = target.closest(".block[data-start], tr[data-start]");
    return block instanceof HTMLElement ? this.cardHolding(this.offset(block, event)) : null;
  }

  /** @param {PointerEvent} event */
  moved(event) {
    if (this.pending || event.pointerType === "touch") return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      const card = /** @type {Element} */ (event.target).closest(".chunk");
      this.hover(card instanceof HTMLElement ? card : this.cardAt(event));
    });
  }

  /** Light a passage and its boxes faintly. @param {HTMLElement | null} card */
  hover(card) {
    if (card === this.hovered) return;
    this.hovered = card;
    for (const lit of this.querySelectorAll("[data-hover]")) lit.removeAttribute("data-hover");
    for (const sheet of this.querySelectorAll(".pdf-page[data-over]")) sheet.removeAttribute("data-over");
    if (!card) return;
    card.setAttribute("data-hover", "");
    for (const box of this.querySelectorAll(`.page-boxes > [data-of="${card.dataset.chunk}"]`)) {
      box.setAttribute("data-hover", "");
      box.closest(".pdf-page")?.setAttribute("data-over", "");
    }
    const from = Number(card.dataset.from), to = Number(card.dataset.to);
    for (const block of this.querySelectorAll("[data-start]")) {
      if (!(block instanceof HTMLElement)) continue;
      const start = Number(block.dataset.start), end = Number(block.dataset.end ?? start + (block.textContent ?? "").length);
      block.toggleAttribute("data-hover", start < to && end > from);
    }
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const target = /** @type {Element} */ (event.target);
    const form = target.closest?.(".chunk-form");
    if (form instanceof HTMLFormElement) {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
      if (event.key === "Escape") { event.preventDefault(); /** @type {HTMLElement | null} */ (form.querySelector("[data-cancel]"))?.click(); }
      return;
    }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest?.("input, textarea, select, [contenteditable], dialog, kb-menu, kb-drawer, .rail") || document.querySelector("dialog[open], .menu:popover-open")) return;
    if (target.closest?.(".pdf-pages, .document-text, .strip") && event.key.startsWith("Arrow")) return;  // there they scroll
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (step) { event.preventDefault(); this.step(step); }
    if (event.key === "e" && this.current()) { event.preventDefault(); this.act("edit", null); }
  }

  /** @param {number} step */
  step(step) {
    const cards = this.cards;
    const at = cards.indexOf(/** @type {HTMLElement} */ (this.current()));
    const next = at < 0 ? cards[0] : cards[at + step];
    if (!next) return;
    this.choose(next);
    const link = next.querySelector(".chunk-head a");
    if (link instanceof HTMLElement) link.focus({ preventScroll: true });
  }

  /** @param {HTMLElement} card @param {{isFirst?: boolean, isStill?: boolean}} [options] */
  choose(card, { isFirst = false, isStill = false } = {}) {
    if (card !== this.current()) this.current()?.removeAttribute("aria-current");
    card.setAttribute("aria-current", "true");
    this.chosenId = card.id;
    const link = card.querySelector(".chunk-head a");
    if (!isFirst && link instanceof HTMLAnchorElement) history.replaceState(history.state, "", link.href);
    this.bring(card);
    if (this.viewer) this.light(card, { isFirst, isStill });
    else this.mark(Number(card.dataset.from), Number(card.dataset.to));
  }

  /** @param {HTMLElement} card @param {{isFirst: boolean, isStill: boolean}} how */
  async light(card, { isFirst, isStill }) {
    if (isFirst || !card.dataset.page) return;  // the viewer opens at the chosen passage by itself
    const viewer = this.viewer;
    await customElements.whenDefined(viewer.localName);
    const pane = viewer.querySelector("[data-pdf-pages]"), top = pane?.scrollTop;
    viewer.goto?.(Number(card.dataset.page), KbDocument.boxes(card));
    if (isStill && pane && top !== undefined) pane.scrollTop = top;
  }

  /** @param {HTMLElement} card @returns {number[][]} */
  static boxes(card) { return JSON.parse(card.dataset.boxes || "[]"); }

  /** @param {HTMLElement} card */
  static text(card) {
    const text = card.querySelector(".chunk-text");
    return text instanceof HTMLElement ? text.innerText.trim() : "";
  }

  /** Draw the outlines of all passages of a page. @param {HTMLElement} viewer @param {HTMLElement} sheet */
  outline(viewer, sheet) {
    const page = Number(sheet.dataset.page);
    sheet.querySelector(".page-boxes")?.remove();
    const layer = document.createElement("div");
    layer.className = "page-boxes";
    for (const card of this.cards) {
      for (const [on, x0, y0, x1, y1] of KbDocument.boxes(card)) {
        if (on !== page) continue;
        const box = document.createElement("div");
        box.dataset.of = card.dataset.chunk;
        box.toggleAttribute("data-off", card.dataset.disabled !== undefined);
        Object.assign(box.style, { left: `${x0 * 100}%`, top: `${y0 * 100}%`, width: `${(x1 - x0) * 100}%`, height: `${(y1 - y0) * 100}%` });
        layer.append(box);
      }
    }
    sheet.querySelector(".pdf-marks")?.after(layer);
  }

  /** After htmx changed cards: outlines, the chosen one, which texts are short. */
  settled() {
    const viewer = this.viewer;
    if (viewer) for (const sheet of viewer.querySelectorAll(".pdf-page:has(> .pdf-marks)")) this.outline(viewer, sheet);
    this.hovered = undefined;
    const next = this.next && document.getElementById(`chunk-${this.next}`);
    if (this.next && this.querySelector("#chunks")) this.next = undefined;
    if (next instanceof HTMLElement) this.choose(next);
    const again = this.chosenId && !this.current() && document.getElementById(this.chosenId);
    if (again) again.setAttribute("aria-current", "true");  // its card was swapped for a newer one
    const isLost = document.activeElement === document.body && this.wasWriting && !this.form;
    if (isLost) /** @type {HTMLElement | null} */ (this.current()?.querySelector(".chunk-head a"))?.focus({ preventScroll: true });
    this.wasWriting = Boolean(this.form);
    this.short();
    const field = this.querySelector(".chunk-form .chunk-field");
    if (field instanceof HTMLTextAreaElement) {
      this.count(field);
      if (field.dataset.known === undefined) { field.dataset.known = ""; field.focus({ preventScroll: true }); this.bring(/** @type {HTMLElement} */ (field.form)); }
    }
  }

  /** A text that fits needs no veil at its end. */
  short() {
    for (const card of this.cards) {
      const text = card.querySelector(".chunk-text");
      if (text) card.toggleAttribute("data-short", text.scrollHeight <= KbDocument.SHORT_EM * parseFloat(getComputedStyle(text).fontSize) + 2);
    }
  }

  /** @param {string} act @param {HTMLElement | null} button */
  act(act, button) {
    const menu = /** @type {any} */ (this.querySelector("#chunk-menu"));
    const fromMenu = button?.closest("kb-menu");
    const card = /** @type {HTMLElement | null} */ (fromMenu ? menu?.opener?.closest(".chunk") : this.current() ?? null);
    // @ts-ignore htmx is a global of its own script
    const htmx = window.htmx;
    const address = card?.dataset.address ?? "";
    if (["edit", "add", "merge", "delete"].includes(act) && this.form) return this.say(this.dataset.busy ?? "");
    if (card && act !== "add") this.choose(card, { isStill: act !== "page" });
    if (act === "page") return this.showPane("original");
    if (act === "add") return this.add(card);
    if (!card) return;
    if (act === "edit") return htmx.ajax("GET", `${address}edit/`, { source: document.body, target: `#${card.id}`, swap: "outerHTML" });
    if (act === "history") return htmx.ajax("GET", `${address}history/`, { source: document.body, target: "#drawer", swap: "innerHTML" });
    if (act === "copy") return this.copy(KbDocument.text(card));
    if (act === "link") return this.copy(/** @type {HTMLAnchorElement} */ (card.querySelector(".chunk-head a")).href);
    this.neighbour = act === "delete" ? this.cards[this.cards.indexOf(card) + 1] ?? this.cards[this.cards.indexOf(card) - 1] : undefined;
    htmx.ajax("POST", `${address}${act}/`, { source: document.body, swap: "none" });
  }

  /** The form of a new passage comes behind the chosen one, else at the end. @param {HTMLElement | null} card */
  add(card) {
    // @ts-ignore htmx is a global of its own script
    const htmx = window.htmx;
    const after = card ?? this.cards.at(-1);
    const address = /** @type {HTMLElement} */ (this.querySelector("#chunk-menu")).dataset.add;
    const where = after ? { target: `#${after.id}`, swap: "afterend" } : { target: "#chunks", swap: "beforeend" };
    htmx.ajax("GET", after ? `${address}?after=${after.dataset.chunk}` : `${address}`, { source: document.body, ...where });
    if (this.isNarrow) this.showPane("chunks");
  }

  /** @param {MouseEvent} event */
  beforeSplit(event) {
    const button = /** @type {Element} */ (event.target).closest("[data-split]");
    const form = button?.closest("form");
    const field = form?.querySelector(".chunk-field"), at = form?.querySelector("[name=at]");
    // Python counts code points, the browser UTF-16 units.
    if (field instanceof HTMLTextAreaElement && at instanceof HTMLInputElement) at.value = String(Array.from(field.value.slice(0, field.selectionStart)).length);
  }

  /** @param {Event} event */
  typed(event) {
    const field = event.target;
    if (field instanceof HTMLTextAreaElement && field.matches(".chunk-field")) this.count(field);
  }

  /** @param {HTMLTextAreaElement} field */
  count(field) {
    const output = field.form?.querySelector("[data-count]");
    if (output) output.textContent = (field.dataset.characters ?? "%(n)s").replace("%(n)s", String(Array.from(field.value).length));
  }

  /** @param {string} text */
  async copy(text) {
    await navigator.clipboard.writeText(text);
    this.say(this.dataset.copied ?? "");
  }

  /** @param {string} text */
  say(text) { document.body.dispatchEvent(new CustomEvent("kb:toast", { detail: { text, seconds: 3 } })); }

  /** The document was read again: show it, unless somebody is writing. */
  readAgain() {
    if (this.form) this.say(this.dataset.reread ?? "");
    else location.reload();
  }

  /** @param {HTMLElement} button */
  fillPages(button) {
    const field = button.closest("form")?.querySelector("[name=pages]");
    if (field instanceof HTMLInputElement) field.value = (button.dataset.badPages ?? "").replace(/,$/, "");
  }

  /** Show a page, and choose its first passage where that is in this part. @param {number} page */
  async goPage(page) {
    const card = this.cards.find((one) => Number(one.dataset.page) === page);
    const viewer = this.viewer;
    if (viewer) {
      await customElements.whenDefined(viewer.localName);
      viewer.goto?.(page, []);
      if (card) { this.current()?.removeAttribute("aria-current"); this.bring(card); }
      return;
    }
    const place = this.querySelector(`[data-text-page="${page}"]`);
    if (place instanceof HTMLElement) this.bring(place, { isTop: true });
    else location.assign(`?page=${page}`);
  }

  /** Scroll the pane of an element alone; scrollIntoView would move the page as well. @param {HTMLElement} element @param {{isTop?: boolean}} [options] */
  bring(element, { isTop = false } = {}) {
    const pane = element.closest(".document-original, .document-chunks");
    if (!pane) return;
    const box = element.getBoundingClientRect(), frame = pane.getBoundingClientRect();
    const bar = pane.querySelector(".chunks-bar")?.clientHeight ?? 0;
    if (!isTop && box.top >= frame.top + bar && box.bottom <= frame.bottom) return;
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const room = isTop ? 8 : Math.max(bar + 8, Math.min((frame.height - box.height) / 3, frame.height / 3));
    pane.scrollBy({ top: box.top - frame.top - room, behavior: isStill ? "auto" : "smooth" });
  }

  /** Mark the characters from..to of the whole text; blocks are plain text, so each is rebuilt from its own text. @param {number} from @param {number} to */
  mark(from, to) {
    /** @type {HTMLElement | null} */
    let first = null;
    for (const block of this.querySelectorAll(".block[data-start]")) {
      if (!(block instanceof HTMLElement)) continue;
      const start = Number(block.dataset.start);
      const text = block.textContent ?? "";
      // Offsets count characters of Python, that is code points; JavaScript counts UTF-16 units.
      const points = Array.from(text);
      const a = Math.max(0, Math.min(points.length, from - start)), b = Math.max(0, Math.min(points.length, to - start));
      if (a >= b) { if (block.querySelector("mark")) block.textContent = text; continue; }
      const mark = document.createElement("mark");
      mark.textContent = points.slice(a, b).join("");
      block.replaceChildren(points.slice(0, a).join(""), mark, points.slice(b).join(""));
      first ??= mark;
    }
    for (const row of this.querySelectorAll("tr[data-start]")) {
      if (!(row instanceof HTMLElement)) continue;
      const isMarked = Number(row.dataset.start) < to && Number(row.dataset.end) > from;
      row.toggleAttribute("data-marked", isMarked);
      if (isMarked && (!first || row.compareDocumentPosition(first) & Node.DOCUMENT_POSITION_FOLLOWING)) first = row;
    }
    if (first) this.bring(first);
  }

  /** @param {HTMLElement} block @param {MouseEvent} event @returns {number} */
  offset(block, event) {
    const start = Number(block.dataset.start);
    const range = document.caretRangeFromPoint?.(event.clientX, event.clientY);
    if (!range || !block.contains(range.startContainer) || block.localName === "tr") return start;
    const before = document.createRange();
    before.setStart(block, 0);
    before.setEnd(range.startContainer, range.startOffset);
    return start + Array.from(before.toString()).length;
  }

  /** The passage whose box on a page's sheet is under the pointer; the smallest box wins. @param {HTMLElement} sheet @param {MouseEvent} event @returns {HTMLElement | null} */
  cardOn(sheet, event) {
    const frame = sheet.getBoundingClientRect();
    const x = (event.clientX - frame.left) / frame.width, y = (event.clientY - frame.top) / frame.height;
    const page = Number(sheet.dataset.page);
    /** @type {HTMLElement | null} */
    let best = null;
    let size = Infinity;
    for (const card of this.cards) {
      for (const [on, x0, y0, x1, y1] of KbDocument.boxes(card)) {
        const area = (x1 - x0) * (y1 - y0);
        if (on === page && x0 <= x && x <= x1 && y0 <= y && y <= y1 && area < size) [best, size] = [card, area];
      }
    }
    return best;
  }

  /** @param {number} offset @returns {HTMLElement | null} */
  cardHolding(offset) {
    return this.cards.find((card) => Number(card.dataset.from) <= offset && offset < Number(card.dataset.to)) ?? null;
  }
}
customElements.define("kb-document", KbDocument);
