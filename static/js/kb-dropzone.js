// @ts-check
/**
 * <kb-dropzone data-url=…>: files and folders dropped anywhere on the page, or chosen by [data-pick] buttons.
 * Three uploads at a time, each its own request with its own progress and its own error; the table of documents
 * (`kb:documents`) loads itself again while they arrive. Names are text nodes, never HTML.
 */
class KbDropzone extends HTMLElement {
  static PARALLEL = 3;
  static REFRESH_MS = 1500;
  static MAX_SHOWN = 200;
  static CLOSE_MS = 6000;

  connectedCallback() {
    /** @type {{file: File, folder: string, item: HTMLElement}[]} */
    this.queue = [];
    this.counts = { total: 0, done: 0, failed: 0, active: 0 };
    this.bytes = { total: 0, done: 0 };
    this.depth = 0;
    this.listening = new AbortController();
    this.listen();
  }

  disconnectedCallback() {
    this.listening?.abort();
  }

  listen() {
    const options = { signal: this.listening?.signal };
    /** @param {string} type @param {(event: DragEvent) => void} act */
    const onDrag = (type, act) => addEventListener(type, (event) => KbDropzone.hasFiles(event) && act(/** @type {DragEvent} */ (event)), options);
    onDrag("dragenter", () => this.veil(++this.depth > 0));
    onDrag("dragleave", () => this.veil(--this.depth > 0));
    onDrag("dragover", (event) => event.preventDefault());
    onDrag("drop", (event) => this.dropped(event));
    addEventListener("beforeunload", (event) => this.counts.active && event.preventDefault(), options);
    document.addEventListener("click", (event) => this.clicked(/** @type {Element} */ (event.target)), options);
    this.addEventListener("change", (event) => this.chosen(/** @type {HTMLInputElement} */ (event.target)));
  }

  /** @param {Event} event */
  static hasFiles(event) {
    return event instanceof DragEvent && (event.dataTransfer?.types.includes("Files") ?? false);
  }

  /** @param {boolean} isShown */
  veil(isShown) {
    const veil = this.querySelector(".dropzone-veil");
    if (veil instanceof HTMLElement) veil.hidden = !isShown;
  }

  /** @param {Element} target */
  clicked(target) {
    const pick = target.closest("[data-pick]");
    if (pick instanceof HTMLElement) this.field(pick.dataset.pick ?? "").click();
    if (target.closest("[data-uploads-close]")) this.panel().hidden = true;
    const again = target.closest("[data-again]");
    if (again instanceof HTMLElement) this.again(again);
  }

  /** @param {string} name @returns {HTMLInputElement} */
  field(name) {
    return /** @type {HTMLInputElement} */ (this.querySelector(`input[name="${CSS.escape(name)}"]`));
  }

  /** @returns {HTMLElement} */
  panel() {
    return /** @type {HTMLElement} */ (this.querySelector(".uploads"));
  }

  /** @param {HTMLInputElement} input */
  chosen(input) {
    if (!input.files) return;
    const found = [...input.files].map((file) => ({ file, folder: file.webkitRelativePath.split("/").slice(0, -1).join("/") }));
    input.value = "";
    this.add(found);
  }

  /** @param {DragEvent} event */
  async dropped(event) {
    event.preventDefault();
    this.depth = 0;
    this.veil(false);
    // Entries and files must be taken before the first await: afterwards the list of the event is empty.
    const items = [...(event.dataTransfer?.items ?? [])].filter((item) => item.kind === "file");
    const taken = items.map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
    /** @type {{file: File, folder: string}[]} */
    const found = [];
    for (const { entry, file } of taken) {
      if (entry) await this.walk(entry, "", found);
      else if (file) found.push({ file, folder: "" });
    }
    if (!found.length) return this.say(this.dataset.textNothing ?? "");
    this.add(found);
  }

  /**
   * @param {FileSystemEntry} entry @param {string} folder @param {{file: File, folder: string}[]} found
   * @returns {Promise<void>}
   */
  async walk(entry, folder, found) {
    if (found.length > Number(this.dataset.maxFiles)) return;
    if (entry.isFile) {
      const file = await new Promise((resolve) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, () => resolve(null)));
      if (file && !file.name.startsWith(".")) found.push({ file, folder });
      return;
    }
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    const inside = folder ? `${folder}/${entry.name}` : entry.name;
    for (;;) {  // a reader gives at most a hundred entries at a time
      /** @type {FileSystemEntry[]} */
      const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (!some.length) return;
      for (const one of some) await this.walk(one, inside, found);
    }
  }

  /** @param {{file: File, folder: string}[]} found */
  add(found) {
    const most = Number(this.dataset.maxFiles);
    if (found.length > most) this.say(this.dataset.textTooMany ?? "");
    if (!this.counts.active && !this.queue.length) this.reset();
    this.panel().hidden = false;
    for (const { file, folder } of found.slice(0, most)) this.enqueue(file, folder);
    this.pump();
  }

  reset() {
    this.counts = { total: 0, done: 0, failed: 0, active: 0 };
    this.bytes = { total: 0, done: 0 };
    this.querySelector("ul")?.replaceChildren();
  }

  /** @param {File} file @param {string} folder */
  enqueue(file, folder) {
    const item = this.line(file, folder);
    this.counts.total += 1;
    if (file.size > Number(this.dataset.maxMib) * 1024 * 1024) return this.settle(item, "failed", this.dataset.textTooLarge ?? "");
    if (file.size === 0) return this.settle(item, "failed", this.dataset.textEmpty ?? "");
    this.bytes.total += file.size;
    this.queue.push({ file, folder, item });
  }

  /** @param {File} file @param {string} folder @returns {HTMLElement} */
  line(file, folder) {
    const item = document.createElement("li");
    const name = document.createElement("span");
    name.className = "truncate";
    name.textContent = folder ? `${folder}/${file.name}` : file.name;
    name.title = name.textContent;
    const state = document.createElement("span");
    state.className = "upload-state";
    state.textContent = this.dataset.textWaiting ?? "";
    item.append(name, state);
    const list = this.querySelector("ul");
    list?.append(item);
    if (list && list.childElementCount > KbDropzone.MAX_SHOWN) list.querySelector('[data-state="done"]')?.remove();
    return item;
  }

  pump() {
    while (this.counts.active < KbDropzone.PARALLEL && this.queue.length) {
      const next = /** @type {{file: File, folder: string, item: HTMLElement}} */ (this.queue.shift());
      this.counts.active += 1;
      this.send(next);
    }
    this.draw();
  }

  /** @param {{file: File, folder: string, item: HTMLElement}} upload */
  send({ file, folder, item }) {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("name", file.name);
    form.append("folder", [this.dataset.folder, folder].filter(Boolean).join("/"));
    form.append("file", file);
    let sent = 0;
    request.upload.addEventListener("progress", (event) => {
      const now = Math.min(event.loaded, file.size);
      this.bytes.done += now - sent;
      sent = now;
      this.state(item, "active", `${Math.round((100 * now) / file.size)} %`);
      this.draw();
    });
    request.addEventListener("loadend", () => {
      this.counts.active -= 1;
      this.bytes.done += file.size - sent;
      const { isGood, text } = this.outcome(request);
      this.settle(item, isGood ? "done" : "failed", text, isGood ? undefined : { file, folder });
      this.pump();
      this.refresh();
    });
    request.open("POST", this.dataset.url ?? "");
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", KbDropzone.token());
    request.send(form);
  }

  static token() {
    return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
  }

  /** @param {XMLHttpRequest} request @returns {{isGood: boolean, text: string}} */
  outcome(request) {
    if (request.status === 0) return { isGood: false, text: this.dataset.textOffline ?? "" };
    let body = {};
    try { body = JSON.parse(request.responseText); } catch { /* a proxy's page */ }
    if (request.status >= 400) return { isGood: false, text: body.detail || body.title || `${this.dataset.textFailed} (${request.status})` };
    const key = "text" + String(body.outcome ?? "created").replace(/^./, (letter) => letter.toUpperCase());
    return { isGood: true, text: this.dataset[key] ?? "" };
  }

  /** @param {HTMLElement} item @param {"done" | "failed"} state @param {string} text @param {{file: File, folder: string}} [again] */
  settle(item, state, text, again) {
    if (state === "done") this.counts.done += 1;
    else this.counts.failed += 1;
    this.state(item, state, text);
    if (again) this.offerAgain(item, again);
    this.draw();
  }

  /** @param {HTMLElement} item @param {{file: File, folder: string}} again */
  offerAgain(item, again) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link-button";
    button.textContent = this.dataset.textAgain ?? "";
    button.dataset.again = "";
    item.append(button);
    this.failures ??= new WeakMap();
    this.failures.set(item, again);
  }

  /** @param {HTMLElement} button */
  again(button) {
    const item = button.closest("li");
    const upload = item && this.failures?.get(item);
    if (!item || !upload) return;
    item.remove();
    this.counts.failed -= 1;
    this.counts.total -= 1;
    this.enqueue(upload.file, upload.folder);
    this.pump();
  }

  /** @param {HTMLElement} item @param {string} state @param {string} text */
  state(item, state, text) {
    item.dataset.state = state;
    const label = item.querySelector(".upload-state");
    if (label) label.textContent = text;
  }

  draw() {
    const { total, done, failed } = this.counts;
    const isOver = done + failed === total;
    const template = isOver ? (failed ? this.dataset.textFinishedFailed : this.dataset.textFinished) : this.dataset.textProgress;
    const title = this.querySelector(".uploads-title");
    const text = (template ?? "").replace("{total}", String(total)).replace("{done}", String(done + failed)).replace("{failed}", String(failed));
    if (title && title.textContent !== text) title.textContent = text;
    const bar = this.querySelector("progress");
    if (!bar) return;
    bar.value = this.bytes.total ? (100 * this.bytes.done) / this.bytes.total : 100;
    bar.hidden = isOver;
    clearTimeout(this.closing);
    if (isOver && total && !failed) this.closing = setTimeout(() => { this.panel().hidden = true; }, KbDropzone.CLOSE_MS);
  }

  /** The table shows what arrived: at once when all is done, else now and then. */
  refresh() {
    const show = () => { this.timer = undefined; document.body.dispatchEvent(new CustomEvent("kb:documents")); };
    if (!this.counts.active && !this.queue.length) { clearTimeout(this.timer); show(); }
    else this.timer ??= setTimeout(show, KbDropzone.REFRESH_MS);
  }

  /** @param {string} text */
  say(text) {
    document.body.dispatchEvent(new CustomEvent("kb:toast", { detail: { text } }));
  }
}
customElements.define("kb-dropzone", KbDropzone);

// A row that is swapped would take its open menu with it: the table waits until the menu is closed.
document.addEventListener("htmx:beforeRequest", (event) => {
  const source = event.target;
  if (source instanceof Element && source.matches("#document-poll, #documents") && document.querySelector("#document-rows :popover-open")) event.preventDefault();
});
