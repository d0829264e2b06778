// @ts-check
/** <kb-preview>: cuts the sample again when the rule changes; another way of cutting brings its own sizes. */
const PAUSE_MS = 350;

class KbPreview extends HTMLElement {
  connectedCallback() {
    const rule = this.querySelector("#chunking");
    const sample = this.querySelector("#sample");
    if (!(rule instanceof HTMLFormElement) || !(sample instanceof HTMLFormElement)) return;
    rule.addEventListener("input", (event) => this.changed(rule, sample, /** @type {Element} */ (event.target)));
    // The sample's own choice counts, and not what was cut before.
    sample.addEventListener("change", () => this.chosen(), { capture: true });
    sample.addEventListener("htmx:afterRequest", () => this.sent(sample));
  }

  /**
   * @param {HTMLFormElement} rule
   * @param {HTMLFormElement} sample
   * @param {Element} target
   */
  changed(rule, sample, target) {
    if (target instanceof HTMLInputElement && target.name === "strategy") {
      for (const size of ["target", "overlap", "parent"]) {
        const field = rule.querySelector(`#${size}`);
        if (field instanceof HTMLInputElement) field.value = target.dataset[size] ?? field.value;
      }
    }
    clearTimeout(this.timer);
    if (!rule.checkValidity() || !this.hasSample(sample)) return;
    this.timer = setTimeout(() => sample.dispatchEvent(new CustomEvent("again")), PAUSE_MS);
  }

  /** @param {HTMLFormElement} sample */
  hasSample(sample) {
    return this.querySelector("input[name=again]") !== null || sample.querySelector("select") !== null;
  }

  chosen() {
    clearTimeout(this.timer);
    this.querySelector("input[name=again]")?.remove();
  }

  /** A file is sent once; the server knows it by the preview's token after that. @param {HTMLFormElement} sample */
  sent(sample) {
    const file = sample.querySelector("input[type=file]");
    if (file instanceof HTMLInputElement) file.value = "";
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }
}
customElements.define("kb-preview", KbPreview);
