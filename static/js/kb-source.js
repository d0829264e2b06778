// @ts-check
/**
 * <kb-source>: the picture that an order begins with, and what is done with it: drawn over, painted anew in a part,
 * extended, enlarged. `take(picture)` sets it, `follow(form)` shows what the form holds.
 */
class KbSource extends HTMLElement {
  static ROOM = 1.5; // times the side that the model was trained on

  connectedCallback() {
    this.addEventListener("click", (event) => this.clicked(/** @type {HTMLElement} */ (event.target)));
    this.addEventListener("change", (event) => {
      const way = /** @type {HTMLInputElement} */ (event.target);
      if (way.name === "kind" && way.value === "inpaint" && !this.form().field("mask").value) this.paint();
    });
    const file = /** @type {HTMLInputElement} */ (this.querySelector("[data-source-file]"));
    file.addEventListener("change", () => { const chosen = file.files?.[0]; file.value = ""; if (chosen) this.studio().take(chosen); });
    this.dialog()?.querySelector("[data-mask-use]")?.addEventListener("click", () => this.takeMask());
  }

  studio() { return /** @type {any} */ (this.closest("kb-studio")); }
  form() { return /** @type {any} */ (this.closest("kb-order")); }
  dialog() { return /** @type {HTMLDialogElement} */ (document.getElementById("mask-dialog")); }

  /** @param {HTMLElement} target */
  clicked(target) {
    const button = target.closest("button");
    if (button?.matches("[data-source-pick]")) /** @type {HTMLElement} */ (this.querySelector("[data-source-file]")).click();
    if (button?.matches("[data-source-clear]")) this.clear();
    if (button?.matches("[data-mask-clear]")) this.form().write({ mask: null });
    if (button?.matches("[data-mask-edit]")) this.paint();
    if (button?.matches("[data-size-of-source]")) this.sameSize();
  }

  clear() {
    this.picture = undefined;
    this.form().write({ source: null, mask: null, outpaint: [0, 0, 0, 0], kind: "redraw" });
  }

  /** @param {{id: string, address: string, width: number, height: number, kind?: string, inpaint?: boolean}} picture */
  take({ id, address, width, height, kind, inpaint }) {
    this.picture = { id, address, width, height };
    this.form().write({ source: id, mask: null, kind: kind ?? (inpaint ? "inpaint" : "redraw") });
    const fold = this.closest("details") ?? this.querySelector("details");
    if (fold) fold.open = true;
    this.sameSize(KbSource.ROOM * this.form().side());
    if (inpaint || kind === "inpaint") this.paint();
    fold?.scrollIntoView({ block: "nearest" });
  }

  /** The order has the shape of its source and is as large, within what may be drawn. @param {number} [most] for a side; more than the model was trained on is slow and rarely good */
  sameSize(most = Infinity) {
    const image = /** @type {HTMLImageElement} */ (this.querySelector("[data-source-image]"));
    const { width, height } = this.picture ?? { width: image.naturalWidth, height: image.naturalHeight };
    if (!width || !height) return;
    const side = this.form().field("width");
    const scale = Math.min(1, Math.min(most, Number(side.max)) / Math.max(width, height));
    const grid = (/** @type {number} */ length) => Math.max(Number(side.min), Math.round((length * scale) / 8) * 8);
    this.form().write({ width: grid(width), height: grid(height) });
  }

  /** @param {any} form */
  follow(form) {
    const id = form.field("source").value, mask = form.field("mask").value;
    const show = (/** @type {string} */ selector, /** @type {boolean} */ isShown) => this.querySelectorAll(selector).forEach((each) => { /** @type {HTMLElement} */ (each).hidden = !isShown; });
    show("[data-source-empty]", !id);
    show("[data-source-set]", Boolean(id));
    show("[data-mask-clear], [data-mask-image]", Boolean(mask));
    const put = (/** @type {string} */ selector, /** @type {string} */ address) => {
      const image = /** @type {HTMLImageElement} */ (this.querySelector(selector));
      if (address && image.getAttribute("src") !== address) image.src = address;
    };
    put("[data-source-image]", id && (this.picture?.id === id ? this.picture.address : `${location.pathname}pictures/${id}/small/`));
    const over = /** @type {HTMLElement} */ (this.querySelector("[data-mask-image]"));
    over.style.setProperty("--mask", mask ? `url("${this.maskAddress(mask)}")` : "none");
  }

  /** @param {string} id */
  maskAddress(id) { return `${location.pathname}pictures/${id}/small/`; }

  paint() {
    const image = /** @type {HTMLImageElement} */ (this.querySelector("[data-source-image]"));
    const mask = this.form().field("mask").value;
    this.dialog().showModal();
    /** @type {any} */ (this.dialog().querySelector("kb-mask")).open(this.picture?.address ?? image.src, mask && this.maskAddress(mask));
  }

  async takeMask() {
    const painted = /** @type {any} */ (this.dialog().querySelector("kb-mask"));
    if (painted.isEmpty()) return this.studio().say(painted.dataset.textEmpty ?? "");
    const kept = await this.studio().uploaded(await painted.blob(), "mask");
    if (!kept) return;
    this.form().write({ mask: kept.id, kind: "inpaint" });
    this.dialog().close();
  }
}
customElements.define("kb-source", KbSource);
