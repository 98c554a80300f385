// The display options and their controls: form, keys, pointer.

const one = (id) => document.getElementById(id);
const VIEWS = ["overlay", "side", "all", "map", "film"];
// The output of the highest probability first.
const likeliest = maps.reduce((best, map) => ((map.probability ?? -1) > (best.probability ?? -1) ? map : best), maps[0]);
const initial = () => ({
  question: likeliest.question,
  method: likeliest.method,
  view: "side",
  opacity: 85,
  reach: 0,
  shared: false,
  smoothing: 0,
  squares: false,
  level: 0.5,
  window: 1,
  invert: false,
  contours: page.contours_on,
  outlines: page.outlines.map(() => true),
});
let state = initial();

const chosen = () => maps.find((map) => map.question === state.question && map.method === state.method);

// The value of the strongest colour: the map's own, or the largest of its method, adjusted by the user.
function limitOf(map, now) {
  const same = maps.filter((other) => other.method === map.method);
  const own = now.shared ? Math.max(...same.map((other) => ownLimit(other, now.smoothing))) : ownLimit(map, now.smoothing);
  return own * 2 ** now.reach;
}

let panes = [];
function arrange() {
  const map = chosen();
  const wanted = state.view === "side" ? [null, map]
    : state.view === "film" ? [null]
      : state.view === "all" ? maps.filter((other) => other.method === state.method)
        : [map];
  const stage = one("stage");
  stage.className = wanted.length > 1 ? "many" : "one";
  while (panes.length < wanted.length) {
    const figure = one("pane").content.firstElementChild.cloneNode(true);
    stage.append(figure);
    const pane = { figure, canvas: figure.querySelector("canvas"), cross: figure.querySelector(".cross") };
    listen(pane);
    panes.push(pane);
  }
  panes.splice(wanted.length).forEach((pane) => pane.figure.remove());
  panes.forEach((pane, index) => { pane.map = wanted[index]; });
}

let waiting = false;
function update() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    arrange();
    panes.forEach((pane) => paint(pane.canvas, pane.map, state));
    tell();
    account();
    mark();
  });
}

// Shows the state in the controls and stores it in the address.
function tell() {
  for (const name of ["question", "method", "view"]) {
    document.querySelectorAll(`input[name="${name}"]`).forEach((input) => { input.checked = input.value === state[name]; });
  }
  const map = chosen();
  const limit = limitOf(map, state);
  const values = treated(map, state.smoothing);
  const beyond = values.reduce((count, value) => count + (Math.abs(value) > limit ? 1 : 0), 0) / values.length;
  for (const name of ["opacity", "reach", "smoothing"]) one(name).value = state[name];
  one("level").value = Math.round(100 * state.level);
  one("window").value = Math.round(100 * state.window);
  for (const name of ["shared", "squares", "invert", "contours"]) one(name).checked = state[name];
  state.outlines.forEach((on, index) => { one(`outline-${index}`).checked = on; });
  one("opacity-out").textContent = `${state.opacity} %`;
  one("reach-out").textContent = `\u00b1${number(limit, 2).slice(1)} ${map.unit}; ${(100 * beyond).toFixed(1)} % of the pixels are beyond`;
  one("smoothing-out").textContent = state.smoothing > 0 ? `${state.smoothing} map pixels` : "none";
  one("level-out").textContent = `${Math.round(100 * state.level)} %`;
  one("window-out").textContent = `${Math.round(100 * state.window)} %`;
  const begin = initial();
  const words = Object.keys(begin)
    .filter((key) => String(begin[key]) !== String(state[key]))
    .map((key) => `${key}=${encodeURIComponent(Array.isArray(state[key]) ? state[key].map(Number).join("") : String(state[key]))}`);
  try {
    history.replaceState(null, "", words.length > 0 ? `#${words.join("&")}` : location.pathname + location.search);
  } catch {
    // Some browsers do not change the address of a local file; the page works without it.
  }
}

function remember() {
  for (const word of location.hash.slice(1).split("&")) {
    const [key, text] = word.split("=").map((part) => { try { return decodeURIComponent(part ?? ""); } catch { return ""; } });
    if (!(key in state) || text === undefined) continue;
    if (key === "outlines") state.outlines = state.outlines.map((on, index) => (text[index] === undefined ? on : text[index] === "1"));
    else if (typeof state[key] === "boolean") state[key] = text === "true";
    else if (typeof state[key] === "number") { if (Number.isFinite(Number(text)) && text !== "") state[key] = Number(text); }
    else if ({ question: questions, method: methods, view: VIEWS }[key].includes(text)) state[key] = text;
  }
  state.opacity = Math.min(100, Math.max(0, state.opacity));
  state.reach = Math.min(5, Math.max(-5, state.reach));
  state.smoothing = Math.min(12, Math.max(0, state.smoothing));
  state.level = Math.min(1, Math.max(0, state.level));
  state.window = Math.min(1, Math.max(0.02, state.window));
  if (!chosen()) state.method = maps.find((map) => map.question === state.question).method;
}

// The ledger of the visible map.
function account() {
  const map = chosen(), body = one("account");
  one("account-of").textContent = `${map.question}, ${map.method}, from ${map.start}`;
  if (!map.ledger && map.remark) one("account-of").textContent += `: ${map.remark}`;
  const rows = [];
  if (map.ledger) {
    rows.push(["Relevance at the start", map.ledger.start]);
    rows.push(["= pixels of the film", map.ledger.input]);
  } else {
    rows.push(["Sum over the pixels of the film", map.towards + map.against]);
  }
  rows.push(["\u2003of these positive (for)", map.towards], ["\u2003of these negative (against)", map.against]);
  if (map.ledger) {
    rows.push(["+ biases of the network", map.ledger.bias], ["+ stabilisers", map.ledger.epsilon]);
    rows.push(["Rounding error", map.ledger.start - map.ledger.input - map.ledger.bias - map.ledger.epsilon]);
  }
  body.replaceChildren(...rows.map(([name, value]) => row([name, number(value, 4)])));
  const layers = one("layers");
  layers.hidden = !(map.ledger && map.ledger.entries.length > 0);
  if (!layers.hidden && layers.open) {
    one("layer-rows").replaceChildren(...map.ledger.entries.map((entry) => row(
      [entry.layer, ...[entry.received, entry.passed, entry.bias, entry.epsilon].map((value) => number(value, 4))],
    )));
  }
}

function row([name, ...values]) {
  const line = document.createElement("tr"), head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  line.append(head, ...values.map((value) => {
    const cell = document.createElement("td");
    cell.textContent = value;
    return cell;
  }));
  return line;
}

// The point whose values are shown, in map pixels; null for none.
let point = null;
function mark() {
  for (const { canvas, cross } of panes) {
    cross.hidden = point === null;
    if (point === null) continue;
    const [x, y] = shownOfFilm(...toFilm(point[0], point[1]));
    const zoom = canvas.clientWidth / canvas.width;
    cross.style.left = `${canvas.offsetLeft + x * zoom}px`;
    cross.style.top = `${canvas.offsetTop + (y + filmTop.get(canvas)) * zoom}px`;
  }
  if (point === null) {
    one("reading").textContent = "Point at the film, or focus it and use the arrow keys.";
    return;
  }
  const map = chosen();
  const [x, y] = toFilm(point[0], point[1]);
  const column = Math.floor(point[0]), line = Math.floor(point[1]);
  const seen = column >= 0 && line >= 0 && column < size && line < size;
  const inside = x >= 0 && y >= 0 && x < page.film.film_width && y < page.film.film_height;
  const grey = inside ? between(
    film.grey, film.width, film.height,
    x * film.width / page.film.film_width - 0.5, y * film.height / page.film.film_height - 0.5,
  ) : NaN;
  const parts = [];
  parts.push(seen ? `relevance ${number(map.values[line * size + column], 4)} ${map.unit}` : "not seen by the network");
  if (seen && state.smoothing > 0) parts.push(`smoothed ${number(treated(map, state.smoothing)[line * size + column], 4)}`);
  parts.push(inside ? `grey ${(100 * grey).toFixed(1)} % of white` : "outside the film");
  parts.push(`film x ${Math.floor(x)}, y ${Math.floor(y)}`, `map x ${column}, y ${line}`);
  one("reading").textContent = parts.join(" \u00b7 ");
}

function pointed(pane, event) {
  const box = pane.canvas.getBoundingClientRect(), zoom = pane.canvas.width / box.width;
  const x = (event.clientX - box.left) * zoom, y = (event.clientY - box.top) * zoom - filmTop.get(pane.canvas);
  if (x < 0 || y < 0 || x >= shown.width || y >= shown.height) return null;
  return toMap(...filmOfShown(x, y));
}

function listen(pane) {
  let drag = null;
  pane.canvas.addEventListener("pointerdown", (event) => {
    if (!event.shiftKey) return;
    drag = { x: event.clientX, y: event.clientY, level: state.level, window: state.window };
    pane.canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  pane.canvas.addEventListener("pointerup", () => { drag = null; });
  pane.canvas.addEventListener("pointercancel", () => { drag = null; });
  pane.canvas.addEventListener("pointermove", (event) => {
    if (drag) {
      state.window = Math.min(1, Math.max(0.02, drag.window + (event.clientX - drag.x) / 400));
      state.level = Math.min(1, Math.max(0, drag.level + (event.clientY - drag.y) / 400));
      update();
      return;
    }
    point = pointed(pane, event);
    mark();
  });
  pane.canvas.addEventListener("pointerleave", () => { if (document.activeElement !== pane.canvas) { point = null; mark(); } });
  pane.canvas.addEventListener("focus", () => { if (point === null) { point = [size / 2 + 0.5, size / 2 + 0.5]; mark(); } });
  pane.canvas.addEventListener("blur", () => { point = null; mark(); });
  pane.canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1, from = point ?? [size / 2, size / 2];
    point = from.map((at, axis) => Math.min(size - 0.5, Math.max(0.5, Math.floor(at) + 0.5 + far * step[axis])));
    mark();
  });
  pane.figure.querySelector("button").addEventListener("click", () => {
    pane.canvas.toBlob((blob) => {
      if (!blob) return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${[page.title, ...(pane.map ? [pane.map.question, pane.map.method] : ["film"])].join(".").replace(/[^\w.-]+/g, "_")}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  });
}

const next = (list, now) => list[(list.indexOf(now) + 1) % list.length];
const KEYS = {
  m: () => { state.method = next(methods.filter((method) => maps.some((map) => map.method === method && map.question === state.question)), state.method); },
  v: () => { state.view = next(VIEWS, state.view); },
  c: () => { state.contours = !state.contours; },
  l: () => { const on = !state.outlines.some(Boolean); state.outlines = state.outlines.map(() => on); },
  i: () => { state.invert = !state.invert; },
  "+": () => { state.opacity = Math.min(100, state.opacity + 5); },
  "-": () => { state.opacity = Math.max(0, state.opacity - 5); },
  "[": () => { state.reach = Math.max(-5, state.reach - 0.25); },
  "]": () => { state.reach = Math.min(5, state.reach + 0.25); },
  r: () => { state = initial(); },
};

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const place = Number(event.key) - 1;
  if (Number.isInteger(place) && place >= 0 && place < questions.length) choose("question", questions[place]);
  else if (KEYS[event.key]) { KEYS[event.key](); update(); }
  else return;
  event.preventDefault();
});

function choose(name, value) {
  state[name] = value;
  // Not every output has a map by every method.
  if (!chosen()) {
    const other = name === "question" ? "method" : "question";
    state[other] = maps.find((map) => map[name] === value)[other];
  }
  update();
}

for (const name of ["question", "method", "view"]) {
  document.querySelectorAll(`input[name="${name}"]`).forEach((input) => {
    input.addEventListener("change", () => choose(name, input.value));
  });
}
for (const name of ["opacity", "reach", "smoothing"]) {
  one(name).addEventListener("input", () => { state[name] = Number(one(name).value); update(); });
}
for (const name of ["level", "window"]) {
  one(name).addEventListener("input", () => { state[name] = Number(one(name).value) / 100; update(); });
}
for (const name of ["shared", "squares", "invert", "contours"]) {
  one(name).addEventListener("change", () => { state[name] = one(name).checked; update(); });
}
page.outlines.forEach((_, index) => {
  one(`outline-${index}`).addEventListener("change", () => { state.outlines[index] = one(`outline-${index}`).checked; update(); });
});
one("layers").addEventListener("toggle", account);
one("reset").addEventListener("click", () => { state = initial(); update(); });
one("print").addEventListener("click", () => window.print());
addEventListener("resize", mark);
addEventListener("hashchange", () => { remember(); update(); });
remember();
update();
