// @ts-check
/**
 * <kb-selection>: rows of documents that are selected, dragged into folders and renamed in place.
 * The choice lives here and not in the checkboxes, so it outlasts rows that are drawn again. What is chosen is written
 * as hidden inputs into the form #selection, which every bulk action includes: `id`s, or `all=1` with the filter.
 */
class KbSelection extends HTMLElement {
  static TYPE = "application/x-zhiku-documents";

  connectedCallback() {
    /** @type {Set<string>} */
    this.ids = new Set();
    this.isAll = false;
    this.addEventListener("change", (event) => this.changed(/** @type {HTMLInputElement} */ (event.target)));
    this.addEventListener("click", (event) => this.clicked(/** @type {MouseEvent} */ (event)));
    this.addEventListener("dragstart", (event) => this.dragged(event));
    this.addEventListener("dragend", () => this.undrag());
    for (const type of ["dragover", "dragleave", "drop"]) this.addEventListener(type, (event) => this.over(/** @type {DragEvent} */ (event)));
    this.addEventListener("dblclick", (event) => this.doubleClicked(event));
    document.body.addEventListener("htmx:afterSettle", () => this.draw());
    document.body.addEventListener("htmx:oobAfterSwap", () => this.draw());
    document.body.addEventListener("htmx:afterRequest", (event) => this.answered(/** @type {CustomEvent} */ (event).detail));
    document.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open], .menu:popover-open") && this.clear());
    this.draw();
  }

  /** @returns {HTMLInputElement[]} */
  boxes() {
    return [...this.querySelectorAll("#document-rows [data-check] input")].filter((box) => box instanceof HTMLInputElement);
  }

  /** @param {HTMLInputElement} box */
  changed(box) {
    if (box.matches("[data-check-page]")) this.pick(this.boxes(), box.checked);
    else if (box.closest("#document-rows [data-check]")) this.pick([box], box.checked);
  }

  /** @param {HTMLInputElement[]} boxes @param {boolean} isChosen */
  pick(boxes, isChosen) {
    if (this.isAll) {
      this.isAll = false;
      this.ids = new Set(this.boxes().map((box) => box.value));
    }
    for (const { value } of boxes) isChosen ? this.ids?.add(value) : this.ids?.delete(value);
    this.draw();
  }

  clear() {
    this.ids = new Set();
    this.isAll = false;
    this.draw();
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("[data-select-none]")) return this.clear();
    if (target.closest("[data-select-all]")) { this.isAll = true; return this.draw(); }
    const act = target.closest("[data-bulk-form]");
    if (act instanceof HTMLElement) return this.ask(act.dataset.bulkForm ?? "");
    const rename = target.closest("[data-rename]");
    if (rename instanceof HTMLElement) return this.rename(/** @type {HTMLElement} */ (rename.closest("tr")), rename.dataset.rename ?? "");
    const box = target.closest("#document-rows [data-check] input");
    if (box instanceof HTMLInputElement) this.range(box, event.shiftKey);
  }

  /** With Shift all rows between the last one clicked and this one. @param {HTMLInputElement} box @param {boolean} isRange */
  range(box, isRange) {
    const boxes = this.boxes();
    const [from, to] = [boxes.findIndex((each) => each.value === this.last), boxes.indexOf(box)].sort((a, b) => a - b);
    if (isRange && from >= 0) this.pick(boxes.slice(from, to + 1), box.checked);
    this.last = box.value;
  }

  /** @returns {HTMLElement | null} */
  list() {
    return this.querySelector("#documents");
  }

  total() {
    return Number(this.list()?.dataset.total ?? 0);
  }

  /** Draw what is chosen: checkboxes, rows, the bar, the hidden inputs. */
  draw() {
    const boxes = this.boxes();
    const shown = new Set(boxes.map((box) => box.value));
    for (const id of this.ids ?? []) if (!shown.has(id)) this.ids?.delete(id);
    for (const box of boxes) {
      box.checked = this.isAll || (this.ids?.has(box.value) ?? false);
      box.closest("tr")?.setAttribute("aria-selected", String(box.checked));
    }
    const chosen = boxes.filter((box) => box.checked).length;
    const page = this.querySelector("[data-check-page]");
    if (page instanceof HTMLInputElement) {
      page.checked = boxes.length > 0 && chosen === boxes.length;
      page.indeterminate = chosen > 0 && chosen < boxes.length;
    }
    this.bar(chosen, boxes.length);
    this.write();
  }

  /** @param {number} chosen @param {number} onPage */
  bar(chosen, onPage) {
    const bar = this.querySelector(".selection-bar");
    if (!(bar instanceof HTMLElement)) return;
    bar.hidden = !chosen;
    const count = bar.querySelector("[data-selected]");
    const text = count instanceof HTMLElement ? (count.dataset.text ?? "").replace("{n}", String(this.isAll ? this.total() : chosen)) : "";
    if (count && count.textContent !== text) count.textContent = text;
    const all = bar.querySelector("[data-select-all]");
    if (!(all instanceof HTMLElement)) return;
    all.hidden = this.isAll || chosen < onPage || this.total() <= onPage;
    all.textContent = (all.dataset.text ?? "").replace("{n}", String(this.total()));
  }

  write() {
    const form = document.getElementById("selection");
    if (!form) return;
    const pairs = this.isAll ? [["all", "1"], ["filter", this.list()?.dataset.filter ?? ""]] : [...(this.ids ?? [])].map((id) => ["id", id]);
    form.replaceChildren(...pairs.map(([name, value]) => {
      const input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      input.value = value;
      return input;
    }));
  }

  /** Load the form of an action into the dialog and open it. @param {string} kind */
  async ask(kind) {
    const dialog = document.getElementById("bulk-dialog");
    if (!(dialog instanceof HTMLDialogElement)) return;
    // @ts-ignore htmx is a global of its own script
    await window.htmx.ajax("GET", `${this.dataset.form}?kind=${encodeURIComponent(kind)}`, { target: dialog, swap: "innerHTML", source: this });
    if (!dialog.childElementCount) return;
    dialog.showModal();
    const first = dialog.querySelector("[autofocus], input:not([type=hidden]), select");
    if (first instanceof HTMLElement) first.focus();
  }

  /** A bulk action that went well leaves nothing selected. @param {{successful: boolean, requestConfig?: {verb: string, path: string}}} detail */
  answered({ successful, requestConfig }) {
    if (successful && requestConfig?.verb === "post" && /\/(bulk|reread)\/$/.test(requestConfig.path)) this.clear();
  }

  /** @param {DragEvent} event */
  dragged(event) {
    const row = /** @type {Element} */ (event.target).closest?.("tr[draggable]");
    if (!(row instanceof HTMLElement) || !event.dataTransfer) return;
    const id = row.dataset.id ?? "";
    const isChosen = this.isAll || (this.ids?.has(id) ?? false);
    this.dragging = isChosen ? [...this.querySelectorAll("#selection input")].map((input) => /** @type {HTMLInputElement} */ (input)).map(({ name, value }) => [name, value]) : [["id", id]];
    event.dataTransfer.setData(KbSelection.TYPE, "documents");
    event.dataTransfer.effectAllowed = "move";
    const count = isChosen ? (this.isAll ? this.total() : this.ids?.size ?? 1) : 1;
    event.dataTransfer.setDragImage(this.ghost(count, row), 12, 12);
    for (const each of this.querySelectorAll("#document-rows tr")) {
      if (each === row || (isChosen && each.getAttribute("aria-selected") === "true")) each.setAttribute("data-dragged", "");
    }
  }

  /** @param {number} count @param {HTMLElement} row @returns {HTMLElement} */
  ghost(count, row) {
    this.querySelector(".drag-ghost")?.remove();
    const ghost = document.createElement("div");
    ghost.className = "drag-ghost";
    const name = row.querySelector("[data-name]")?.textContent ?? "";
    ghost.textContent = count > 1 ? (this.dataset.textDrag ?? "").replace("{n}", String(count)) : name;
    this.append(ghost);
    return ghost;
  }

  undrag() {
    this.dragging = undefined;
    this.querySelector(".drag-ghost")?.remove();
    for (const each of this.querySelectorAll("[data-dragged], [data-drop]")) {
      each.removeAttribute("data-dragged");
      each.removeAttribute("data-drop");
    }
  }

  /** @param {DragEvent} event */
  over(event) {
    const folder = /** @type {Element} */ (event.target).closest?.(".folders > a[data-folder]");
    if (!this.dragging || !(folder instanceof HTMLElement)) return;
    event.preventDefault();
    folder.toggleAttribute("data-drop", event.type === "dragover");
    if (event.type === "drop") this.drop(folder.dataset.folder ?? "");
  }

  /** @param {string} folder */
  drop(folder) {
    /** @type {Record<string, string | string[]>} */
    const values = { action: "move", folder };
    const ids = (this.dragging ?? []).filter(([name]) => name === "id").map(([, value]) => value);
    if (ids.length) values.id = ids;
    for (const [name, value] of this.dragging ?? []) if (name !== "id") values[name] = value;
    this.undrag();
    // @ts-ignore htmx is a global of its own script
    window.htmx.ajax("POST", this.dataset.bulk, { source: this, swap: "none", values });
  }

  /** @param {Event} event */
  doubleClicked(event) {
    const target = /** @type {Element} */ (event.target);
    const row = target.closest("#document-rows tr");
    const act = row?.querySelector("[data-rename]");
    if (row instanceof HTMLElement && act instanceof HTMLElement && target.closest("[data-main]") && !target.closest("a")) this.rename(row, act.dataset.rename ?? "");
  }

  /** Change a name in its place: Enter keeps it, Escape does not. @param {HTMLElement} row @param {string} address */
  rename(row, address) {
    const link = row.querySelector("[data-name]");
    if (!(link instanceof HTMLElement) || row.querySelector(".document-rename")) return;
    const input = document.createElement("input");
    input.className = "document-rename";
    input.value = link.textContent ?? "";
    input.maxLength = 255;
    input.setAttribute("aria-label", this.dataset.textName ?? "");
    row.draggable = false;
    link.hidden = true;
    link.before(input);
    const end = () => { input.remove(); link.hidden = false; row.draggable = true; };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") { end(); link.focus(); }
      if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); input.blur(); }
    });
    input.addEventListener("blur", () => {
      const name = input.value.trim();
      const isNew = input.isConnected && name && name !== link.textContent;
      end();
      // @ts-ignore htmx is a global of its own script
      if (isNew) { link.textContent = name; window.htmx.ajax("POST", address, { source: this, swap: "none", values: { name } }); }
    });
    setTimeout(() => { input.focus(); input.setSelectionRange(0, Math.max(0, input.value.lastIndexOf(".")) || input.value.length); });
  }
}
customElements.define("kb-selection", KbSelection);
