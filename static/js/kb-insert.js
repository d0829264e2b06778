// @ts-check
/**
 * <button data-insert="tag:">: puts its text where one writes, into the field of its form, apart from the word before.
 * The caret then stands at the `|` of the text, or behind it.
 */
document.addEventListener("click", (event) => {
  const entry = /** @type {Element} */ (event.target).closest("[data-insert]");
  const field = entry?.closest("form")?.querySelector("textarea");
  if (!(entry instanceof HTMLElement) || !field) return;
  const { value, selectionStart, selectionEnd } = field;
  const [head, tail = ""] = (entry.dataset.insert ?? "").split("|");
  const space = selectionStart > 0 && !/\s$/.test(value.slice(0, selectionStart)) ? " " : "";
  field.setRangeText(space + head + value.slice(selectionStart, selectionEnd) + tail, selectionStart, selectionEnd, "end");
  const caret = field.selectionEnd - tail.length;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  setTimeout(() => { // the menu gives the focus back to its button first
    field.focus();
    field.setSelectionRange(caret, caret);
  }, 60);
});
