// @ts-check
/**
 * The keyboard: Ctrl/⌘ K opens the jump dialog over chats and libraries, Ctrl/⌘ Shift O starts a chat,
 * `/` goes to the composer ([data-composer]), `?` shows the list of shortcuts.
 */
(() => {
  const dialog = document.getElementById("jump");
  if (!(dialog instanceof HTMLDialogElement)) return;
  const field = /** @type {HTMLInputElement} */ (dialog.querySelector("input"));
  const list = /** @type {HTMLElement} */ (dialog.querySelector("[role=listbox]"));
  const none = /** @type {HTMLElement} */ (dialog.querySelector(".jump-none"));
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("jump-item"));

  /** @returns {{name: string, href: string, library: boolean}[]} */
  const places = () => [...document.querySelectorAll("[data-jump-library], .rail-chat > a")].map((link) => ({
    name: link.textContent?.trim() ?? "",
    href: link.getAttribute("href") ?? "",
    library: link.hasAttribute("data-jump-library"),
  }));

  /** @param {{name: string, href: string, library: boolean}} place @param {number} at */
  const item = (place, at) => {
    const link = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
    link.setAttribute("href", place.href);
    link.id = `jump-${at}`;
    link.setAttribute("aria-selected", String(at === 0));
    link.querySelectorAll("svg")[place.library ? 0 : 1].remove();
    const name = link.querySelector("span");
    if (name) name.textContent = place.name;
    return link;
  };

  const show = () => {
    const words = field.value.trim().toLowerCase().split(/\s+/);
    const found = places().filter((place) => words.every((word) => place.name.toLowerCase().includes(word))).slice(0, 30);
    list.replaceChildren(...found.map(item));
    none.hidden = found.length > 0;
    point();
  };

  const point = () => field.setAttribute("aria-activedescendant", list.querySelector("[aria-selected=true]")?.id ?? "");

  /** @param {number} by */
  const move = (by) => {
    const links = [...list.children];
    const at = links.findIndex((link) => link.getAttribute("aria-selected") === "true");
    links[at]?.setAttribute("aria-selected", "false");
    const next = links.at((at + by) % links.length);
    next?.setAttribute("aria-selected", "true");
    next?.scrollIntoView({ block: "nearest" });
    point();
  };

  const open = () => {
    field.value = "";
    show();
    if (!dialog.open) dialog.showModal();
    field.focus();
  };

  field.addEventListener("input", show);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // Enter that confirms a Han candidate chooses nothing here
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter") list.querySelector("[aria-selected=true]")?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    else return;
    event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).closest("[data-jump]")) open();
  });

  /** @param {EventTarget | null} target */
  const isWriting = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && !event.altKey) return withCommand(event);
    if (event.altKey || isWriting(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      const composer = document.querySelector("[data-composer]");
      if (composer instanceof HTMLElement) { event.preventDefault(); composer.focus(); }
    } else if (event.key === "?") {
      const help = document.getElementById("shortcuts");
      if (help instanceof HTMLDialogElement) { event.preventDefault(); help.showModal(); }
    }
  });

  /** @param {KeyboardEvent} event */
  const withCommand = (event) => {
    const key = event.key.toLowerCase();
    if (key === "k" && !event.shiftKey) { event.preventDefault(); open(); }
    else if (key === "o" && event.shiftKey) { event.preventDefault(); location.assign("/"); }
  };
})();
