// @ts-check
/** The progress of a new version on its way up; an address that ends in #replace opens the form. */
document.addEventListener("htmx:xhr:progress", (event) => {
  const { elt, lengthComputable, loaded, total } = { elt: /** @type {Element} */ (event.target), .../** @type {CustomEvent} */ (event).detail };
  const bar = elt.querySelector?.(".replace-progress");
  if (!(bar instanceof HTMLProgressElement) || !lengthComputable) return;
  bar.hidden = false;
  bar.value = (100 * loaded) / total;
});
document.addEventListener("htmx:afterRequest", (event) => {
  const bar = /** @type {Element} */ (event.target).querySelector?.(".replace-progress");
  if (bar instanceof HTMLProgressElement) bar.hidden = true;
});
const form = document.getElementById("replace");
if (location.hash === "#replace" && form instanceof HTMLDialogElement) form.showModal();
