// @ts-check
/**
 * <kb-chats> holds the one menu of the chats in the rail: rename in place, delete with undo. It also leads away from a
 * chat that was deleted while it was open.
 */
class KbChats extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      const act = /** @type {Element} */ (event.target).closest("[data-chat-act]");
      const menu = /** @type {any} */ (this.querySelector("kb-menu"));
      const row = menu?.opener?.closest(".rail-chat");
      if (!(act instanceof HTMLElement) || !(row instanceof HTMLElement)) return;
      if (act.dataset.chatAct === "rename") setTimeout(() => this.rename(row));
      else this.post(row.dataset.delete ?? "", {});
    });
    document.body.addEventListener("htmx:pushedIntoHistory", () => KbChats.markPlace());
    document.body.addEventListener("kb:chat-deleted", (event) => this.leave(/** @type {CustomEvent} */ (event).detail));
  }

  /** @param {string} address @param {Record<string, string>} values */
  post(address, values) {
    // @ts-ignore htmx is a global of its own script
    window.htmx.ajax("POST", address, { source: document.body, target: "#rail-chats", swap: "innerHTML", values });
  }

  /** @param {HTMLElement} row */
  rename(row) {
    const link = row.querySelector("a");
    if (!link) return;
    const field = document.createElement("input");
    field.className = "rail-rename";
    field.value = link.textContent?.trim() ?? "";
    field.maxLength = 200;
    field.setAttribute("aria-label", this.dataset.title ?? "");
    link.hidden = true;
    link.before(field);
    field.select();
    let isOver = false;
    const end = (/** @type {boolean} */ isKept) => {
      if (isOver) return;
      isOver = true;
      const title = field.value.trim();
      field.remove();
      link.hidden = false;
      if (!isKept || !title || title === link.textContent?.trim()) return;
      link.textContent = title;
      if (row.hasAttribute("data-current")) this.retitle(title);
      // @ts-ignore htmx is a global of its own script
      window.htmx.ajax("POST", row.dataset.rename, { source: row, swap: "none", values: { title } });
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        end(event.key === "Enter");
      }
    });
    field.addEventListener("blur", () => end(true));
  }

  /** @param {string} title */
  retitle(title) {
    const heading = document.querySelector(".chat-title > input");
    if (heading instanceof HTMLInputElement) heading.value = title;
  }

  /** The address changed without a new page: the rail shows where the reader is now. */
  static markPlace() {
    for (const link of document.querySelectorAll(".rail a[href], .bottom-bar a[href]")) {
      if (link.getAttribute("href") === location.pathname) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  /** @param {{id: string, home: string}} deleted */
  leave({ id, home }) {
    if (!location.pathname.includes(id)) return;
    // @ts-ignore htmx is a global of its own script
    window.htmx.ajax("GET", home, { source: document.body, target: "#main", select: "#main", swap: "outerHTML" }).then(() => {
      history.pushState({}, "", home);
      KbChats.markPlace();
      const drawer = /** @type {any} */ (document.getElementById("drawer"));
      drawer?.close?.();
    });
  }
}
customElements.define("kb-chats", KbChats);
