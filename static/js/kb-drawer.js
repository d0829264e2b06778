// @ts-check
/**
 * <kb-drawer id="drawer">: opens when htmx swaps something into it (or by open()), closes by [data-drawer-close] and Esc.
 * Fires `kb:drawer-closed` on itself. The focus goes back to where it came from.
 */
class KbDrawer extends HTMLElement {
  connectedCallback() {
    if (this.childElementCount) this.dataset.open = "";
    this.addEventListener("htmx:beforeRequest", () => this.remember());
    this.addEventListener("htmx:afterSwap", () => this.open());
    this.addEventListener("click", (event) => /** @type {Element} */ (event.target).closest("[data-drawer-close]") && this.close());
    document.addEventListener("htmx:beforeRequest", (event) => {
      const detail = /** @type {CustomEvent} */ (event).detail;
      if (detail.target === this && !this.contains(detail.elt)) this.opener = detail.elt;
    });
    document.body.addEventListener("kb:close-drawer", () => this.close());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open], .menu:popover-open")) this.close();
    });
  }

  remember() {
    if (!this.contains(document.activeElement)) this.opener = document.activeElement;
  }

  open() {
    const wasOpen = this.dataset.open !== undefined;
    this.dataset.open = "";
    const heading = this.querySelector("[data-drawer-focus], [data-drawer-close]");
    if (!wasOpen && heading instanceof HTMLElement) heading.focus({ preventScroll: true });
  }

  close() {
    if (this.dataset.open === undefined) return;
    delete this.dataset.open;
    this.replaceChildren();
    this.dispatchEvent(new CustomEvent("kb:drawer-closed", { bubbles: true }));
    if (this.opener instanceof HTMLElement && this.opener.isConnected) this.opener.focus({ preventScroll: true });
  }
}
customElements.define("kb-drawer", KbDrawer);
