// @ts-check
/**
 * <kb-training data-upload=…>: pictures to learn from, dropped anywhere on the page, pasted or chosen. Each is its own
 * request, one after the other; what came back is a row with the picture's id and room for its description.
 */
class KbTraining extends HTMLElement {
  connectedCallback() {
    this.listening = new AbortController();
    const options = { signal: this.listening.signal };
    this.depth = 0;
    this.addEventListener("click", (event) => this.clicked(/** @type {Element} */ (event.target)), options);
    this.input().addEventListener("change", () => this.chosen(), options);
    /** @param {string} type @param {(event: DragEvent) => void} act */
    const onDrag = (type, act) => addEventListener(type, (event) => KbTraining.hasFiles(event) && act(/** @type {DragEvent} */ (event)), options);
    onDrag("dragenter", () => this.toggleAttribute("data-over", ++this.depth > 0));
    onDrag("dragleave", () => this.toggleAttribute("data-over", --this.depth > 0));
    onDrag("dragover", (event) => event.preventDefault());
    onDrag("drop", (event) => this.dropped(event));
    addEventListener("paste", (event) => this.pasted(/** @type {ClipboardEvent} */ (event)), options);
  }

  disconnectedCallback() {
    this.listening?.abort();
  }

  /** @param {Event} event */
  static hasFiles(event) {
    return event instanceof DragEvent && (event.dataTransfer?.types.includes("Files") ?? false);
  }

  /** @returns {HTMLInputElement} */
  input() {
    return /** @type {HTMLInputElement} */ (this.querySelector("[data-files]"));
  }

  /** @param {Element} target */
  clicked(target) {
    if (target.closest("[data-pick]")) this.input().click();
    if (target.closest("[data-picture-remove]")) target.closest("[data-picture]")?.remove();
  }

  chosen() {
    const files = [...(this.input().files ?? [])];
    this.input().value = "";
    void this.add(files);
  }

  /** @param {DragEvent} event */
  dropped(event) {
    event.preventDefault();
    this.depth = 0;
    this.removeAttribute("data-over");
    void this.add([...(event.dataTransfer?.files ?? [])]);
  }

  /** @param {ClipboardEvent} event */
  pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    void this.add(files);
  }

  /** @param {File[]} files */
  async add(files) {
    const pick = this.querySelector("[data-pick]");
    pick?.toggleAttribute("data-busy", true);
    this.say("");
    const room = Number(this.dataset.most) - this.querySelectorAll("[data-picture]").length;
    for (const file of files.slice(0, Math.max(0, room))) await this.upload(file);
    if (files.length > room) this.say([this.told(), this.dataset.textMost].filter(Boolean).join(" "));
    pick?.toggleAttribute("data-busy", false);
  }

  /** @param {File} file */
  async upload(file) {
    if (file.size > Number(this.dataset.maxMib) * 1024 * 1024) return this.say(`${file.name}: ${this.dataset.textTooLarge}`);
    const body = new FormData();
    body.append("file", file);
    body.append("csrfmiddlewaretoken", /** @type {HTMLInputElement} */ (this.querySelector("[name=csrfmiddlewaretoken]")).value);
    const answer = await fetch(this.dataset.upload ?? "", { method: "POST", body, headers: { Accept: "application/json" } }).catch(() => null);
    const told = await answer?.json().catch(() => null);
    if (answer?.ok && told?.id) return this.show(told);
    this.say(`${file.name}: ${told?.detail ?? this.dataset.textFailed}`);
  }

  /** @param {{id: string, address: string}} picture */
  show(picture) {
    const template = /** @type {HTMLTemplateElement} */ (this.querySelector("[data-picture-template]"));
    const row = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    /** @type {HTMLImageElement} */ (row.querySelector("img")).src = picture.address;
    /** @type {HTMLInputElement} */ (row.querySelector('[name="picture"]')).value = picture.id;
    this.querySelector("[data-pictures]")?.append(row);
  }

  /** @returns {string} */
  told() {
    return this.querySelector("[data-problem]")?.textContent ?? "";
  }

  /** @param {string} text */
  say(text) {
    const problem = /** @type {HTMLElement} */ (this.querySelector("[data-problem]"));
    problem.textContent = text;
    problem.hidden = !text;
  }
}
customElements.define("kb-training", KbTraining);
