// @ts-check
/**
 * <kb-pictures>: the blocks of orders. While one is live it asks once a second how far it is and fills in the ring, the
 * coarse preview and the place in line; when a picture is done, or an order ended, the block is loaded again.
 */
class KbPictures extends HTMLElement {
  static TICK_MS = 900;
  static SLOW_MS = 4_000; // while the tab is hidden, or after an error

  connectedCallback() {
    this.addEventListener("click", (event) => this.clicked(/** @type {HTMLElement} */ (event.target)));
    document.addEventListener("visibilitychange", () => !document.hidden && this.soon(0));
    document.body.addEventListener("htmx:afterSwap", () => this.settle());
    document.body.addEventListener("kb:runs", (event) => this.refresh(/** @type {CustomEvent} */ (event).detail));
    this.mirror();
    this.settle();
    this.soon(0);
  }

  /** On a phone the settings, where it says what is left of the day's limit, are on another tab. */
  mirror() {
    const left = document.getElementById("pictures-left"), line = this.querySelector("[data-left]");
    if (!left || !line) return;
    const copy = () => { line.textContent = left.textContent?.trim() ?? ""; };
    new MutationObserver(copy).observe(left, { childList: true, subtree: true });
    copy();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  /** Put a new block on top. @param {string} html our own template */
  add(html) {
    const runs = /** @type {HTMLElement} */ (this.querySelector("#runs"));
    runs.prepend(KbPictures.made(html));
    this.settle();
    this.scrollTo({ top: 0, behavior: "smooth" });
    this.soon(150);
  }

  /** @param {string} html @returns {DocumentFragment} */
  static made(html) {
    const template = document.createElement("template");
    template.innerHTML = html; // server-rendered
    // @ts-ignore htmx is a global of its own script
    for (const element of template.content.children) queueMicrotask(() => window.htmx.process(element));
    return template.content;
  }

  /** The page knows how many orders are under way. */
  settle() {
    const live = this.live().length;
    const badge = document.querySelector("[data-live-count]");
    if (badge instanceof HTMLElement) { badge.hidden = !live; badge.textContent = String(live); }
    if (!live) this.queue("");
  }

  /** What is under way altogether. @param {string} text */
  queue(text) {
    const line = this.querySelector("[data-queue]");
    if (line && line.textContent !== text) line.textContent = text;
  }

  /** Orders changed: those named are loaded again, else all. @param {{jobs?: string[]}} detail */
  async refresh({ jobs }) {
    if (jobs) {
      const named = jobs.map((job) => this.querySelector(`#run-${CSS.escape(job)}`));
      for (const run of named) if (run instanceof HTMLElement) await this.reload(run);
      return;
    }
    const answer = await fetch(this.dataset.runs ?? "", { headers: { "HX-Request": "true" } });
    if (!answer.ok) return;
    this.querySelector("#runs")?.replaceChildren(KbPictures.made(await answer.text()));
    this.settle();
    this.soon(0);
  }

  live() {
    return [...this.querySelectorAll(".run[data-live]")].map((run) => /** @type {HTMLElement} */ (run));
  }

  /** @param {number} milliseconds */
  soon(milliseconds) {
    clearTimeout(this.timer);
    if (this.live().length) this.timer = setTimeout(() => this.tick(), milliseconds);
  }

  async tick() {
    let wait = document.hidden ? KbPictures.SLOW_MS : KbPictures.TICK_MS;
    try {
      const asked = this.live().map((run) => `job=${run.dataset.run}`).join("&");
      const answer = await fetch(`${this.dataset.live}?${asked}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const { jobs, queue } = await answer.json();
      this.queue(queue);
      for (const run of this.live()) await this.show(run, jobs[run.dataset.run ?? ""]);
    } catch { wait = KbPictures.SLOW_MS; }
    this.soon(wait);
  }

  /** @param {HTMLElement} run @param {any} now */
  async show(run, now) {
    if (!now || now.done !== Number(run.dataset.done) || now.ended) await this.reload(run);
    else this.fill(run, now);
  }

  /** @param {HTMLElement} run */
  async reload(run) {
    const answer = await fetch(run.dataset.self ?? "", { headers: { "HX-Request": "true" } });
    if (answer.status === 404) { run.remove(); return; }
    if (!answer.ok) return;
    const fresh = KbPictures.made(await answer.text());
    const isOver = !fresh.querySelector("[data-live]");
    run.replaceWith(fresh);
    this.settle();
    document.body.dispatchEvent(new CustomEvent("kb:pictures"));
    if (isOver) document.body.dispatchEvent(new CustomEvent("kb:drawn"));
  }

  /** @param {HTMLElement} run @param {{state: string, position: number | null, seconds: number | null, step: number, steps: number, preview: string, number: number}} now */
  fill(run, now) {
    const standing = run.querySelector("[data-standing]");
    const text = this.words(now);
    if (standing && standing.textContent !== text) standing.textContent = text;
    const cell = run.querySelector(`.cell[data-number="${now.number}"]`) ?? run.querySelector(".cell[data-next]");
    if (!(cell instanceof HTMLElement) || now.state !== "running") return;
    run.querySelectorAll(".cell[data-next]").forEach((each) => each !== cell && each.removeAttribute("data-next"));
    cell.dataset.next = "";
    const ring = cell.querySelector("[data-ring]");
    if (ring instanceof SVGElement) {
      ring.style.setProperty("--left", String(100 - (now.steps ? (100 * now.step) / now.steps : 0)));
      ring.setAttribute("aria-label", this.phrase("textStep", { step: now.step, steps: now.steps }));
    }
    const preview = cell.querySelector("[data-preview]");
    if (preview instanceof HTMLImageElement && now.preview) { preview.src = now.preview; preview.hidden = false; }
  }

  /** @param {any} now */
  words({ state, position, seconds, step, steps }) {
    const parts = [];
    if (state === "queued") parts.push(position > 1 ? this.phrase("textPlace", { n: position }) : this.dataset.textNext);
    else if (!step) parts.push(this.dataset.textReady);
    else if (steps) parts.push(this.phrase("textStep", { step, steps }));
    if (seconds) parts.push(this.phrase("textAbout", { seconds: this.time(seconds) }));
    return parts.join(", ");
  }

  /** @param {number} seconds */
  time(seconds) {
    return seconds < 90 ? this.phrase("textSecond", { n: Math.max(1, Math.round(seconds)) }) : this.phrase("textMinute", { n: Math.round(seconds / 60) });
  }

  /** @param {string} name @param {Record<string, any>} values */
  phrase(name, values) {
    return Object.entries(values).reduce((text, [key, value]) => text.replace(`{${key}}`, String(value)), this.dataset[name] ?? "");
  }

  /** @param {HTMLElement} target */
  clicked(target) {
    const button = target.closest("[data-recall], [data-again]");
    const run = button?.closest(".run");
    if (!(button instanceof HTMLElement) || !(run instanceof HTMLElement)) return;
    const order = JSON.parse(run.dataset.order ?? "{}");
    const name = button.dataset.recall ? "kb:recall" : "kb:draw";
    document.body.dispatchEvent(new CustomEvent(name, { detail: { order } }));
  }
}
customElements.define("kb-pictures", KbPictures);
