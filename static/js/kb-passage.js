// @ts-check
/** <kb-passage>: text with the cited passage in <mark>, scrolled to it. */
class KbPassage extends HTMLElement {
  connectedCallback() {
    requestAnimationFrame(() => (this.querySelector("mark[data-weight=quote]") ?? this.querySelector("mark"))?.scrollIntoView({ block: "center" }));
  }
}
customElements.define("kb-passage", KbPassage);

/** <kb-copy><button data-text="…" data-copied="…">: copies the text and says so. */
class KbCopy extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", async (event) => {
      const button = /** @type {Element} */ (event.target).closest("button");
      if (!button) return;
      await navigator.clipboard.writeText(button.dataset.text ?? "");
      document.body.dispatchEvent(new CustomEvent("kb:toast", { detail: { text: button.dataset.copied, seconds: 2 } }));
    });
  }
}
customElements.define("kb-copy", KbCopy);
