// @ts-check
/**
 * <kb-prompt>: a textarea whose text is coloured below it as AUTOMATIC1111's grammar reads it: weights by strength,
 * schedules, AND and BREAK, adapters, wildcards; a weight that cannot be read is underlined.
 * Ctrl+Up and Ctrl+Down weigh the selected words, or the word at the caret.
 */
class KbPrompt extends HTMLElement {
  static STEP = 0.1;
  static ROUND = 1.1;
  // escapes · tags · keywords · wildcards · brackets, with the weight before a closing one
  static PIECES = /\\[()[\]\\]|<\w+:[^>]+>|\b(?:BREAK|AND)\b|__[\w/-]+__|:\s*[^():[\]|]*(?=\))|[()[\]{}|]/g;

  connectedCallback() {
    this.field = /** @type {HTMLTextAreaElement} */ (this.querySelector("textarea"));
    this.ink = /** @type {HTMLElement} */ (this.querySelector(".prompt-ink"));
    this.field.addEventListener("input", () => this.draw());
    this.field.addEventListener("scroll", () => this.follow());
    this.field.addEventListener("keydown", (event) => this.onKey(event));
    this.dataset.inked = "";
    this.draw();
  }

  /** Show what the field holds now; code that sets its value calls this. */
  draw() {
    const text = this.field.value;
    this.ink.replaceChildren(...KbPrompt.runs(text).map(({ from, to, kind, weight }) => KbPrompt.span(text.slice(from, to), kind, weight)), "\n");
    this.follow();
  }

  follow() {
    this.ink.scrollTop = this.field.scrollTop;
  }

  /** @param {string} text @param {string} kind @param {number} weight */
  static span(text, kind, weight) {
    const span = document.createElement("span");
    span.textContent = text;
    const shade = kind || (weight > 1.001 ? "more" : weight < 0.999 ? "less" : "");
    if (shade) span.className = `ink-${shade}`;
    if (shade === "more") span.style.setProperty("--by", String(Math.round(Math.min(1, Math.log(weight) / Math.log(2)) * 34 + 8)));
    return span;
  }

  /**
   * Cut the text into runs of one look: `kind` is mark, word, tag, pick, wrong, turn or "".
   * @param {string} text @returns {{from: number, to: number, kind: string, weight: number}[]}
   */
  static runs(text) {
    const pieces = [...text.matchAll(KbPrompt.PIECES)].map((found) => ({ at: found.index ?? 0, text: found[0] }));
    const pairs = KbPrompt.pairs(text, pieces);
    /** @type {{from: number, to: number, kind: string, weight: number}[]} */
    const runs = [];
    let at = 0;
    const put = (/** @type {number} */ to, /** @type {string} */ kind) => {
      if (to > at) runs.push({ from: at, to, kind: kind || (KbPrompt.turns(pairs, at) ? "turn" : ""), weight: KbPrompt.weight(pairs, at) });
      at = to;
    };
    for (const piece of pieces) {
      if (piece.at < at) continue;
      put(piece.at, "");
      put(piece.at + piece.text.length, KbPrompt.kind(piece, pairs));
    }
    put(text.length, "");
    return runs;
  }

  /** @param {{at: number, text: string}} piece @param {any[]} pairs */
  static kind({ at, text }, pairs) {
    if (text === "BREAK" || text === "AND") return "word";
    if (text.startsWith("<")) return "tag";
    if (text.startsWith("__")) return "pick";
    if ("{}".includes(text)) return "pick";
    if (text.startsWith(":")) {
      const pair = pairs.find((each) => each.mark === at);
      if (!pair) return "";
      return pair.isWrong ? "wrong" : "mark";
    }
    if (text === "|") return KbPrompt.turns(pairs, at) ? "turn" : "pick";
    return "mark";
  }

  /**
   * Match brackets: from, to (of the text inside), the weight they give, whether they change with the steps.
   * @param {string} text @param {{at: number, text: string}[]} pieces
   */
  static pairs(text, pieces) {
    /** @type {{from: number, to: number, weight: number, isTurn: boolean, mark?: number, isWrong?: boolean}[]} */
    const pairs = [];
    /** @type {{at: number, open: string, mark?: number}[]} */
    const open = [];
    for (const { at, text: piece } of pieces) {
      if (piece === "(" || piece === "[") open.push({ at, open: piece });
      else if (piece.startsWith(":")) { const last = open.at(-1); if (last?.open === "(") last.mark = at; }
      else if (piece === ")" || piece === "]") {
        const last = open.at(-1);
        if (!last || (last.open === "(") !== (piece === ")")) continue;
        open.pop();
        pairs.push(KbPrompt.pair(text, last, at));
      }
    }
    for (const { at, open: bracket } of open) pairs.push({ from: at + 1, to: text.length, weight: bracket === "(" ? KbPrompt.ROUND : 1 / KbPrompt.ROUND, isTurn: false });
    return pairs;
  }

  /** @param {string} text @param {{at: number, open: string, mark?: number}} opened @param {number} end */
  static pair(text, { at, open, mark }, end) {
    if (open === "[") {
      const isTurn = /[:|]/.test(text.slice(at + 1, end).replace(/\([^()]*\)|<[^<>]*>/g, ""));
      return { from: at + 1, to: end, weight: isTurn ? 1 : 1 / KbPrompt.ROUND, isTurn };
    }
    if (mark === undefined) return { from: at + 1, to: end, weight: KbPrompt.ROUND, isTurn: false };
    const number = text.slice(mark + 1, end).trim();
    const isWrong = !/^[+-]?(\d+\.?\d*|\.\d+)$/.test(number);
    return { from: at + 1, to: end, weight: isWrong ? 1 : Number(number), isTurn: false, mark, isWrong };
  }

  /** @param {any[]} pairs @param {number} at */
  static weight(pairs, at) {
    return pairs.reduce((product, pair) => (pair.from <= at && at < pair.to ? product * pair.weight : product), 1);
  }

  /** @param {any[]} pairs @param {number} at */
  static turns(pairs, at) {
    return pairs.some((pair) => pair.isTurn && pair.from <= at && at < pair.to);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (!(event.ctrlKey || event.metaKey) || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    this.weigh(event.key === "ArrowUp" ? KbPrompt.STEP : -KbPrompt.STEP);
  }

  /** Put the chosen words into `(words:weight)`, or change the weight that they have. @param {number} by */
  weigh(by) {
    const { value } = this.field;
    let [from, to] = [this.field.selectionStart, this.field.selectionEnd];
    if (from === to) {
      while (from > 0 && /[^\s,()[\]|:<>]/.test(value[from - 1])) from -= 1;
      while (to < value.length && /[^\s,()[\]|:<>]/.test(value[to])) to += 1;
    }
    while (to > from && value[to - 1] === " ") to -= 1;
    if (from === to) return;
    const before = value.slice(0, from), after = value.slice(to);
    const given = before.endsWith("(") ? after.match(/^:\s*([\d.]+)\)/) : null;
    const weight = Math.round((Number(given?.[1] ?? 1) + by) * 100) / 100;
    if (weight < 0) return;
    const [head, tail] = given ? [before.slice(0, -1), after.slice(given[0].length)] : [before, after];
    const words = value.slice(from, to);
    const put = weight === 1 ? words : `(${words}:${weight})`;
    this.field.setRangeText(put, head.length, value.length - tail.length, "preserve");
    const start = head.length + (weight === 1 ? 0 : 1);
    this.field.setSelectionRange(start, start + words.length);
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** Put words at the end, after a comma. @param {string} words */
  add(words) {
    const text = this.field.value.trimEnd();
    const glue = !text ? "" : /[,(\[]$/.test(text) ? " " : " ";
    this.field.value = `${text}${glue}${words}`;
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
    this.field.focus();
  }
}
customElements.define("kb-prompt", KbPrompt);
