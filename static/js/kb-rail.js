// @ts-check
/**
 * <kb-rail>: the rail as an overlay on narrow windows ([data-rail-open], [data-rail-close], Esc).
 * Keeps the newest chat list scrolled to the chat that is open, and names the platform's own key in <kbd data-shortcut>.
 */
class KbRail extends HTMLElement {
  connectedCallback() {
    document.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target);
      if (target.closest("[data-rail-open]")) this.open();
      else if (target.closest("[data-rail-close]")) this.close();
    });
    this.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    this.querySelector("[data-current]")?.scrollIntoView({ block: "nearest" });
    this.nameKeys();
  }

  open() {
    this.dataset.open = "";
    document.getElementById("main")?.setAttribute("inert", "");
    const close = this.querySelector("[data-rail-close]");
    if (close instanceof HTMLElement) close.focus();
  }

  close() {
    if (this.dataset.open === undefined) return;
    delete this.dataset.open;
    document.getElementById("main")?.removeAttribute("inert");
    const opener = [...document.querySelectorAll("[data-rail-open]")].find((each) => each instanceof HTMLElement && each.offsetParent !== null);
    if (opener instanceof HTMLElement) opener.focus();
  }

  nameKeys() {
    if (/Mac|iPhone|iPad/.test(navigator.platform)) return;
    for (const key of document.querySelectorAll("kbd[data-shortcut]")) {
      key.textContent = "Ctrl " + (key.getAttribute("data-shortcut") ?? "").replace("shift ", "Shift ");
    }
  }
}
customElements.define("kb-rail", KbRail);
