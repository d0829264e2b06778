// @ts-check
/**
 * <kb-order>: the form of the studio as an order (images.orders.Order in JSON) and back.
 * A field's name is its path ("hires.scale", "outpaint.0"); [data-group] with [data-enable] is null while it is
 * switched off; [data-rows] holds lists of objects whose fields have data-key. `order.read()`, `order.write(values)`.
 * [data-only-for] and [data-not-for] name the kinds of order for which a part is shown. Says `kb:order` whenever
 * something changed, and calls `follow(this)` of the parts that show something of it (KbOrder.PARTS).
 */
class KbOrder extends HTMLElement {
  static PARTS = ["kb-styles", "kb-source", "kb-slot", "kb-edges", "kb-axes"];

  connectedCallback() {
    this.form = /** @type {HTMLFormElement} */ (this.querySelector("form"));
    this.start = JSON.parse(this.dataset.start ?? "{}");
    this.samplers = JSON.parse(this.dataset.samplers ?? "{}");
    this.models = JSON.parse(this.dataset.models ?? "{}");
    this.form.addEventListener("input", (event) => this.onInput(/** @type {HTMLInputElement} */ (event.target)));
    this.form.addEventListener("change", (event) => this.onChange(/** @type {HTMLInputElement} */ (event.target)));
    this.form.addEventListener("click", (event) => this.onClick(/** @type {HTMLElement} */ (event.target)));
    // Elements inside become what they are when their own script has run.
    Promise.all(["kb-prompt", ...KbOrder.PARTS].map((name) => customElements.whenDefined(name))).then(() => {
      this.write({ ...this.start, ...JSON.parse(this.dataset.draft || "{}") });
      this.dataset.ready = "";
    });
  }

  /** @param {string} name @returns {any} */
  field(name) {
    return this.form.elements.namedItem(name);
  }

  // ------------------------------------------------------------------ reading

  /** @returns {Record<string, any>} */
  read() {
    /** @type {Record<string, any>} */
    const order = { styles: [], ...this.lists() };
    for (const group of this.groups()) order[group] = this.isOn(group) ? {} : null;
    for (const element of this.form.elements) {
      const field = /** @type {HTMLInputElement} */ (element);
      if (!field.name || (field.type === "radio" && !field.checked)) continue;
      if (field.name === "styles") { if (field.checked) order.styles.push(field.value); continue; }
      const path = field.name.split(".");
      if (order[path[0]] === null && path.length > 1) continue;
      KbOrder.put(order, path, KbOrder.value(field));
    }
    return KbOrder.plain(order);
  }

  /** @param {HTMLInputElement} field */
  static value(field) {
    if (field.type === "checkbox") return field.checked;
    const value = field.dataset.own ?? field.value; // what a style fixes is not the person's own
    if (field.dataset.null !== undefined && value.trim() === "") return null;
    return field.type === "number" ? Number(value) : value;
  }

  /** @param {any} order @param {string[]} path @param {any} value */
  static put(order, path, value) {
    const [head, ...rest] = path;
    if (!rest.length) { order[head] = value; return; }
    order[head] ??= /^\d+$/.test(rest[0]) ? [] : {};
    KbOrder.put(order[head], rest, value);
  }

  /** Without a source there is nothing to be done with it; what a kind of order does not know is left out. @param {Record<string, any>} order */
  static plain(order) {
    const kind = order.source ? order.kind : "draw";
    return {
      ...order,
      kind,
      mask: kind === "inpaint" ? order.mask : null,
      outpaint: kind === "outpaint" ? order.outpaint : [0, 0, 0, 0],
      hires: kind === "draw" || kind === "redraw" ? order.hires : null,
    };
  }

  groups() {
    return [...this.querySelectorAll("[data-group]")].map((group) => /** @type {HTMLElement} */ (group).dataset.group ?? "");
  }

  /** @param {string} group */
  isOn(group) {
    const box = this.querySelector(`[data-enable="${group}"]`);
    return box instanceof HTMLInputElement && box.checked;
  }

  lists() {
    /** @type {Record<string, any[]>} */
    const lists = { loras: [], axes: [] };
    for (const rows of this.querySelectorAll("[data-rows]")) {
      const name = /** @type {HTMLElement} */ (rows).dataset.rows ?? "";
      lists[name] = [...rows.querySelectorAll("[data-row]")].map((row) => Object.fromEntries([...row.querySelectorAll("[data-key]")]
        .map((field) => [/** @type {HTMLElement} */ (field).dataset.key, KbOrder.value(/** @type {HTMLInputElement} */ (field))])));
    }
    lists.axes = lists.axes.filter((axis) => axis.values.trim());
    return lists;
  }

  // ------------------------------------------------------------------ writing

  /** Set what `order` names and leave the rest as it is. @param {Record<string, any>} order */
  write(order) {
    for (const [name, value] of Object.entries(order)) this.writeOne(name, value);
    this.settle();
  }

  /** Everything: what the order leaves out goes back to where it began. @param {Record<string, any>} order */
  replace(order) {
    this.write({ ...this.start, ...order });
  }

  /** @param {string} name @param {any} value */
  writeOne(name, value) {
    if (name === "styles") return this.querySelectorAll("[name=styles]").forEach((box) => { /** @type {HTMLInputElement} */ (box).checked = (value ?? []).includes(/** @type {HTMLInputElement} */ (box).value); });
    if (name === "loras" || name === "axes") return this.writeRows(name, value ?? []);
    if (this.groups().includes(name)) {
      this.switch(name, value !== null);
      for (const [key, inner] of Object.entries(value ?? {})) this.set(`${name}.${key}`, inner);
    } else if (Array.isArray(value)) value.forEach((inner, at) => this.set(`${name}.${at}`, inner));
    else this.set(name, value);
  }

  /** @param {string} name @param {any} value */
  set(name, value) {
    const field = this.field(name);
    if (!field) return;
    if (field instanceof RadioNodeList) field.value = value;
    else if (field.dataset.own !== undefined) field.dataset.own = String(value ?? "");
    else if (field.type === "checkbox") field.checked = Boolean(value);
    else if (field instanceof HTMLSelectElement) { if ([...field.options].some((option) => option.value === value)) field.value = value; }
    else field.value = value === null || value === undefined ? "" : String(value);
  }

  /** @param {string} name @param {Record<string, any>[]} values */
  writeRows(name, values) {
    const rows = this.querySelector(`[data-rows="${name}"]`);
    if (!rows) return;
    rows.replaceChildren();
    for (const value of values) this.addRow(name, value);
  }

  /** @param {string} name @param {Record<string, any>} value @returns {HTMLElement | undefined} */
  addRow(name, value) {
    const rows = this.querySelector(`[data-rows="${name}"]`);
    const template = this.querySelector(`template[data-row-of="${name}"]`);
    if (!rows || !(template instanceof HTMLTemplateElement)) return undefined;
    const row = /** @type {HTMLElement} */ (/** @type {DocumentFragment} */ (template.content.cloneNode(true)).firstElementChild);
    for (const [key, inner] of Object.entries(value)) {
      const field = row.querySelector(`[data-key="${key}"]`);
      if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = String(inner ?? "");
    }
    const title = row.querySelector("[data-row-title]");
    if (title) title.textContent = this.querySelector(`[data-add-row="${name}"] option[value="${CSS.escape(value.name ?? "")}"]`)?.textContent ?? value.name;
    rows.append(row);
    return row;
  }

  /** @param {string} group @param {boolean} isOn */
  switch(group, isOn) {
    const box = this.querySelector(`[data-enable="${group}"]`);
    const body = this.querySelector(`[data-body="${group}"]`);
    if (box instanceof HTMLInputElement) box.checked = isOn;
    if (body instanceof HTMLFieldSetElement) body.disabled = !isOn;
  }

  // ------------------------------------------------------------------ what follows from a change

  /** Bring everything that shows the values in line with them. */
  settle() {
    this.querySelectorAll("kb-prompt").forEach((prompt) => /** @type {any} */ (prompt).draw());
    this.querySelectorAll("[data-twin]").forEach((field) => this.slide(/** @type {HTMLInputElement} */ (field)));
    this.allowSchedules();
    this.showModel();
    this.changed();
  }

  /** Something else is set now. */
  changed() {
    this.querySelectorAll("[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
    this.querySelectorAll(KbOrder.PARTS.join()).forEach((part) => /** @type {any} */ (part).follow(this));
    this.marks();
    this.dispatchEvent(new CustomEvent("kb:order", { bubbles: true }));
  }

  /** @param {HTMLInputElement} field */
  onInput(field) {
    if (field.matches("[type=range]")) {
      const twin = field.parentElement?.querySelector("[data-twin]");
      if (twin instanceof HTMLInputElement) twin.value = field.value;
    }
    const twin = field.matches("[data-twin]") ? field : field.parentElement?.querySelector("[data-twin]");
    if (twin instanceof HTMLInputElement) this.slide(twin);
    this.changed();
  }

  /** @param {HTMLInputElement} field */
  onChange(field) {
    if (field.dataset.enable) this.enable(field.dataset.enable, field.checked);
    if (field.dataset.addRow && field.value) {
      if (!this.lists()[field.dataset.addRow].some((row) => row.name === field.value)) this.addRow(field.dataset.addRow, { name: field.value, weight: 0.8 });
      field.value = "";
      this.settle();
    }
    if (field.name === "sampler") this.allowSchedules();
    if (field.name === "model") { this.adopt(field.value); this.showModel(); }
  }

  /** @param {HTMLElement} target */
  onClick(target) {
    const button = target.closest("button");
    if (!button) return;
    const { ratio, word } = button.dataset;
    if (ratio) this.shape(Number(ratio));
    else if (word) /** @type {any} */ (this.querySelector("kb-prompt")).add(word);
    else if (button.matches("[data-swap]")) this.write({ width: Number(this.field("height").value), height: Number(this.field("width").value) });
    else if (button.matches("[data-seed-shuffle]")) this.write({ seed: Math.floor(Math.random() * 2 ** 32) });
    else if (button.matches("[data-reset]")) this.reset();
    else if (button.matches("[data-seed-lock]")) this.lock();
    else if (button.matches("[data-less], [data-more]")) this.count(button.matches("[data-more]") ? 1 : -1);
    else if (button.matches("[data-add-axis]")) { this.addRow("axes", {})?.querySelector("select")?.focus(); this.settle(); }
    else if (button.matches("[data-row-remove]")) { button.closest("[data-row]")?.remove(); this.settle(); }
  }

  /** A part that is switched on and has no picture takes the source. @param {string} group @param {boolean} isOn */
  enable(group, isOn) {
    this.switch(group, isOn);
    const picture = this.field(`${group}.picture`);
    if (isOn && picture && !picture.value) picture.value = this.field("source").value;
    this.settle();
  }

  /** Everything as it was at first; what was set can be had back. */
  reset() {
    const before = this.read();
    this.write(this.start);
    document.body.dispatchEvent(new CustomEvent("kb:toast", { detail: { text: this.dataset.textReset, undo: () => this.write(before) } }));
  }

  /** The side of a square that the model was trained on, in pixels. */
  side() {
    return this.models[this.field("model").value]?.side ?? 512;
  }

  /** A ratio of width to height at about the pixels that the model was trained on. @param {number} ratio */
  shape(ratio) {
    const side = this.side();
    const most = Number(this.field("width").max), least = Number(this.field("width").min);
    const grid = (/** @type {number} */ length) => Math.min(most, Math.max(least, Math.round(length / 8) * 8));
    this.write({ width: grid(side * Math.sqrt(ratio)), height: grid(side / Math.sqrt(ratio)) });
  }

  /** A model that was just chosen brings the size, steps and guidance that suit it. @param {string} name */
  adopt(name) {
    const model = this.models[name];
    if (model) this.write({ width: model.side, height: model.side, steps: model.steps, guidance: model.guidance });
  }

  /** Keep the seed of the last picture, or let chance choose again. */
  lock() {
    const last = document.querySelector("#runs [data-seed]");
    const seed = this.field("seed").value ? null : Number(/** @type {HTMLElement | null} */ (last)?.dataset.seed ?? Math.floor(Math.random() * 2 ** 32));
    this.write({ seed });
  }

  /** @param {number} by */
  count(by) {
    const field = this.field("count");
    this.write({ count: Math.min(Number(field.max), Math.max(1, Number(field.value) + by)) });
  }

  /** @param {HTMLInputElement} field */
  slide(field) {
    const range = field.parentElement?.querySelector("[type=range]");
    if (!(range instanceof HTMLInputElement)) return;
    range.value = field.value;
    range.style.setProperty("--at", String((100 * (Number(range.value) - Number(range.min))) / (Number(range.max) - Number(range.min))));
  }

  /** A sampler follows some schedules only; the others cannot be chosen. */
  allowSchedules() {
    const schedule = this.field("schedule");
    const allowed = this.samplers[this.field("sampler").value] ?? [];
    for (const option of schedule.options) option.disabled = !allowed.includes(option.value);
    if (schedule.selectedOptions[0]?.disabled) schedule.value = "automatic";
  }

  showModel() {
    const model = this.models[this.field("model").value] ?? {};
    const vocabulary = this.querySelector("[data-vocabulary]");
    if (vocabulary instanceof HTMLElement) vocabulary.hidden = !model.is_demo;
    for (const each of this.querySelectorAll("[data-fits]")) {
      const isFit = /** @type {HTMLElement} */ (each).dataset.fits?.split(" ").includes(this.field("model").value) ?? false;
      if (each instanceof HTMLOptionElement) each.disabled = !isFit;
      else /** @type {HTMLElement} */ (each).hidden = !isFit;
    }
  }

  /** Show the parts that the kind of order has. @param {string} kind */
  showKind(kind) {
    for (const part of this.querySelectorAll("[data-only-for], [data-not-for]")) {
      const { onlyFor, notFor } = /** @type {HTMLElement} */ (part).dataset;
      part.toggleAttribute("data-off", (onlyFor !== undefined && !onlyFor.split(" ").includes(kind)) || Boolean(notFor?.split(" ").includes(kind)));
    }
  }

  /** Sizes, axis names, the lock and the dots of folded parts that are in use. */
  marks() {
    const [width, height] = [Number(this.field("width").value), Number(this.field("height").value)];
    for (const size of this.querySelectorAll("[data-ratio]")) {
      const isIt = Math.abs(Number(/** @type {HTMLElement} */ (size).dataset.ratio) - width / height) < 0.04;
      size.setAttribute("aria-pressed", String(isIt));
    }
    this.querySelectorAll("[data-axis-name]").forEach((name, at) => { name.textContent = "XYZ"[at] ?? ""; });
    const add = this.querySelector("[data-add-axis]");
    if (add instanceof HTMLButtonElement) add.hidden = this.querySelectorAll("[data-rows=axes] [data-row]").length >= 3;
    this.querySelector("[data-seed-lock]")?.setAttribute("aria-pressed", String(this.field("seed").value !== ""));
    const order = this.read();
    this.showKind(order.kind);
    const used = {
      source: order.source, loras: order.loras.length, control: order.control, image_prompt: order.image_prompt,
      hires: order.hires, axes: order.axes.length, variation: order.variation_strength > 0,
      rare: order.sampler !== this.start.sampler || order.schedule !== "automatic" || order.clip_skip > 1 || order.is_combinatorial,
    };
    for (const [name, isUsed] of Object.entries(used)) {
      const dot = this.querySelector(`[data-dot="${name}"]`);
      if (dot instanceof HTMLElement) dot.hidden = !isUsed;
    }
  }

  /**
   * Mark the field that a refusal is about, and with `isSent` lead there: its fold is opened and it has the focus.
   * @param {{field?: string, code?: string, name?: string}} problem @param {boolean} isSent
   */
  point(problem, isSent) {
    const field = this.meant(problem);
    if (!field) return;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", "order-problem");
    if (!isSent) return;
    for (let fold = field.closest("details"); fold; fold = fold.parentElement?.closest("details") ?? null) fold.open = true;
    field.focus({ preventScroll: true });
    field.scrollIntoView({ block: "center" });
  }

  static ABOUT = { "image-prompt-empty": "prompt", "image-model-unknown": "model", "image-size": "width", "image-count": "count", "image-style-unknown": "styles" };
  static STANDS_FOR = { source: "[data-source-pick]", mask: "[data-mask-edit]", "control.picture": "[data-group=control] [data-slot-pick]", "image_prompt.picture": "[data-group=image_prompt] [data-slot-pick]", outpaint: "[name='outpaint.0']", styles: "[name=styles]" };

  /** @param {{field?: string, code?: string, name?: string}} problem @returns {HTMLElement | null} the field that it is about */
  meant({ field = "", code = "", name }) {
    if (code.startsWith("image-adapter")) return this.naming(name ?? "");
    const path = field || /** @type {Record<string, string>} */ (KbOrder.ABOUT)[code] || (code.startsWith("prompt") ? "prompt" : "");
    const stands = /** @type {Record<string, string>} */ (KbOrder.STANDS_FOR)[path];
    if (stands) return this.querySelector(stands);
    const [rows, ...rest] = path.split(".");
    if (["loras", "axes"].includes(rows) && path !== rows) {
      const keyed = [...this.querySelectorAll(`[data-rows="${rows}"] [data-key="${rest.at(-1)}"]`)].map((each) => /** @type {HTMLInputElement} */ (each));
      return keyed.find((each) => !each.validity.valid) ?? keyed[0] ?? this.querySelector(`[data-rows="${rows}"] [data-key]:not([type=hidden])`);
    }
    const found = path ? this.field(path) : null;
    return found instanceof HTMLElement ? found : null;
  }

  /** @param {string} name of an adapter @returns {HTMLElement | null} the weight of its row, or the list in which it is chosen */
  naming(name) {
    const key = [...this.querySelectorAll("[data-row] [data-key=name]")].find((each) => /** @type {HTMLInputElement} */ (each).value === name);
    const weight = key?.closest("[data-row]")?.querySelector("[data-twin]");
    const list = [...this.querySelectorAll("select[name]")].find((each) => /** @type {HTMLSelectElement} */ (each).value === name);
    return /** @type {HTMLElement | null} */ (weight ?? list ?? null);
  }

  /** What a setting is called on the page. @param {string} name */
  label(name) {
    const element = this.field(name) instanceof RadioNodeList ? this.field(name)[0] : this.field(name) ?? this.querySelector(`[name^="${name}."]`);
    const near = element?.labels?.[0]?.textContent ?? element?.getAttribute?.("aria-label");
    const fold = (this.querySelector(`[data-fold="${name}"], [data-group="${name}"], [data-rows="${name}"], [name^="${name}"]`))?.closest("[data-fold]")?.querySelector("summary > span");
    return (this.groups().includes(name) || ["loras", "axes", "outpaint"].includes(name) ? fold?.textContent : near ?? fold?.textContent)?.trim() ?? name;
  }

  /** A value as a short text. @param {any} value @returns {string} */
  words(value) {
    if (value === null || value === undefined || value === "") return "";
    if (typeof value === "boolean") return (value ? this.dataset.labelOn : this.dataset.labelOff) ?? "";
    if (Array.isArray(value)) return value.map((each) => this.words(each)).join(", ");
    if (typeof value === "object") return Object.values(value).filter((each) => each !== null).map((each) => this.words(each)).join(" · ");
    return String(value);
  }
}
customElements.define("kb-order", KbOrder);
