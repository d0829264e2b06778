/* Small things of the pages of question sets: Enter in a search inside a form, parts that a tick shows, two ticks. */
document.addEventListener("keydown", (event) => {
  const button = event.key === "Enter" && event.target.dataset?.enter;
  if (!button) return;
  event.preventDefault(); // the search of passages, not the form around it
  document.getElementById(button).click();
});

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.dataset?.shows) document.getElementById(box.dataset.shows).hidden = !box.checked;
  if ("submit" in (box.dataset ?? {})) box.form.requestSubmit();
  if (box.name === "run") countTicks(box.form);
  if (box.type === "range") showValue(box);
});

document.addEventListener("input", (event) => {
  if (event.target.type === "range") showValue(event.target);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-clear]");
  if (button) document.getElementById(button.dataset.clear).replaceChildren();
});

/* Two runs can be compared: with two ticks the others are out of reach. */
function countTicks(form) {
  const boxes = [...form.querySelectorAll("input[name='run'][type='checkbox']")];
  const ticked = boxes.filter((box) => box.checked).length;
  for (const box of boxes) box.disabled = ticked === 2 && !box.checked;
  const button = form.querySelector("[data-needs-two]");
  if (button) button.disabled = ticked !== 2;
}

function showValue(range) {
  const shown = range.form?.querySelector(`output[for='${range.id}']`);
  if (shown) shown.textContent = shown.dataset.kind === "score" ? (range.value / 100).toFixed(2) : `${range.value} %`;
}

for (const button of document.querySelectorAll("[data-needs-two]")) countTicks(button.form);
