// @ts-check
/**
 * <kb-assistant>: the prompt assistant of the studio. [data-assistant] opens it with the prompt of the form, the
 * address ?theme=… with that theme. What it wrote is shown as a difference; "Use it" sends kb:recall, as the viewer does.
 */
class KbAssistant extends HTMLElement {
  connectedCallback() {
    document.addEventListener("click", (event) => this.clicked(/** @type {HTMLElement} */ (event.target)));
    const theme = new URLSearchParams(location.search).get("theme");
    if (theme) this.open(theme);
    this.addEventListener("htmx:afterSettle", () => this.querySelector("[data-assistant-use]")?.scrollIntoView({ block: "end" }));
  }

  get dialog() { return /** @type {HTMLDialogElement} */ (this.querySelector("dialog")); }

  /** @param {HTMLElement} target */
  clicked(target) {
    if (target.closest("[data-assistant]")) this.open();
    else if (target.closest("[data-assistant-use]")) this.use();
  }

  /** @param {string} name @returns {string} what stands in the order's form */
  value(name) {
    const field = document.querySelector(`#order [name="${name}"]`);
    return field instanceof HTMLTextAreaElement || field instanceof HTMLSelectElement || field instanceof HTMLInputElement ? field.value : "";
  }

  /** @param {string} [theme] */
  async open(theme) {
    await this.load();
    /** @param {string} selector @param {string} value */
    const fill = (selector, value) => { const field = this.querySelector(selector); if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) field.value = value; };
    fill("[data-assistant-model]", this.value("model"));
    fill('[data-assistant-old="prompt"]', this.value("prompt"));
    fill('[data-assistant-old="negative"]', this.value("negative"));
    fill("[name=theme]", (theme ?? this.value("prompt")).slice(0, 2000));
    this.querySelector("#assistant-answer")?.replaceChildren();
    this.dialog.showModal();
  }

  /** Load the form when it is needed first. */
  async load() {
    const place = this.querySelector("[data-assistant-form]");
    if (!place || place.querySelector("form")) return;
    const answer = await fetch(this.dataset.form ?? "", { headers: { "HX-Request": "true" } });
    if (!answer.ok) return;
    place.innerHTML = await answer.text(); // server-rendered
    /** @type {any} */ (window).htmx.process(place);
  }

  use() {
    /** @param {string} name */
    const written = (name) => /** @type {HTMLTextAreaElement | null} */ (this.querySelector(`[data-assistant-new="${name}"]`))?.value ?? "";
    this.dialog.close();
    const styles = /** @type {any} */ (document.querySelector("kb-order"))?.read().styles ?? [];
    document.body.dispatchEvent(new CustomEvent("kb:recall", { detail: { order: { prompt: written("prompt"), negative: written("negative"), styles }, only: "prompt" } }));
  }
}
customElements.define("kb-assistant", KbAssistant);
