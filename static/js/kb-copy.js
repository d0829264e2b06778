// <kb-copy data-done="Copied"><input readonly><button><span>Copy</span></button></kb-copy>: puts the input's text on the clipboard.
class KbCopy extends HTMLElement {
  connectedCallback() {
    this.field = this.querySelector("input");
    this.label = this.querySelector("button span");
    this.querySelector("button").addEventListener("click", () => this.copy());
    this.field.addEventListener("focus", () => this.field.select());
  }

  async copy() {
    this.field.select();
    try {
      await navigator.clipboard.writeText(this.field.value);
    } catch {
      document.execCommand("copy"); // plain http on another machine has no clipboard API
    }
    this.label.textContent = this.dataset.done;
  }
}
customElements.define("kb-copy", KbCopy);

// <kb-submit><form><select>…: sends the form as soon as another value is chosen.
class KbSubmit extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", () => this.querySelector("form").requestSubmit());
  }
}
customElements.define("kb-submit", KbSubmit);
