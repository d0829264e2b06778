/**
 * <kb-web-form>: shows the fields that matter for the chosen kind of web source.
 * A field's wrapper names its kinds in data-for; without script all of them are shown.
 */
class WebForm extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", () => this.show());
    this.show();
  }

  show() {
    const kind = this.querySelector("input[name=kind]:checked")?.value;
    for (const part of this.querySelectorAll("[data-for]")) {
      part.hidden = kind !== undefined && !part.dataset.for.split(" ").includes(kind);
    }
  }
}

customElements.define("kb-web-form", WebForm);
