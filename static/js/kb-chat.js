// @ts-check
/**
 * <kb-chat data-socket="/ws/…/">: the one socket of a chat page. It follows every live <kb-answer> inside it from the
 * last event that answer has seen, so a dropped connection costs nothing; it stops them; it keeps the page at its end
 * while the reader is there.
 */
class KbChat extends HTMLElement {
  static RETRY_MS = [250, 500, 1000, 2000, 4000, 8000];
  static POLL_AFTER = 3; // refused or failed connections: then answers are fetched by plain requests as well
  static NEAR_END_PX = 96;

  connectedCallback() {
    this.failures = 0;
    this.isSticky = true;
    this.abort = new AbortController();
    const signal = this.abort.signal;
    this.addEventListener("kb:live", (event) => this.follow(/** @type {any} */ (event.target)), { signal });
    this.addEventListener("kb:grown", () => this.keepAtEnd(), { signal });
    this.addEventListener("kb:settled", () => { this.toggleAttribute("data-busy", this.live().length > 0); this.keepAtEnd(); }, { signal });
    this.addEventListener("htmx:afterSettle", () => this.toggleAttribute("data-busy", this.live().length > 0), { signal });
    addEventListener("scroll", () => { this.isSticky = this.distance() < KbChat.NEAR_END_PX; }, { passive: true, signal });
    addEventListener("online", () => this.connect(), { signal });
    document.addEventListener("keydown", (event) => this.onKey(event), { signal });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.live().length && this.connect(), { signal });
    this.connect();
    this.scrollToEnd();
  }

  disconnectedCallback() {
    this.abort?.abort();
    clearTimeout(this.timer);
    this.socket?.close(1000);
    this.socket = undefined;
  }

  /** @returns {any[]} */
  live() {
    return [...this.querySelectorAll("kb-answer[data-live]")];
  }

  connect() {
    if (!this.isConnected || (this.socket && this.socket.readyState <= WebSocket.OPEN)) return;
    clearTimeout(this.timer);
    const socket = new WebSocket(new URL(this.dataset.socket ?? "", location.href.replace(/^http/, "ws")));
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.failures = 0;
      for (const answer of this.live()) this.follow(answer);
    });
    socket.addEventListener("message", (event) => this.receive(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.socket === socket && this.onClose(event));
  }

  /** @param {CloseEvent} event */
  onClose(event) {
    this.socket = undefined;
    if (event.code === 4401 || event.code === 4404) return location.reload(); // sign-in, or a page that is not there
    const waiting = this.live();
    if (!waiting.length && this.failures > KbChat.POLL_AFTER) return;
    this.failures = (this.failures ?? 0) + 1;
    if (this.failures > KbChat.POLL_AFTER) for (const answer of waiting) answer.refresh();
    const pause = KbChat.RETRY_MS[Math.min(this.failures, KbChat.RETRY_MS.length) - 1];
    this.timer = setTimeout(() => this.connect(), pause * (0.75 + Math.random() / 2));
  }

  /** @param {any} command */
  send(command) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(command));
    return true;
  }

  /** @param {any} answer */
  follow(answer) {
    this.toggleAttribute("data-busy", true);
    if (!this.send({ type: "follow", message: answer.message, cursor: answer.cursor ?? null })) this.connect();
  }

  /** @param {any} frame */
  receive(frame) {
    if (frame.type === "error") return;
    const answer = /** @type {any} */ (this.querySelector(`kb-answer[message="${CSS.escape(frame.message)}"]`));
    answer?.receive(frame);
  }

  stop() {
    for (const answer of this.live()) {
      answer.toggleAttribute("data-stopping", true);
      if (!this.send({ type: "stop", message: answer.message })) {
        // @ts-ignore htmx is a global of its own script
        window.htmx.ajax("POST", answer.dataset.stop, { source: answer, swap: "none" }).catch(() => answer.removeAttribute("data-stopping"));
      }
    }
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || !this.live().length) return;
    if (document.querySelector("dialog[open], :popover-open:not(.toasts)")) return;
    event.preventDefault();
    this.stop();
  }

  distance() {
    const page = document.documentElement;
    return page.scrollHeight - page.clientHeight - page.scrollTop;
  }

  keepAtEnd() {
    if (this.isSticky) this.scrollToEnd();
  }

  scrollToEnd() {
    document.documentElement.scrollTop = document.documentElement.scrollHeight;
    this.isSticky = true;
  }
}
customElements.define("kb-chat", KbChat);
