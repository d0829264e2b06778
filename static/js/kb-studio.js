// @ts-check
/**
 * <kb-studio>: the page of the studio. Sends the order, shows what it costs, takes dropped and pasted pictures, and
 * carries out what other parts ask for by events: kb:recall {order, only?}, kb:draw {order}, kb:source {id, …}.
 */
class KbStudio extends HTMLElement {
  static WAIT_MS = 350;
  static TYPES = ["image/png", "image/jpeg", "image/webp"];

  connectedCallback() {
    this.order = /** @type {any} */ (this.querySelector("kb-order"));
    this.depth = 0;
    this.form = /** @type {HTMLFormElement} */ (this.querySelector("#order"));
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.draw(this.order.read()); });
    this.addEventListener("kb:order", () => this.changed());
    this.addEventListener("click", (event) => this.clicked(/** @type {HTMLElement} */ (event.target)));
    document.addEventListener("keydown", (event) => this.onKey(event));
    document.addEventListener("paste", (event) => this.pasted(event));
    for (const type of ["dragenter", "dragover", "dragleave", "drop"]) document.addEventListener(type, (event) => this.dragged(/** @type {DragEvent} */ (event)));
    document.body.addEventListener("kb:recall", (event) => this.recall(/** @type {CustomEvent} */ (event).detail));
    document.body.addEventListener("kb:draw", (event) => this.draw(/** @type {CustomEvent} */ (event).detail.order));
    document.body.addEventListener("kb:source", (event) => this.source(/** @type {CustomEvent} */ (event).detail));
    Promise.all(["kb-order", "kb-viewer", "kb-source"].map((name) => customElements.whenDefined(name))).then(() => this.fromAddress());
  }

  /** /images/?prompt=… fills the prompt, ?picture=… opens a picture: other pages lead here so. */
  fromAddress() {
    const asked = new URLSearchParams(location.search);
    const prompt = asked.get("prompt"), picture = asked.get("picture");
    if (prompt) this.order.write({ prompt });
    if (picture && /^[0-9a-f-]{36}$/.test(picture)) document.body.dispatchEvent(new CustomEvent("kb:open", { detail: `${location.pathname}pictures/${picture}/` }));
    this.changed();
  }

  // ------------------------------------------------------------------ asking the server

  /** @param {string} address @param {any} body @returns {Promise<any>} what it answers; throws its sentence, with the problem as its cause */
  async ask(address, body) {
    const isForm = body instanceof FormData;
    const token = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
    let answer;
    try {
      answer = await fetch(address, {
        method: "POST",
        headers: { Accept: "application/json", "X-CSRFToken": token, ...(isForm ? {} : { "Content-Type": "application/json" }) },
        body: isForm ? body : JSON.stringify(body),
      });
    } catch { throw new Error(this.dataset.textOffline); }
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(said.detail || said.title || this.dataset.textFailed, { cause: said });
    return said;
  }

  /** @param {Record<string, any>} order */
  async draw(order) {
    if (this.isSending) return;
    this.isSending = true;
    this.problem("");
    try {
      const { html } = await this.ask(this.dataset.draw ?? "", order);
      /** @type {any} */ (this.querySelector("kb-pictures")).add(html);
      this.show("pictures");
    } catch (error) {
      this.problem(/** @type {Error} */ (error).message);
      if (matchMedia("(max-width: 719px)").matches) this.show("prompt");
      this.order.point(/** @type {any} */ (error).cause ?? {}, true);
      return;
    } finally {
      this.isSending = false;
    }
    this.changed();
  }

  /** @param {string} text */
  problem(text) {
    const line = this.querySelector("[data-problem]");
    if (!(line instanceof HTMLElement)) return;
    line.textContent = text;
    line.hidden = !text;
  }

  changed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.estimate(), KbStudio.WAIT_MS);
  }

  /** Ask what the order costs and how long its texts are. */
  async estimate() {
    const asked = (this.asked = (this.asked ?? 0) + 1);
    let said;
    try { said = await this.ask(this.dataset.estimate ?? "", this.order.read()); } catch { return; }
    if (asked !== this.asked) return;
    const cost = this.querySelector("[data-cost]");
    if (cost) cost.textContent = said.code === "image-prompt-empty" ? "" : said.problem ?? said.cost;
    this.problem("");
    if (said.problem) { if (cost?.textContent) this.order.point(said, false); return; }
    const left = this.querySelector("#pictures-left");
    if (left) left.innerHTML = said.left; // server-rendered
    for (const [name, count] of Object.entries(said.tokens)) this.count(name, /** @type {any} */ (count));
    /** @type {any} */ (this.querySelector("kb-axes"))?.count(said.cells);
  }

  /** @param {string} name @param {{text: string, chunks: number}} count */
  count(name, count) {
    const line = this.querySelector(`[data-count="${name}"]`);
    if (!line) return;
    line.textContent = count.text;
    line.toggleAttribute("data-chunks", count.chunks > 1);
  }

  // ------------------------------------------------------------------ what other parts ask for

  /** @param {{order: Record<string, any>, only?: string}} asked */
  recall({ order, only }) {
    if (only === "prompt") this.order.write({ prompt: order.prompt, negative: order.negative, styles: order.styles ?? [] });
    else if (only === "seed") this.order.write({ seed: order.seed });
    else this.order.replace(order);
    const text = { prompt: this.dataset.textPrompt, seed: this.dataset.textSeed }[only ?? ""] ?? this.dataset.textApplied;
    this.say(text ?? "");
    this.show("prompt");
  }

  /** Begin with a picture. @param {{id: string, address: string, width: number, height: number, kind?: string, inpaint?: boolean}} picture */
  source(picture) {
    this.show("prompt");
    /** @type {any} */ (this.querySelector("kb-source")).take(picture);
    if (!picture.inpaint && !picture.kind) this.say(this.dataset.textSource ?? "");
  }

  /** @param {string} text */
  say(text) {
    document.body.dispatchEvent(new CustomEvent("kb:toast", { detail: { text } }));
  }

  // ------------------------------------------------------------------ pressing

  /** @param {HTMLElement} target */
  clicked(target) {
    const button = target.closest("button");
    if (!button) return;
    const { show, example } = button.dataset;
    if (show) this.show(show);
    else if (example) { this.order.replace({ prompt: example }); this.draw(this.order.read()); }
    else if (button.matches("[data-found-apply]")) this.apply();
    else if (button.matches("[data-found-source]")) this.useFound();
  }

  /** @param {string} name */
  show(name) {
    this.dataset.tab = name;
    this.querySelectorAll("[data-show]").forEach((tab) => tab.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (tab).dataset.show === name)));
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  // ------------------------------------------------------------------ files

  /** @param {DragEvent} event */
  dragged(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    if (event.type === "dragenter") this.depth += 1;
    if (event.type === "dragleave") this.depth -= 1;
    if (event.type === "dragover" || event.type === "drop") event.preventDefault();
    if (event.type === "drop") this.depth = 0;
    this.veil(this.depth > 0);
    const file = event.type === "drop" ? event.dataTransfer.files[0] : undefined;
    if (file) this.take(file);
  }

  /** Say over the page what a file that is dropped will be. @param {boolean} isShown */
  veil(isShown) {
    if (!isShown) this.depth = 0;
    const veil = this.querySelector("[data-veil]");
    if (veil instanceof HTMLElement) veil.hidden = !isShown;
  }

  /** @param {ClipboardEvent} event */
  pasted(event) {
    const file = [...(event.clipboardData?.files ?? [])].find((each) => KbStudio.TYPES.includes(each.type));
    if (!file) return;
    event.preventDefault();
    this.take(file);
  }

  /** A picture that tells its settings offers them; any other becomes the source. @param {File} file */
  async take(file) {
    if (file.size > Number(this.dataset.maxMib) * 1024 * 1024) return this.say(this.dataset.textTooLarge ?? "");
    this.found = { file, order: {} };
    try {
      const said = await this.ask(this.dataset.read ?? "", KbStudio.formOf(file));
      if (said.order) return this.offer(said);
      await this.upload(file);
    } catch (error) { this.say(/** @type {Error} */ (error).message); }
  }

  /** @param {Blob} file @param {string} [kind] */
  static formOf(file, kind) {
    const form = new FormData();
    form.append("file", file, file instanceof File ? file.name : "mask.png");
    if (kind) form.append("kind", kind);
    return form;
  }

  /** @param {File} file */
  async upload(file) {
    const kept = await this.uploaded(file);
    if (kept) this.source(kept);
  }

  /** Keep a picture or mask on the server. @param {Blob} file @param {string} [kind] @returns {Promise<any>} its id, address and size; nothing where it is refused, which is said */
  async uploaded(file, kind) {
    if (file.size > Number(this.dataset.maxMib) * 1024 * 1024) return this.say(this.dataset.textTooLarge ?? "");
    try {
      const kept = await this.ask(this.dataset.upload ?? "", KbStudio.formOf(file, kind));
      if (!kind) document.body.dispatchEvent(new CustomEvent("kb:pictures"));
      return kept;
    } catch (error) { this.say(/** @type {Error} */ (error).message); }
  }

  /** Show what differs from the form. @param {{order: Record<string, any>, format: string, notes: string[]}} said */
  offer({ order, format, notes }) {
    this.found = { .../** @type {any} */ (this.found), order };
    const dialog = /** @type {HTMLDialogElement} */ (this.querySelector("#found-settings"));
    const now = this.order.read();
    const rows = Object.entries(order).filter(([name, value]) => name !== "kind" && JSON.stringify(now[name]) !== JSON.stringify(value)).map(([name, value]) => this.row(name, now[name], value));
    dialog.querySelector("tbody")?.replaceChildren(...rows);
    const fill = (/** @type {string} */ selector, /** @type {(element: HTMLElement) => void} */ act) => { const element = dialog.querySelector(selector); if (element instanceof HTMLElement) act(element); };
    fill("[data-found-format]", (line) => { line.textContent = format; });
    fill("[data-found-table]", (table) => { table.hidden = !rows.length; });
    fill("[data-found-same]", (line) => { line.hidden = rows.length > 0; });
    fill("[data-found-apply]", (button) => { button.hidden = !rows.length; });
    fill("[data-found-notes]", (list) => { list.replaceChildren(...notes.map((note) => Object.assign(document.createElement("li"), { textContent: note }))); });
    dialog.showModal();
  }

  /** @param {string} name @param {any} now @param {any} then */
  row(name, now, then) {
    const row = document.createElement("tr");
    const label = this.order.label(name);
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true, value: name });
    box.setAttribute("aria-label", label);
    for (const content of [box, label, this.order.words(now), this.order.words(then)]) {
      const cell = document.createElement("td");
      cell.append(content);
      row.append(cell);
    }
    return row;
  }

  apply() {
    const dialog = /** @type {HTMLDialogElement} */ (this.querySelector("#found-settings"));
    const names = [...dialog.querySelectorAll("tbody input:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);
    const order = /** @type {any} */ (this.found).order;
    dialog.close();
    this.order.write(Object.fromEntries(names.map((name) => [name, order[name]])));
    this.say(this.dataset.textApplied ?? "");
    this.show("prompt");
  }

  useFound() {
    /** @type {HTMLDialogElement} */ (this.querySelector("#found-settings")).close();
    return this.upload(/** @type {any} */ (this.found).file);
  }
}
customElements.define("kb-studio", KbStudio);
