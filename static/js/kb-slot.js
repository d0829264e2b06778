// @ts-check
/**
 * <kb-slot>: a picture that a setting names, in a hidden field: chosen, dropped, taken from the source, or cleared.
 * `follow(form)` shows what the field holds now.
 */
class KbSlot extends HTMLElement {
  connectedCallback() {
    this.field = /** @type {HTMLInputElement} */ (this.querySelector("input[type=hidden]"));
    this.file = /** @type {HTMLInputElement} */ (this.querySelector("input[type=file]"));
    this.file.addEventListener("change", () => { this.take(this.file.files?.[0]); this.file.value = ""; });
    this.addEventListener("click", (event) => this.clicked(/** @type {HTMLElement} */ (event.target)));
    this.addEventListener("drop", (event) => this.dropped(event));
  }

  studio() {
    return /** @type {any} */ (this.closest("kb-studio"));
  }

  /** @param {HTMLElement} target */
  clicked(target) {
    const button = target.closest("button");
    if (button?.matches("[data-slot-pick]")) this.file.click();
    if (button?.matches("[data-slot-clear]")) this.put("");
    if (button?.matches("[data-slot-source]")) this.put(this.source ?? "");
  }

  /** A file that is dropped here is for this setting, not for the page. @param {DragEvent} event */
  dropped(event) {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    event.stopPropagation();
    this.studio().veil(false);
    this.take(file);
  }

  /** @param {File | undefined} file */
  async take(file) {
    if (!file) return;
    const kept = await this.studio().uploaded(file);
    if (kept) this.put(kept.id);
  }

  /** @param {string} id */
  put(id) {
    this.field.value = id;
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** @param {{field: (name: string) => any}} form */
  follow(form) {
    const id = this.field.value;
    this.source = form.field("source").value;
    const show = (/** @type {string} */ selector, /** @type {boolean} */ isShown) => { /** @type {HTMLElement} */ (this.querySelector(selector)).hidden = !isShown; };
    show("[data-slot-pick]", !id);
    show("[data-slot-set]", Boolean(id));
    show("[data-slot-source]", !id && Boolean(this.source));
    const image = /** @type {HTMLImageElement} */ (this.querySelector("[data-slot-image]"));
    const address = `${location.pathname}pictures/${id}/small/`;
    if (id && image.getAttribute("src") !== address) image.src = address;
  }
}
customElements.define("kb-slot", KbSlot);
