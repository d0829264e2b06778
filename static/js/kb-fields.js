// @ts-check
/** <kb-fields>: rows of fields in a library's settings that are added, removed and moved up; choices show for a choice. */
class KbFields extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => this.clicked(/** @type {Element} */ (event.target)));
    this.addEventListener("change", (event) => this.changed(/** @type {Element} */ (event.target)));
    if (!this.querySelector("li")) this.add(false);
  }

  /** @param {Element} target */
  clicked(target) {
    const row = target.closest("li");
    if (target.closest("[data-add]")) this.add(true);
    else if (target.closest("[data-remove]")) row?.remove();
    else if (target.closest("[data-up]") && row?.previousElementSibling) row.previousElementSibling.before(row);
  }

  /** @param {Element} target */
  changed(target) {
    const choices = target.closest("li")?.querySelector(".field-choices");
    if (target instanceof HTMLSelectElement && target.name === "type" && choices instanceof HTMLElement) choices.hidden = target.value !== "choice";
  }

  /** @param {boolean} isAsked */
  add(isAsked) {
    const template = this.querySelector("template");
    const item = document.createElement("li");
    if (template) item.append(template.content.cloneNode(true));
    this.querySelector("ul")?.append(item);
    const name = item.querySelector("input[name=label]");
    if (isAsked && name instanceof HTMLElement) name.focus();
  }
}
customElements.define("kb-fields", KbFields);
