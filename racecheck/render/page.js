"use strict";
// Everything from the model is text: it is set with textContent and never read as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
let here = data.traces.length ? data.traces[0].states[0] : 0;
let trace = 0, step = 0, past = [];

function element(tag, text, look) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (look) made.className = look;
  return made;
}

function row(cells, look) {
  const made = document.createElement("tr");
  cells.forEach((cell) => made.append(cell instanceof Node ? cell : element("td", cell, look)));
  return made;
}

// The state: its values, where the processes stand, the truth of each property, and the moves.

function show(number, before) {
  if (number < 0) return;
  const old = before === undefined ? null : data.states[before].values;
  here = number;
  const state = data.states[number];
  by("name").textContent = "state " + number + (state.marks.length ? ": " + state.marks.join(", ") : "");
  by("values").replaceChildren(...data.words.map((word, i) => {
    const changed = old && old[i] !== state.values[i];
    return row([word, state.values[i] + (changed ? "  (was " + old[i] + ")" : "")], changed ? "changed" : "");
  }));
  by("places").replaceChildren(...state.places.map((place) => row(place)));
  by("truths").replaceChildren(...state.truths.map(([name, says, good]) =>
    row([name, element("td", says, good ? "good" : "bad")])));
  by("moves").replaceChildren(...state.moves.map((move) => {
    const item = document.createElement("li"), button = element("button", move.text);
    button.disabled = move.target < 0;
    if (move.target < 0) button.title = "leads to a state that is not in this page";
    button.addEventListener("click", () => go(move.target));
    item.append(button);
    return item;
  }));
  by("nomoves").hidden = state.moves.length > 0;
  by("back").disabled = past.length === 0;
  all(".node").forEach((node) => node.classList.toggle("here", +node.dataset.node === state.node));
  reveal();
  mark();
}

function go(number) {
  const before = here;
  past.push(here);
  show(number, before);
}

by("back").addEventListener("click", () => past.length && show(past.pop()));

// The trace: a slider, the arrow keys, and a click on a step.

function at(wanted) {
  if (!data.traces.length) return;
  const states = data.traces[trace].states;
  step = Math.max(0, Math.min(states.length - 1, wanted));
  past = [];
  show(states[step], step ? states[step - 1] : undefined);
  const now = document.querySelector(".chart:not([hidden]) .now");
  if (now) now.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function mark() {
  if (!data.traces.length) return;
  const states = data.traces[trace].states;
  const along = states[step] === here;
  by("slider").max = states.length - 1;
  by("slider").value = step;
  by("at").textContent = "after step " + step + " of " + (states.length - 1) + (along ? "" : " (left the trace)");
  all(".chart:not([hidden]) .step").forEach((box) => {
    box.classList.toggle("now", +box.dataset.step === step);
    box.classList.toggle("later", +box.dataset.step > step);
  });
}

function choose(number) {
  trace = number;
  all(".chart").forEach((chart, i) => { chart.hidden = i !== number; });
  at(0);
}

if (data.traces.length) {
  by("slider").addEventListener("input", () => at(+by("slider").value));
  by("trace").addEventListener("change", () => choose(+by("trace").value));
  all(".step").forEach((box) => box.addEventListener("click", () => at(+box.dataset.step)));
  [["first", () => 0], ["previous", () => step - 1], ["next", () => step + 1], ["last", () => Infinity]]
    .forEach(([id, where]) => by(id).addEventListener("click", () => at(where())));
}

document.addEventListener("keydown", (event) => {
  if (["INPUT", "SELECT"].includes(event.target.tagName)) return;
  const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  if (event.key in moves && data.traces.length) {
    event.preventDefault();
    at(step + moves[event.key]);
  }
});

// The graph: wheel and buttons zoom, dragging pans, the search dims what does not match.

const svg = document.querySelector("#graph svg");
let box = null, drag = null;

function frame(x, y, width, height) {
  box = { x, y, width, height };
  svg.setAttribute("viewBox", [x, y, width, height].join(" "));
}

function fit() {
  frame(0, 0, +svg.getAttribute("width"), +svg.getAttribute("height"));
}

// The state that is shown, in the middle, if it is not in sight; at the size at which text can be read.
function reveal() {
  const node = svg && document.querySelector("#graph .node.here");
  if (!node) return;
  const own = node.getBoundingClientRect(), view = svg.getBoundingClientRect();
  const seen = own.left >= view.left && own.right <= view.right && own.top >= view.top && own.bottom <= view.bottom;
  if (seen && own.height > 20) return;
  const inner = node.querySelector("rect").getBoundingClientRect();
  const middle = new DOMPoint(inner.x + inner.width / 2, inner.y + inner.height / 2)
    .matrixTransform(svg.getScreenCTM().inverse());
  const { width, height } = view;
  frame(middle.x - width / 2, middle.y - height / 2, width, height);
}

function zoom(factor, x, y) {
  const px = x === undefined ? box.x + box.width / 2 : x, py = y === undefined ? box.y + box.height / 2 : y;
  frame(px - (px - box.x) * factor, py - (py - box.y) * factor, box.width * factor, box.height * factor);
}

function point(event) {
  const matrix = svg.getScreenCTM().inverse();
  return new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
}

if (svg) {
  fit();
  by("in").addEventListener("click", () => zoom(0.75));
  by("out").addEventListener("click", () => zoom(1 / 0.75));
  by("fit").addEventListener("click", fit);
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = point(event);
    zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, x, y);
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => { drag = point(event); });
  window.addEventListener("pointerup", () => { drag = null; });
  svg.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const now = point(event);
    frame(box.x - now.x + drag.x, box.y - now.y + drag.y, box.width, box.height);
  });
  all("#graph .node").forEach((node) => node.addEventListener("click", () => {
    const first = data.states.findIndex((state) => state.node === +node.dataset.node);
    if (first >= 0) go(first);
  }));
}

function matches() {
  const words = by("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length ? data.states.map((state, i) => [state, i]).filter(([state]) =>
    words.every((word) => state.text.includes(word))).map(([, i]) => i) : null;
}

function search() {
  const found = matches();
  const nodes = found && new Set(found.map((i) => data.states[i].node));
  all("#graph .node").forEach((node) => node.classList.toggle("dim", !!nodes && !nodes.has(+node.dataset.node)));
  by("found").textContent = found ? found.length + " of " + data.states.length + " states" : "";
}

by("search").addEventListener("input", search);
by("search").addEventListener("keydown", (event) => {
  const found = event.key === "Enter" && matches();
  if (found && found.length) go(found.find((i) => i > here) ?? found[0]);
});

if (data.traces.length) choose(0); else show(here);
