// @ts-check
/**
 * <kb-gallery>: which pictures are selected (a click on the box, Shift for a range), the bar that acts on them, and the
 * board that is shown. Pictures can be dragged onto a board, or onto the settings as the source. The list itself is
 * loaded by htmx; what is loaded again while pictures are drawn is merged, so that nobody loses their place in it.
 */
class KbGallery extends HTMLElement {
  static DRAGGED = "application/x-zhiku-pictures";

  connectedCallback() {
    this.addEventListener("change", (event) => this.changed(/** @type {HTMLElement} */ (event.target)));
    this.addEventListener("click", (event) => this.clicked(/** @type {MouseEvent} */ (event)));
    this.addEventListener("keydown", (event) => event.key === "Escape" && !this.querySelector(":popover-open") && this.clear());
    this.addEventListener("htmx:afterSwap", (event) => /** @type {Element} */ (event.target).id === "gallery-items" && this.other());
    this.addEventListener("htmx:configRequest", (event) => this.ask(/** @type {CustomEvent} */ (event).detail));
    this.addEventListener("htmx:beforeSwap", (event) => this.swap(/** @type {CustomEvent} */ (event).detail));
    this.addEventListener("htmx:afterRequest", (event) => this.acted(/** @type {CustomEvent} */ (event).detail));
    document.querySelector("[data-remove-selected]")?.addEventListener("click", () => this.act("remove", this.chosen()));
    for (const type of ["dragstart", "dragend"]) this.addEventListener(type, (event) => this.lift(/** @type {DragEvent} */ (event)));
    for (const type of ["dragover", "dragleave", "drop"]) document.addEventListener(type, (event) => this.drag(/** @type {DragEvent} */ (event)));
    document.body.addEventListener("kb:boards", (event) => this.boards(/** @type {CustomEvent} */ (event).detail));
    this.draw();
  }

  /** @returns {HTMLInputElement[]} */
  boxes() {
    return [...this.querySelectorAll(".thumb-check input")].filter((box) => box instanceof HTMLInputElement);
  }

  // ------------------------------------------------------------------ the list

  /** What is loaded again is as long as it was. @param {{elt: Element, parameters: FormData, triggeringEvent?: Event}} request */
  ask({ elt, parameters, triggeringEvent }) {
    if (elt.id !== "gallery-filter") return;
    this.isRefresh = triggeringEvent?.type === "kb:pictures";
    if (this.isRefresh) parameters.set("size", String(this.querySelectorAll(".thumb").length));
  }

  /** Another list begins at its top. */
  other() {
    this.querySelector(".gallery-scroll")?.scrollTo(0, 0);
    this.draw();
  }

  /** @param {{target: Element, serverResponse: string, shouldSwap: boolean}} answer */
  swap(answer) {
    if (answer.target.id !== "gallery-items" || !this.isRefresh || !answer.shouldSwap) return;
    answer.shouldSwap = false;
    const page = document.createElement("template");
    page.innerHTML = answer.serverResponse; // server-rendered
    this.merge(answer.target, [...page.content.children]);
    this.draw();
  }

  /** Put in what is new and take out what is gone; what stays is left alone. @param {Element} list @param {Element[]} fresh */
  merge(list, fresh) {
    const old = new Map([...list.querySelectorAll(".thumb")].map((thumb) => [thumb.getAttribute("data-picture"), thumb]));
    const nodes = fresh.map((node) => KbGallery.same(old.get(node.getAttribute("data-picture")), node));
    for (const node of [...list.children]) if (!nodes.includes(node)) node.remove();
    let at = list.firstElementChild;
    for (const node of nodes) {
      if (node === at) { at = at.nextElementSibling; continue; }
      list.insertBefore(node, at);
      // @ts-ignore htmx is a global of its own script
      window.htmx.process(node);
    }
  }

  /** @param {Element | undefined} old @param {Element} fresh @returns {Element} the old one where it still says the same */
  static same(old, fresh) {
    if (!old) return fresh;
    if (["data-starred", "data-trashed"].every((name) => old.hasAttribute(name) === fresh.hasAttribute(name))) return old;
    const [was, box] = [old, fresh].map((thumb) => thumb.querySelector("input"));
    if (was && box) box.checked = was.checked;
    return fresh;
  }

  // ------------------------------------------------------------------ selecting

  /** What was selected is done with. @param {{successful: boolean, requestConfig: {path: string}}} answer */
  acted({ successful, requestConfig }) {
    if (successful && requestConfig.path === this.dataset.bulk) this.clear();
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
    if (target.closest("[data-select-all]")) this.all();
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

  all() {
    for (const box of this.boxes()) box.checked = true;
    this.draw();
  }

  draw() {
    const count = this.boxes().filter((box) => box.checked).length;
    const bar = this.querySelector("#gallery-selection");
    if (bar instanceof HTMLElement) bar.hidden = !count;
    this.toggleAttribute("data-selecting", count > 0);
    this.toggleAttribute("data-others", Boolean(this.querySelector(".thumb[data-others] input:checked")));
    this.toggleAttribute("data-in-trash", Boolean(this.querySelector(".thumb[data-trashed]")));
    const words = this.querySelector("[data-selected]");
    if (words) words.textContent = (this.dataset.textSelected ?? "").replace("{n}", String(count));
  }

  /** @returns {string[]} */
  chosen() {
    return this.boxes().filter((box) => box.checked).map((box) => box.value);
  }

  zip() {
    location.assign(`${this.dataset.zip}?${this.chosen().map((id) => `picture=${id}`).join("&")}`);
  }

  // ------------------------------------------------------------------ dragging

  /** A picture is taken up, with all that are selected where it is one of them; or let go. @param {DragEvent} event */
  lift(event) {
    const thumb = /** @type {Element} */ (event.target).closest?.(".thumb");
    if (!(thumb instanceof HTMLElement) || !event.dataTransfer) return;
    const isOver = event.type === "dragend", id = thumb.dataset.picture ?? "", chosen = this.chosen();
    if (!isOver) {
      event.dataTransfer.setData(KbGallery.DRAGGED, JSON.stringify(chosen.includes(id) ? chosen : [id]));
      event.dataTransfer.effectAllowed = "copyMove";
    }
    setTimeout(() => this.offer(!isOver)); // a page that changes at once ends the drag in Chromium
  }

  /** Boards are shown to drop onto. @param {boolean} isShown */
  offer(isShown) {
    const list = this.querySelector("[data-drop-boards]"), boards = this.querySelector("#move-boards");
    if (!(list instanceof HTMLElement) || !boards) return;
    if (isShown) list.replaceChildren(...[...boards.children].map((button) => button.cloneNode(true)));
    list.hidden = !isShown || !list.childElementCount;
  }

  /** @param {DragEvent} event */
  drag(event) {
    if (!event.dataTransfer?.types.includes(KbGallery.DRAGGED)) return;
    const place = /** @type {Element} */ (event.target).closest?.("[data-drop-boards] button, .studio-settings");
    document.querySelectorAll("[data-over]").forEach((each) => each !== place && each.removeAttribute("data-over"));
    if (!(place instanceof HTMLElement)) return;
    place.toggleAttribute("data-over", event.type === "dragover");
    if (event.type !== "dragleave") event.preventDefault();
    if (event.type === "drop") this.drop(place, JSON.parse(event.dataTransfer.getData(KbGallery.DRAGGED)));
  }

  /** @param {HTMLElement} place @param {string[]} ids */
  drop(place, ids) {
    this.offer(false);
    if (place instanceof HTMLButtonElement) this.act(place.value, ids);
    else this.source(ids[0]);
  }

  /** @param {string} act @param {string[]} ids */
  act(act, ids) {
    // @ts-ignore htmx is a global of its own script
    window.htmx.ajax("POST", this.dataset.bulk, { source: this, swap: "none", values: { picture: ids, act } });
  }

  /** @param {string} id */
  source(id) {
    const image = this.querySelector(`.thumb[data-picture="${CSS.escape(id)}"] img`);
    if (!(image instanceof HTMLImageElement)) return;
    const detail = { id, address: image.src, width: Number(image.getAttribute("width")), height: Number(image.getAttribute("height")) };
    document.body.dispatchEvent(new CustomEvent("kb:source", { detail }));
  }

  // ------------------------------------------------------------------ boards

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
    const asked = (this.asked = (this.asked ?? 0) + 1);
    const answer = await fetch(`${this.dataset.boards}?board=${encodeURIComponent(board)}`, { headers: { "HX-Request": "true" } });
    if (!answer.ok || asked !== this.asked) return; // another board was chosen meanwhile
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
