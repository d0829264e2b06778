// @ts-check
/**
 * <kb-composer>: Enter sends, Shift+Enter breaks the line; an Enter that ends the composition of a Chinese word does
 * neither. Shows what is chosen, stops a running answer, and empties itself once the question was taken.
 */
class KbComposer extends HTMLElement {
  connectedCallback() {
    this.form = /** @type {HTMLFormElement} */ (this.querySelector("form"));
    this.field = /** @type {HTMLTextAreaElement} */ (this.querySelector("textarea"));
    this.endedAt = -1;
    this.field.addEventListener("compositionend", (event) => { this.endedAt = event.timeStamp; });
    this.field.addEventListener("keydown", (event) => this.onKey(event));
    this.field.addEventListener("input", () => this.fit());
    this.form.addEventListener("submit", (event) => this.onSubmit(event), true);
    this.form.addEventListener("change", () => this.label());
    this.form.addEventListener("htmx:configRequest", (event) => this.configure(/** @type {CustomEvent} */ (event)));
    this.form.addEventListener("htmx:afterRequest", (event) => this.onAnswer(/** @type {CustomEvent} */ (event)));
    this.querySelector("[data-stop-answer]")?.addEventListener("click", () => this.chat()?.stop());
    this.label();
    this.fit();
    if (matchMedia("(pointer: fine)").matches) this.field.focus({ preventScroll: true });
  }

  /** @returns {any} */
  chat() {
    return this.closest("kb-chat");
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    // 229: the key belongs to the input method. Safari ends the composition before it reports the Enter that ended it.
    if (event.isComposing || event.keyCode === 229 || event.timeStamp - this.endedAt < 30) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  /** @param {SubmitEvent} event */
  onSubmit(event) {
    const isExample = event.submitter instanceof HTMLButtonElement && event.submitter.name === "text";
    const isBusy = this.chat()?.hasAttribute("data-busy");
    if (isBusy || !(isExample || this.field.value.trim())) {
      event.preventDefault();
      event.stopImmediatePropagation();
      this.field.focus();
      return;
    }
    if (isExample) this.field.value = /** @type {HTMLButtonElement} */ (event.submitter).value;
  }

  /** @param {CustomEvent} event */
  configure(event) {
    const shown = [...document.querySelectorAll("#thread kb-answer")].at(-1);
    event.detail.parameters.set?.("after", shown?.getAttribute("message") ?? "");
    event.detail.parameters.set?.("text", this.field.value);
  }

  /** @param {CustomEvent} event */
  onAnswer(event) {
    if (event.detail.elt !== this.form || !event.detail.successful || !this.isConnected) return;
    this.field.value = "";
    this.fit();
    this.chat()?.scrollToEnd();
  }

  fit() {
    this.toggleAttribute("data-filled", this.field.value.trim() !== "");
    if (CSS.supports("field-sizing", "content")) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  label() {
    const chosen = [.../** @type {NodeListOf<HTMLInputElement>} */ (this.querySelectorAll("[name=library]:checked"))];
    const names = chosen.map((box) => box.closest("label")?.textContent?.trim() ?? "");
    const libraries = names.length === 0 ? this.dataset.all : names.length === 1 ? names[0] : (this.dataset.some ?? "").replace("%(count)s", String(names.length));
    this.write("library", libraries ?? "");
    const strict = /** @type {HTMLInputElement | null} */ (this.querySelector("[name=strict]"));
    const strictLabel = /** @type {HTMLElement | null} */ (this.querySelector("[data-label=strict]"));
    if (strictLabel) strictLabel.hidden = !strict?.checked;
    const mode = this.chosen("mode"), model = this.chosen("model");
    this.write("mode", model && model !== this.dataset.defaultModel ? `${mode} · ${model}` : mode);
  }

  /** @param {string} name */
  chosen(name) {
    return this.querySelector(`[name=${name}]:checked`)?.closest("label")?.textContent?.trim() ?? "";
  }

  /** @param {string} name @param {string} text */
  write(name, text) {
    const label = this.querySelector(`[data-label=${name}]`);
    if (label) label.textContent = text;
  }
}
customElements.define("kb-composer", KbComposer);
