// @ts-check
/**
 * The popover of the bells: kept in place when its list arrives or grows, emptied when it closes, so that a closed one
 * asks the server nothing.
 */
(() => {
  const menu = () => document.getElementById("bell-menu");

  document.addEventListener("htmx:afterSwap", (event) => {
    const shown = menu();
    if (!shown || /** @type {CustomEvent} */ (event).detail.target !== shown || !shown.matches(":popover-open")) return;
    const opener = document.querySelector('[data-menu="bell-menu"][aria-expanded="true"]') ?? /** @type {any} */ (shown).opener;
    if (opener instanceof HTMLElement) /** @type {any} */ (shown).place(opener.getBoundingClientRect());
    if (!shown.contains(document.activeElement)) shown.querySelector("a, button") instanceof HTMLElement && /** @type {HTMLElement} */ (shown.querySelector("a, button")).focus();
  });

  document.addEventListener("toggle", (event) => {
    if (event.target === menu() && /** @type {ToggleEvent} */ (event).newState === "closed") menu()?.replaceChildren();
  }, true);
})();
