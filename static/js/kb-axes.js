// @ts-check
/**
 * <kb-axes data-hints>: the axes of a grid: an example for each kind, names to choose from where names are asked, and
 * how many values were read, or that a style fixes what should vary. The rows are <kb-order>'s.
 */
class KbAxes extends HTMLElement {
  connectedCallback() {
    this.hints = JSON.parse(this.dataset.hints ?? "{}");
    this.addEventListener("change", (event) => this.changed(/** @type {HTMLSelectElement} */ (event.target)));
  }

  /** @returns {HTMLElement[]} */
  rows() {
    return [...this.querySelectorAll("[data-row]")].map((row) => /** @type {HTMLElement} */ (row));
  }

  /** @param {HTMLElement} form */
  follow(form) {
    this.styles = /** @type {any} */ (form.querySelector("kb-styles"));
    for (const row of this.rows()) this.fill(row);
    this.count(this.cells ?? []);
  }

  /** What a style fixes cannot vary: why, in words. @param {HTMLElement} row */
  fixed(row) {
    return this.styles?.reason(/** @type {HTMLSelectElement} */ (row.querySelector("[data-key=kind]")).value) ?? "";
  }

  /** @param {HTMLElement} row */
  fill(row) {
    const kind = /** @type {HTMLSelectElement} */ (row.querySelector("[data-key=kind]")).value;
    if (row.dataset.filled === kind) return;
    row.dataset.filled = kind;
    const { example, choices } = this.hints[kind] ?? { example: "", choices: [] };
    /** @type {HTMLInputElement} */ (row.querySelector("[data-key=values]")).placeholder = example;
    const select = /** @type {HTMLSelectElement} */ (row.querySelector("[data-axis-choices]"));
    select.hidden = !choices.length;
    select.replaceChildren(select.options[0], ...choices.map((/** @type {[string, string]} */ [value, label]) => new Option(label, value)));
  }

  /** @param {HTMLSelectElement} select */
  changed(select) {
    if (!select.matches("[data-axis-choices]") || !select.value) return;
    const values = /** @type {HTMLInputElement} */ (select.closest("[data-row]")?.querySelector("[data-key=values]"));
    const put = /[",]/.test(select.value) ? `"${select.value.replaceAll('"', '""')}"` : select.value;
    values.value = [values.value.trim().replace(/,$/, ""), put].filter(Boolean).join(", ");
    select.value = "";
    values.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** How many values each axis has; of those alone that have any. @param {number[]} cells */
  count(cells) {
    this.cells = cells;
    const filled = this.rows().filter((row) => /** @type {HTMLInputElement} */ (row.querySelector("[data-key=values]")).value.trim());
    for (const row of this.rows()) {
      const number = cells[filled.indexOf(row)];
      const line = row.querySelector("[data-axis-count]");
      if (line) line.textContent = this.fixed(row) || (number ? (this.dataset.textCount ?? "").replace("{n}", String(number)) : "");
    }
  }
}
customElements.define("kb-axes", KbAxes);
