// @ts-check
/**
 * <kb-mask>: paints a mask over a picture: brush, eraser, rectangle, soft edge, invert, undo. [ and ] change the brush,
 * a ring shows its size, and the soft edge is seen while it is set.
 * `open(address, mask)` begins with the picture and perhaps a mask; `blob()` is a PNG of the picture's size, white
 * where it is drawn anew. On the screen the white is shown in the accent's colour over the picture.
 */
class KbMask extends HTMLElement {
  static UNDO = 30;

  connectedCallback() {
    this.canvas = /** @type {HTMLCanvasElement} */ (this.querySelector("canvas"));
    this.under = /** @type {HTMLImageElement} */ (this.querySelector("[data-mask-under]"));
    this.pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { willReadFrequently: true }));
    this.tool = "brush";
    /** @type {ImageData[]} */
    this.past = [];
    this.addEventListener("click", (event) => this.clicked(/** @type {HTMLElement} */ (event.target)));
    this.ring = /** @type {HTMLElement} */ (this.querySelector("[data-ring]"));
    this.addEventListener("keydown", (event) => this.onKey(event));
    this.addEventListener("input", () => this.soften());
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => { this.ring.hidden = true; });
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const type of ["pointerup", "pointercancel"]) this.canvas.addEventListener(type, () => this.end());
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const by = { "[": -5, "]": 5 }[event.key];
    if (by) this.brush.value = String(Number(this.brush.value) + by);
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.undo(); }
  }

  get brush() { return /** @type {HTMLInputElement} */ (this.querySelector("[data-brush]")); }

  /** The ring around what the brush will cover. @param {PointerEvent} event */
  hover(event) {
    this.ring.hidden = this.tool === "box" || event.pointerType === "touch";
    const stage = /** @type {HTMLElement} */ (this.ring.parentElement).getBoundingClientRect();
    const across = this.size() * this.scale();
    Object.assign(this.ring.style, { width: `${across}px`, height: `${across}px`, left: `${event.clientX - stage.left}px`, top: `${event.clientY - stage.top}px` });
  }

  /** Pixels of the screen for one of the picture. */
  scale() {
    const box = this.canvas.getBoundingClientRect();
    return Math.min(box.width / this.canvas.width, box.height / this.canvas.height);
  }

  /** How far the edge is blurred, in pixels of the picture. */
  softness() {
    const soft = Number(/** @type {HTMLInputElement} */ (this.querySelector("[data-feather]")).value);
    return (soft / 100) * 0.1 * Math.min(this.canvas.width, this.canvas.height);
  }

  soften() {
    const soft = this.softness() * this.scale();
    this.canvas.style.filter = soft ? `blur(${soft}px)` : "";
  }

  /** Whether nothing is painted. */
  isEmpty() {
    const { data } = this.pen.getImageData(0, 0, this.canvas.width, this.canvas.height);
    for (let at = 3; at < data.length; at += 4) if (data[at]) return false;
    return true;
  }

  /** @param {string} address @param {string} mask */
  async open(address, mask) {
    this.past = [];
    await KbMask.load(this.under, address);
    this.canvas.width = this.under.naturalWidth;
    this.canvas.height = this.under.naturalHeight;
    /** @type {HTMLElement} */ (this.querySelector(".mask-stage")).style.setProperty("--ratio", String(this.canvas.width / this.canvas.height));
    this.soften();
    if (!mask) return;
    const image = new Image();
    await KbMask.load(image, mask);
    this.pen.drawImage(image, 0, 0, this.canvas.width, this.canvas.height);
    this.colour();
  }

  /** @param {HTMLImageElement} image @param {string} address */
  static load(image, address) {
    return new Promise((resolve, reject) => {
      image.onload = () => resolve(undefined);
      image.onerror = reject;
      image.src = address;
    });
  }

  /** A mask that was white on black becomes our paint on nothing. */
  colour() {
    const data = this.pen.getImageData(0, 0, this.canvas.width, this.canvas.height);
    const [red, green, blue] = KbMask.PAINT;
    for (let at = 0; at < data.data.length; at += 4) data.data.set([red, green, blue, data.data[at]], at);
    this.pen.putImageData(data, 0, 0);
  }
  static PAINT = [70, 110, 230];

  /** @param {PointerEvent} event @returns {[number, number]} */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.scale();
    const left = box.left + (box.width - this.canvas.width * scale) / 2, top = box.top + (box.height - this.canvas.height * scale) / 2;
    return [(event.clientX - left) / scale, (event.clientY - top) / scale];
  }

  size() {
    return Math.max(1, (Number(this.brush.value) / 100) * 0.5 * Math.min(this.canvas.width, this.canvas.height));
  }

  /** @param {PointerEvent} event */
  begin(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.remember();
    this.from = this.at(event);
    this.isDown = true;
    this.move(event);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.isDown) return;
    const [x, y] = this.at(event), [fromX, fromY] = /** @type {[number, number]} */ (this.from);
    const { pen } = this;
    pen.globalCompositeOperation = this.tool === "eraser" ? "destination-out" : "source-over";
    pen.fillStyle = pen.strokeStyle = `rgb(${KbMask.PAINT.join(",")})`;
    if (this.tool === "box") {
      pen.putImageData(/** @type {ImageData} */ (this.past?.at(-1)), 0, 0);
      pen.fillRect(Math.min(x, fromX), Math.min(y, fromY), Math.abs(x - fromX), Math.abs(y - fromY));
      return;
    }
    pen.lineWidth = this.size();
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(fromX, fromY);
    pen.lineTo(x + 0.01, y);
    pen.stroke();
    this.from = [x, y];
  }

  end() {
    this.isDown = false;
  }

  remember() {
    this.past?.push(this.pen.getImageData(0, 0, this.canvas.width, this.canvas.height));
    if (this.past && this.past.length > KbMask.UNDO) this.past.shift();
  }

  undo() {
    const last = this.past?.pop();
    if (last) this.pen.putImageData(last, 0, 0);
  }

  /** @param {HTMLElement} target */
  clicked(target) {
    const button = target.closest("button");
    if (!button) return;
    if (button.dataset.tool) this.choose(button);
    if (button.matches("[data-mask-undo]")) this.undo();
    if (button.matches("[data-mask-empty]")) { this.remember(); this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height); }
    if (button.matches("[data-mask-invert]")) this.invert();
  }

  /** @param {HTMLElement} button */
  choose(button) {
    this.tool = button.dataset.tool;
    this.querySelectorAll("[data-tool]").forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
  }

  invert() {
    this.remember();
    const data = this.pen.getImageData(0, 0, this.canvas.width, this.canvas.height);
    const [red, green, blue] = KbMask.PAINT;
    for (let at = 0; at < data.data.length; at += 4) data.data.set([red, green, blue, 255 - data.data[at + 3]], at);
    this.pen.putImageData(data, 0, 0);
  }

  /** @returns {Promise<Blob>} white on black, its edge as soft as the slider says */
  blob() {
    const made = document.createElement("canvas");
    made.width = this.canvas.width;
    made.height = this.canvas.height;
    const pen = /** @type {CanvasRenderingContext2D} */ (made.getContext("2d"));
    const soft = this.softness();
    pen.fillStyle = "black";
    pen.fillRect(0, 0, made.width, made.height);
    pen.filter = `brightness(0) invert(1)${soft ? ` blur(${soft}px)` : ""}`;
    pen.drawImage(this.canvas, 0, 0);
    return new Promise((resolve, reject) => made.toBlob((blob) => (blob ? resolve(blob) : reject(new Error())), "image/png"));
  }
}
customElements.define("kb-mask", KbMask);
