// @ts-check
/**
 * Dialogs without code in the page:
 *   <button data-dialog="rename">      opens <dialog id="rename"> as a modal; data-set-NAME="value" fills its field NAME
 *   <button data-dialog-close>         closes the dialog it is in; a click beside the dialog does too
 *   <input data-typed="Name">          keeps the form's [data-when-typed] button disabled until the text is equal
 *   <dialog data-open>                 is open from the start: its form came back with errors
 * A dialog whose form was sent by htmx closes when the answer is good (2xx), except with data-keep-open.
 */
(() => {
  /** @param {HTMLElement} opener */
  const open = (opener) => {
    const dialog = document.getElementById(opener.dataset.dialog ?? "");
    if (!(dialog instanceof HTMLDialogElement)) return;
    opener.closest("[popover]")?.hidePopover?.();
    for (const [key, value] of Object.entries(opener.dataset)) {
      if (!key.startsWith("set")) continue;
      const name = key.slice(3).replace(/[A-Z]/g, (letter, at) => (at ? "_" : "") + letter.toLowerCase());
      const field = dialog.querySelector(`[name="${CSS.escape(name)}"]`);
      if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) field.value = value ?? "";
    }
    if (!dialog.open) dialog.showModal();
    const first = dialog.querySelector("[autofocus], input:not([type=hidden]), textarea, select");
    if (first instanceof HTMLElement) first.focus();
    if (first instanceof HTMLInputElement && first.type === "text") first.select();
  };

  document.querySelectorAll("dialog[data-open]").forEach((dialog) => {
    if (dialog instanceof HTMLDialogElement) dialog.showModal();
  });

  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const opener = target.closest("[data-dialog]");
    if (opener instanceof HTMLElement) return open(opener);
    if (target.closest("[data-dialog-close]")) return target.closest("dialog")?.close();
    if (target instanceof HTMLDialogElement && target.open && isBeside(target, event)) target.close();
  });

  /** @param {HTMLDialogElement} dialog @param {MouseEvent} event */
  const isBeside = (dialog, event) => {
    const box = dialog.getBoundingClientRect();
    return event.detail > 0 && (event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom);
  };

  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLInputElement) || field.dataset.typed === undefined) return;
    const button = field.form?.querySelector("[data-when-typed]");
    if (button instanceof HTMLButtonElement) button.disabled = field.value.trim() !== field.dataset.typed;
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, xhr, requestConfig } = /** @type {CustomEvent} */ (event).detail;
    const dialog = elt.closest?.("dialog");
    const isGood = xhr.status >= 200 && xhr.status < 400; // htmx calls a 422, which is swapped, successful too
    if (isGood && requestConfig?.verb !== "get" && dialog && dialog.dataset.keepOpen === undefined) dialog.close();
  });
})();
