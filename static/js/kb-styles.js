// @ts-check
/**
 * <kb-styles>: the styles to choose from. What a chosen style fixes (data-settings of its box) is shown in the form as
 * it will be, cannot be changed, and says why; one's own value comes back when the style is left.
 */
class KbStyles extends HTMLElement {
  static WHOLE = ["hires", "loras"]; // settings of several fields

  /** @param {any} form the <kb-order> */
  follow(form) {
    const fixed = this.fixed(), before = this.held ?? {};
    this.held = fixed;
    for (const name of Object.keys(before)) if (!(name in fixed)) this.release(form, name);
    for (const [name, { value }] of Object.entries(fixed)) this.hold(form, name, value);
  }

  /** Why a setting cannot be changed, "" where it can. @param {string} name */
  reason(name) {
    const style = this.held?.[name === "size" ? "width" : name]?.style;
    return style ? (this.dataset.textLocked ?? "").replace("{name}", style) : "";
  }

  /** What is fixed, by setting; where two styles fix the same, the later one counts, as when it is drawn. */
  fixed() {
    /** @type {Record<string, {value: any, style: string}>} */
    const fixed = {};
    for (const each of this.querySelectorAll("input:checked")) {
      const box = /** @type {HTMLInputElement} */ (each);
      for (const [name, value] of Object.entries(JSON.parse(box.dataset.settings || "{}"))) fixed[name] = { value, style: box.value };
    }
    return fixed;
  }

  /** @param {any} form @param {string} name @returns {HTMLElement | null} what is marked as fixed */
  static place(form, name) {
    if (KbStyles.WHOLE.includes(name)) return form.querySelector(`[data-fold="${name}"]`);
    return form.field(name)?.closest(".slide, .field") ?? null;
  }

  /** @param {any} form @param {string} name @param {any} value */
  hold(form, name, value) {
    const place = KbStyles.place(form, name);
    if (!place) return;
    const isWhole = KbStyles.WHOLE.includes(name);
    const field = isWhole ? undefined : form.field(name);
    if (field) {
      field.dataset.own ??= field.value;
      field.value = String(value);
    }
    this.toggle(place, true);
    place.querySelector(".lock-note")?.remove();
    const note = Object.assign(document.createElement("small"), { className: "lock-note" });
    const icon = this.querySelector(".icon")?.cloneNode(true);
    const text = this.reason(name) + (isWhole ? `: ${form.words(value) || "–"}` : "");
    note.append(...(icon ? [icon] : []), text);
    (isWhole ? place.querySelector("summary")?.after(note) : place.append(note));
  }

  /** @param {any} form @param {string} name */
  release(form, name) {
    const place = KbStyles.place(form, name), field = form.field(name);
    if (!place) return;
    if (field?.dataset?.own !== undefined) {
      field.value = field.dataset.own;
      delete field.dataset.own;
    }
    place.querySelector(".lock-note")?.remove();
    this.toggle(place, false);
  }

  /** @param {HTMLElement} place @param {boolean} isFixed */
  toggle(place, isFixed) {
    place.toggleAttribute("data-locked", isFixed);
    const inner = place instanceof HTMLDetailsElement ? [...place.children].filter((each) => !each.matches("summary, .lock-note")) : [];
    for (const each of inner) /** @type {HTMLElement} */ (each).inert = isFixed;
    if (!inner.length) for (const each of place.querySelectorAll("input, select, button")) /** @type {HTMLInputElement} */ (each).disabled = isFixed;
  }
}
customElements.define("kb-styles", KbStyles);
