// @ts-check
/**
 * <kb-menu id="x" class="menu" popover> opened by <button data-menu="x">: placed beside its button, inside the window.
 * Arrow keys, Home and End move; a choice closes it (except in <kb-theme>). Several buttons may share one menu.
 */
class KbMenu extends HTMLElement {
  /** @param {HTMLElement} opener */
  toggleAt(opener) {
    if (this.matches(":popover-open")) return this.hidePopover();
    this.opener = opener;
    this.showPopover();
    this.place(opener.getBoundingClientRect());
    opener.setAttribute("aria-expanded", "true");
    this.items()[0]?.focus();
  }

  connectedCallback() {
    this.addEventListener("toggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState !== "closed") return;
      this.opener?.setAttribute("aria-expanded", "false");
      if (this.contains(document.activeElement) || document.activeElement === document.body) this.opener?.focus();
    });
    this.addEventListener("keydown", (event) => this.move(event));
    this.addEventListener("click", (event) => {
      const item = /** @type {Element} */ (event.target).closest("a, button");
      if (item && !item.closest("kb-theme, label")) setTimeout(() => this.matches(":popover-open") && this.hidePopover());
    });
  }

  /** @returns {HTMLElement[]} */
  items() {
    return [...this.querySelectorAll("a, button, input")].filter((item) => item instanceof HTMLElement && !item.hidden && item.offsetParent !== null);
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const items = this.items();
    const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    items.at(to % items.length)?.focus();
  }

  /** @param {DOMRect} button */
  place(button) {
    const gap = 4, edge = 8;
    const { width, height } = this.getBoundingClientRect();
    const left = button.left + width + edge > innerWidth ? button.right - width : button.left;
    const below = button.bottom + gap + height + edge <= innerHeight;
    const top = below ? button.bottom + gap : button.top - gap - height;
    this.style.left = `${Math.max(edge, Math.min(left, innerWidth - width - edge))}px`;
    this.style.top = `${Math.max(edge, Math.min(top, innerHeight - height - edge))}px`;
  }
}
customElements.define("kb-menu", KbMenu);

document.addEventListener("click", (event) => {
  const opener = /** @type {Element} */ (event.target).closest("[data-menu]");
  if (!(opener instanceof HTMLElement)) return;
  const menu = document.getElementById(opener.dataset.menu ?? "");
  if (menu instanceof KbMenu) menu.toggleAt(opener);
});
// A press on the button would dismiss the open menu just before the click opens it again.
document.addEventListener("pointerdown", (event) => {
  const opener = /** @type {Element} */ (event.target).closest("[data-menu]");
  const menu = opener instanceof HTMLElement && document.getElementById(opener.dataset.menu ?? "");
  if (menu && menu.matches(":popover-open")) event.preventDefault();
}, true);
