// @ts-check
/**
 * <kb-test>: the search test and the search settings. Ctrl+Enter searches; a slider shows its value; the chips of
 * documents filter the cards; a click opens a card's text; the dialog counts the passages marked as answering.
 */
class KbTest extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", (event) => this.pressed(event));
    this.addEventListener("input", (event) => this.changed(/** @type {Element} */ (event.target)));
    this.addEventListener("change", (event) => this.changed(/** @type {Element} */ (event.target)));
    this.addEventListener("click", (event) => this.clicked(/** @type {Element} */ (event.target)));
    this.addEventListener("htmx:afterSettle", () => this.arrived());
    if (matchMedia("(min-width: 64rem)").matches) this.querySelector("[data-open-wide]")?.setAttribute("open", "");
    this.show();
  }

  /** New results: the dialog counts anew, and where they lie below the form, as on a phone, they come into view. */
  arrived() {
    this.count();
    this.newSet();
    const results = this.querySelector(".test-columns:not([data-seen])");
    results?.setAttribute("data-seen", "");
    if (results && matchMedia("(max-width: 63.99rem)").matches) {
      this.querySelector("#test-results")?.scrollIntoView({ block: "start", behavior: "smooth" });
    }
  }

  /** What "try it" of the settings page leads to: the setting of the second side, marked. */
  show() {
    const name = this.dataset.tried;
    if (!name || !this.classList.contains("search-test")) return;
    const second = this.querySelector("[name=side-shown][value=b]");
    if (second instanceof HTMLInputElement) second.checked = true;
    const setting = this.querySelector(`.test-side[data-side=b] [data-setting="${CSS.escape(name)}"]`);
    setting?.setAttribute("data-tried", "");
    setting?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
      const form = this.querySelector("#test-form");
      if (!(form instanceof HTMLFormElement)) return;
      event.preventDefault();
      form.requestSubmit();
    } else if (event.key === "Enter" && target.matches(".test-text")) {
      target.toggleAttribute("data-open");
    }
  }

  /** @param {Element} target */
  changed(target) {
    if (target instanceof HTMLInputElement && target.type === "range") this.write(target);
    if (target instanceof HTMLInputElement && target.name === "gold") this.mark(target);
    if (target instanceof HTMLSelectElement && target.name === "set") this.newSet();
  }

  /** @param {HTMLInputElement} range */
  write(range) {
    const output = this.querySelector(`output[for="${CSS.escape(range.id)}"]`);
    if (!(output instanceof HTMLOutputElement)) return;
    output.value = output.dataset.kind === "score" ? (Number(range.value) / 100).toFixed(2) : `${range.value} %`;
  }

  /** @param {Element} target */
  clicked(target) {
    const chip = target.closest("[data-show]");
    if (chip instanceof HTMLElement) this.filter(chip);
    const text = target.closest(".test-text");
    if (text && !getSelection()?.toString()) text.toggleAttribute("data-open");
  }

  /** @param {HTMLElement} chip */
  filter(chip) {
    const column = chip.closest(".test-column");
    const wanted = chip.dataset.show ?? "";
    for (const each of column?.querySelectorAll("[data-show]") ?? []) each.setAttribute("aria-pressed", String(each === chip));
    for (const card of /** @type {NodeListOf<HTMLElement>} */ (column?.querySelectorAll(".test-card") ?? [])) {
      card.hidden = wanted !== "" && card.dataset.document !== wanted;
    }
  }

  /** The same passage on the other side is marked with it. @param {HTMLInputElement} box */
  mark(box) {
    const same = this.querySelectorAll(`input[name=gold][value="${CSS.escape(box.value)}"]`);
    for (const each of /** @type {NodeListOf<HTMLInputElement>} */ (same)) each.checked = box.checked;
    this.count();
  }

  count() {
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (this.querySelectorAll("input[name=gold]:checked"));
    const marked = new Set([...boxes].map((box) => box.value)).size;
    this.write_("[data-gold-count]", String(marked));
    this.toggle("[data-gold-none]", marked > 0);
    this.toggle("[data-gold-some]", marked === 0);
  }

  newSet() {
    const set = this.querySelector("select[name=set]");
    const name = this.querySelector("[data-new-set]");
    if (!(name instanceof HTMLElement)) return;
    name.hidden = set instanceof HTMLSelectElement && set.value !== "new";
    const field = name.querySelector("input");
    if (field) field.required = !name.hidden;
  }

  /** @param {string} selector @param {string} text */
  write_(selector, text) {
    const element = this.querySelector(selector);
    if (element) element.textContent = text;
  }

  /** @param {string} selector @param {boolean} isHidden */
  toggle(selector, isHidden) {
    const element = this.querySelector(selector);
    if (element instanceof HTMLElement) element.hidden = isHidden;
  }
}
customElements.define("kb-test", KbTest);
