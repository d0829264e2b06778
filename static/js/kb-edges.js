// @ts-check
/**
 * <kb-edges data-address>: the edges that a ControlNet will see of its picture, at the size of the drawing, drawn anew
 * when a threshold moves. `follow(form)` brings it in line with the form.
 */
class KbEdges extends HTMLElement {
  static WAIT_MS = 200;

  connectedCallback() {
    this.figure = /** @type {HTMLElement} */ (this.querySelector("figure"));
    this.image = /** @type {HTMLImageElement} */ (this.querySelector("img"));
  }

  /** @param {{read: () => Record<string, any>}} form */
  follow(form) {
    const order = form.read(), control = order.control;
    const isShown = Boolean(control?.picture) && control.method === "canny";
    this.figure.hidden = !isShown;
    this.querySelectorAll(".slide").forEach((slide) => { /** @type {HTMLElement} */ (slide).hidden = control?.method === "none"; });
    if (!isShown) return;
    const [left, top, right, bottom] = order.outpaint;
    const asked = { picture: control.picture, low: control.low, high: control.high, width: order.width + left + right, height: order.height + top + bottom };
    const address = `${this.dataset.address}?${new URLSearchParams(/** @type {any} */ (asked))}`;
    if (this.image.getAttribute("src") === address) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.image.src = address; }, this.image.src ? KbEdges.WAIT_MS : 0);
  }
}
customElements.define("kb-edges", KbEdges);
