// @ts-check
/**
 * <kb-answer message="id">: an answer. While [data-live] it grows by the events that <kb-chat> hands it: text by text
 * nodes, settled blocks as HTML that the server has cleaned. At the end it is replaced by the server's own fragment.
 * Marks of citations show a card and open the drawer through the buttons of the sources row.
 */
class KbAnswer extends HTMLElement {
  static MARK = /(?<!\\)\[(\d{1,3})\](?!\()/;

  connectedCallback() {
    this.message = this.getAttribute("message") ?? "";
    /** @type {{attempt: number, seq: number} | undefined} */
    this.cursor = undefined;
    /** @type {Map<number, any>} */
    this.passages = new Map();
    this.tailText = "";
    this.addEventListener("click", (event) => this.onClick(event));
    this.addEventListener("pointerover", (event) => this.onPoint(event));
    this.addEventListener("pointerout", () => KbAnswer.hideCard());
    this.addEventListener("focusin", (event) => this.onPoint(event));
    this.addEventListener("focusout", () => KbAnswer.hideCard());
    if (this.hasAttribute("data-live")) queueMicrotask(() => this.tell("kb:live"));
    else queueMicrotask(() => this.tell("kb:settled"));
  }

  disconnectedCallback() {
    KbAnswer.hideCard();
  }

  /** @param {string} name */
  tell(name) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true }));
  }

  /** @param {any} frame */
  receive(frame) {
    if (!this.hasAttribute("data-live")) return;
    const seen = this.cursor;
    if (frame.type !== "answer.snapshot" && seen) {
      if (frame.attempt < seen.attempt || (frame.attempt === seen.attempt && frame.seq <= seen.seq)) return;
      if (frame.attempt > seen.attempt) this.clear();
    }
    this.cursor = { attempt: frame.attempt, seq: frame.seq };
    this.on[frame.type]?.(frame);
  }

  /** @type {Record<string, (frame: any) => void>} */
  on = {
    "answer.condensed": ({ question, was_rewritten }) =>
      this.say(was_rewritten ? (this.dataset.searchingFor ?? "").replace("%(question)s", () => question) : (this.dataset.searching ?? "")),
    "answer.retrieved": (frame) => {
      this.passages = new Map(frame.passages.map((/** @type {any} */ passage) => [passage.number, passage]));
      this.say(`${this.count("searched", frame.libraries, "libraries")} · ${this.count("found", frame.passages.length, "passages")}`);
    },
    "answer.delta": ({ text }) => this.showTail(this.tailText + text),
    "answer.block": ({ html, tail }) => {
      this.part("sealed").insertAdjacentHTML("beforeend", html); // server-rendered and cleaned
      this.showTail(tail);
    },
    "answer.snapshot": (frame) => {
      this.clear();
      this.part("sealed").insertAdjacentHTML("beforeend", frame.html); // server-rendered and cleaned
      this.showTail(frame.tail);
      if (frame.is_settled) this.refresh();
    },
    "answer.finished": () => this.refresh(),
    "answer.failed": () => this.refresh(),
    "answer.stopped": () => this.refresh(),
  };

  /** @param {string} name @returns {HTMLElement} */
  part(name) {
    return /** @type {HTMLElement} */ (this.querySelector(`[data-${name}]`));
  }

  clear() {
    this.part("sealed").replaceChildren();
    this.showTail("");
  }

  /** @param {string} text */
  showTail(text) {
    this.tailText = text;
    this.toggleAttribute("data-started", true);
    this.part("tail").replaceChildren(...this.withMarks(text));
    this.tell("kb:grown");
  }

  /**
   * Text nodes, and links for marks of passages that were given.
   * @param {string} text @returns {Node[]}
   */
  withMarks(text) {
    return text.split(KbAnswer.MARK).map((part, index) => {
      if (index % 2 === 0) return document.createTextNode(part);
      if (!this.passages.has(Number(part))) return document.createTextNode(`[${part}]`);
      const link = document.createElement("a");
      link.className = "cite";
      link.dataset.cite = part;
      link.href = `#cite-${part}`;
      link.textContent = part;
      return link;
    });
  }

  /** @param {string} text */
  say(text) {
    const line = this.querySelector("[data-steps]");
    if (line) line.textContent = text;
  }

  /** @param {string} what @param {number} n @param {string} name */
  count(what, n, name) {
    const rule = new Intl.PluralRules(this.dataset.language).select(n) === "one" ? "One" : "Other";
    return (this.dataset[what + rule] ?? "").replace(`%(${name})s`, String(n));
  }

  /** Replaces this element by the server's fragment of the answer as it is now. */
  refresh() {
    // @ts-ignore htmx is a global of its own script
    window.htmx.ajax("GET", this.dataset.url, { source: this, target: this, swap: "outerHTML" }).catch(() => {}); // tried again with the socket
  }

  /** @param {Event} event */
  onClick(event) {
    const target = /** @type {Element} */ (event.target);
    const mark = target.closest("a.cite");
    if (mark instanceof HTMLElement) {
      event.preventDefault();
      KbAnswer.hideCard();
      const source = this.source(mark.dataset.cite);
      if (source) source.click();
      return;
    }
    if (target.closest(".source")) KbAnswer.hideCard();
    const copy = target.closest("[data-copy]");
    if (copy) this.copy();
  }

  async copy() {
    const text = /** @type {HTMLElement | null} */ (this.querySelector("[data-text]"));
    await navigator.clipboard.writeText(text?.innerText ?? "");
    document.body.dispatchEvent(new CustomEvent("kb:toast", { detail: { text: this.dataset.copied, seconds: 2 } }));
  }

  /** @param {string | undefined} number @returns {HTMLElement | null} */
  source(number) {
    return this.querySelector(`.source[data-cite="${CSS.escape(number ?? "")}"]`);
  }

  /** @param {Event} event */
  onPoint(event) {
    const mark = /** @type {Element} */ (event.target).closest("a.cite, .source, [data-text] [data-support]");
    if (!(mark instanceof HTMLElement)) return;
    if (mark.dataset.support) return KbAnswer.showCard(mark, { name: this.dataset[mark.dataset.support] });
    const source = this.source(mark.dataset.cite);
    const passage = this.passages.get(Number(mark.dataset.cite));
    const facts = source?.dataset ?? (passage && { name: passage.document, place: this.placeOf(passage), snippet: passage.snippet });
    if (facts) KbAnswer.showCard(mark, facts);
  }

  /** @param {any} passage */
  placeOf(passage) {
    return passage.page ? (this.dataset.page ?? "").replace("%(page)s", passage.page) : passage.place;
  }

  /** @type {HTMLElement | undefined} */
  static card;

  /** @param {HTMLElement} mark @param {{name?: string, place?: string, snippet?: string}} facts */
  static showCard(mark, facts) {
    const card = (KbAnswer.card ??= KbAnswer.makeCard());
    const [name, place, snippet] = card.children;
    name.textContent = facts.name ?? "";
    place.textContent = facts.place ?? "";
    snippet.textContent = facts.snippet ?? "";
    if (!card.isConnected) document.body.append(card);
    card.showPopover();
    const at = mark.getBoundingClientRect(), size = card.getBoundingClientRect(), gap = 6, edge = 8;
    const above = at.top - size.height - gap;
    card.style.left = `${Math.max(edge, Math.min(at.left - 16, innerWidth - size.width - edge))}px`;
    card.style.top = `${above >= edge ? above : at.bottom + gap}px`;
  }

  static makeCard() {
    const card = document.createElement("div");
    card.className = "cite-card";
    card.popover = "manual";
    card.setAttribute("role", "tooltip");
    for (const part of ["strong", "small", "p"]) card.append(document.createElement(part));
    return card;
  }

  static hideCard() {
    if (KbAnswer.card?.matches(":popover-open")) KbAnswer.card.hidePopover();
  }
}
customElements.define("kb-answer", KbAnswer);

// What is open in the drawer is lit in the text it belongs to.
document.addEventListener("htmx:afterSwap", (event) => {
  const drawer = /** @type {CustomEvent} */ (event).detail.target;
  if (drawer?.id !== "drawer") return;
  const shown = drawer.querySelector("[data-shown-cite]");
  for (const lit of document.querySelectorAll("kb-answer [data-cite][aria-current]")) lit.removeAttribute("aria-current");
  if (!(shown instanceof HTMLElement)) return;
  const answer = document.querySelector(`kb-answer[message="${CSS.escape(shown.dataset.shownMessage ?? "")}"]`);
  for (const cite of answer?.querySelectorAll(`[data-cite="${CSS.escape(shown.dataset.shownCite ?? "")}"]`) ?? []) cite.setAttribute("aria-current", "true");
});
document.addEventListener("kb:drawer-closed", () => {
  for (const lit of document.querySelectorAll("kb-answer [data-cite][aria-current]")) lit.removeAttribute("aria-current");
});
