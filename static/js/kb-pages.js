// @ts-check
/**
 * <kb-pages page boxes>: a document made of pictures, each a .pdf-page that the server wrote; moves and marks like
 * <kb-pdf>, from which it takes everything but the drawing. data-width-px and data-height-px give a page's shape.
 */
customElements.whenDefined("kb-pdf").then((KbPdf) => {
  customElements.define("kb-pages", class extends /** @type {any} */ (KbPdf) {
    async open() {
      this.sheets = [...this.querySelectorAll(".pdf-page")];
      for (const sheet of this.sheets) this.shape(sheet, Number(sheet.dataset.widthPx) || 210, Number(sheet.dataset.heightPx) || 297);
      this.watch();
      this.dataset.state = "ready";
      for (const sheet of this.sheets) this.tellDrawn(sheet);
      this.goto(Number(this.getAttribute("page")) || 1, this.marked);
    }

    /** The picture is there already. @param {HTMLElement} _sheet */
    async draw(_sheet) {}
  });
});
