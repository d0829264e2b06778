// @ts-check
/**
 * <kb-document>: the original at the left and its passages at the right, each lights the other.
 * A click on a passage scrolls the page to its boxes (PDF) or marks its characters (text); a click into the text
 * or a page's box chooses the passage. The address carries the passage, so that it can be shared.
 */
class KbDocument extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => this.clicked(event));
    this.addEventListener("keydown", (event) => this.pressed(event));
    const chosen = this.dataset.chosen && document.getElementById(`chunk-${this.dataset.chosen}`);
    if (chosen) requestAnimationFrame(() => this.choose(chosen, { isFirst: true }));
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {Element} */ (event.target);
    const card = target.closest(".chunk");
    if (card instanceof HTMLElement) {
      if (getSelection()?.toString()) return;  // somebody copies text
      event.preventDefault();
      return this.choose(card);
    }
    const sheet = target.closest(".pdf-page");
    if (sheet instanceof HTMLElement && !getSelection()?.toString()) this.chooseOn(sheet, event);
    const block = target.closest(".block[data-start], tr[data-start]");
    if (block instanceof HTMLElement && !getSelection()?.toString()) this.chooseAt(this.offset(block, event));
  }

  /** Up and down go from passage to passage. @param {KeyboardEvent} event */
  pressed(event) {
    const card = /** @type {Element} */ (event.target).closest(".chunk");
    if (!card || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    const next = event.key === "ArrowDown" ? card.nextElementSibling : card.previousElementSibling;
    const link = next?.querySelector(".chunk-head a");
    if (!(next instanceof HTMLElement) || !(link instanceof HTMLElement)) return;
    event.preventDefault();
    link.focus();
    this.choose(next);
  }

  /** @param {HTMLElement} card @param {{isFirst?: boolean}} [options] */
  choose(card, { isFirst = false } = {}) {
    this.querySelector('.chunk[aria-current="true"]')?.removeAttribute("aria-current");
    card.setAttribute("aria-current", "true");
    const link = card.querySelector(".chunk-head a");
    if (!isFirst && link instanceof HTMLAnchorElement) history.replaceState(history.state, "", link.href);
    this.bring(card);
    const pdf = this.querySelector("kb-pdf");
    if (pdf) this.light(/** @type {any} */ (pdf), card, isFirst);
    else this.mark(Number(card.dataset.from), Number(card.dataset.to));
  }

  /** @param {any} pdf @param {HTMLElement} card @param {boolean} isFirst */
  async light(pdf, card, isFirst) {
    if (isFirst || !card.dataset.page) return;  // the viewer opens at the chosen passage by itself
    await customElements.whenDefined("kb-pdf");
    pdf.goto?.(Number(card.dataset.page), JSON.parse(card.dataset.boxes ?? "[]"));
  }

  /** Scroll the pane of an element alone; scrollIntoView would move the page as well. @param {HTMLElement} element */
  bring(element) {
    const pane = element.closest(".document-original, .document-chunks");
    if (!pane) return;
    const box = element.getBoundingClientRect(), frame = pane.getBoundingClientRect();
    if (box.top >= frame.top && box.bottom <= frame.bottom) return;
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const room = Math.max(0, (frame.height - box.height) / 3);
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
    if (!range || !block.contains(range.startContainer)) return start;
    const before = document.createRange();
    before.setStart(block, 0);
    before.setEnd(range.startContainer, range.startOffset);
    return start + Array.from(before.toString()).length;
  }

  /** Choose the passage whose box on a page's sheet was hit. @param {HTMLElement} sheet @param {MouseEvent} event */
  chooseOn(sheet, event) {
    const frame = sheet.getBoundingClientRect();
    const x = (event.clientX - frame.left) / frame.width, y = (event.clientY - frame.top) / frame.height;
    const page = Number(sheet.dataset.page);
    const isHit = (/** @type {number[]} */ [on, x0, y0, x1, y1]) => on === page && x0 <= x && x <= x1 && y0 <= y && y <= y1;
    for (const card of this.querySelectorAll(".chunk")) {
      if (card instanceof HTMLElement && JSON.parse(card.dataset.boxes ?? "[]").some(isHit)) return this.choose(card);
    }
  }

  /** @param {number} offset */
  chooseAt(offset) {
    for (const card of this.querySelectorAll(".chunk")) {
      if (!(card instanceof HTMLElement)) continue;
      if (Number(card.dataset.from) <= offset && offset < Number(card.dataset.to)) return this.choose(card);
    }
  }
}
customElements.define("kb-document", KbDocument);
