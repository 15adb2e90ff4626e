
"use strict";
const detail = document.getElementById("detail");
const buttons = [...document.querySelectorAll("button[data-row]")].sort((a, b) => place(a) - place(b));
let chosen = null;

function place(button) {
  const box = button.getBoundingClientRect();
  return box.left * 10000 + box.top;
}

function show(button) {
  const row = document.getElementById(button.dataset.row);
  if (!row) return;
  const copy = document.createElement("div");
  if (row.cells) {
    const title = document.createElement("h3");
    title.textContent = row.cells[2].textContent;
    const when = document.createElement("p");
    when.className = "when";
    when.textContent = "at " + row.cells[0].textContent + ", took " + row.cells[1].textContent;
    copy.append(title, when, ...row.cells[3].cloneNode(true).childNodes);
  } else {
    const said = document.createElement("p");
    said.textContent = row.textContent;
    copy.append(said);
  }
  detail.replaceChildren(copy);
  detail.hidden = false;
  if (chosen) chosen.removeAttribute("aria-current");
  chosen = button;
  button.setAttribute("aria-current", "true");
}

function rove(to) {
  for (const button of buttons) button.tabIndex = button === to ? 0 : -1;
}

for (const button of buttons) {
  button.addEventListener("pointerenter", event => { if (event.pointerType === "mouse") show(button); });
  button.addEventListener("focus", () => { rove(button); show(button); });
  button.addEventListener("click", () => { button.focus(); show(button); });
  button.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = buttons.indexOf(button);
    const to = event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : step ? at + step : -1;
    if (to < 0 || to >= buttons.length) return;
    event.preventDefault();
    buttons[to].focus();
  });
}
if (buttons.length) rove(buttons[0]);
