// @ts-check
/**
 * <kb-theme>: three buttons with data-value system | light | dark.
 * The choice is sent to data-url, which keeps it in a cookie that the server reads: no flash on the next page.
 */
class KbTheme extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      const button = /** @type {Element} */ (event.target).closest("[data-value]");
      if (button instanceof HTMLElement) this.choose(button.dataset.value ?? "system");
    });
    this.mark();
  }

  /** @param {string} value */
  choose(value) {
    document.documentElement.dataset.theme = value;
    const body = new URLSearchParams({ theme: value });
    fetch(this.dataset.url ?? "", { method: "POST", body, headers: { "X-CSRFToken": this.dataset.token ?? "" }, credentials: "same-origin" });
    document.querySelectorAll("kb-theme").forEach((each) => each instanceof KbTheme && each.mark());
  }

  mark() {
    const now = document.documentElement.dataset.theme || "system";
    for (const button of this.querySelectorAll("[data-value]")) {
      if (!(button instanceof HTMLElement)) continue;
      if (button.dataset.value === now) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }
}
customElements.define("kb-theme", KbTheme);
