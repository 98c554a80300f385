// The numbers of the page: decoding, smoothing and sampling.
"use strict";

const page = JSON.parse(document.getElementById("data").textContent);

function bytes(text) {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) out[i] = raw.charCodeAt(i);
  return out;
}

// Little-endian on every machine.
function floats(text) {
  const view = new DataView(bytes(text).buffer);
  const out = new Float32Array(view.byteLength / 4);
  for (let i = 0; i < out.length; i += 1) out[i] = view.getFloat32(4 * i, true);
  return out;
}

function levels(film) {
  const raw = bytes(film.levels);
  if (film.bits === 8) return Float32Array.from(raw, (level) => level / 255);
  const out = new Float32Array(raw.length / 2);
  for (let i = 0; i < out.length; i += 1) out[i] = (raw[2 * i] + 256 * raw[2 * i + 1]) / 65535;
  return out;
}

const size = page.geometry.size;
const film = { width: page.film.width, height: page.film.height, grey: levels(page.film) };
const maps = page.maps.map((map) => {
  const values = floats(map.values);
  let towards = 0, against = 0;
  for (const value of values) {
    if (value > 0) towards += value; else if (value < 0) against += value;
  }
  return Object.assign({}, map, { values, towards, against });
});
const methods = [...new Set(maps.map((map) => map.method))];
const questions = [...new Set(maps.map((map) => map.question))];

// A Gaussian along both axes; at the border, the weights inside are scaled to sum to one.
function smoothed(values, deviation) {
  if (!(deviation > 0)) return values;
  const reach = Math.min(size, Math.ceil(3 * deviation));
  const weights = Array.from({ length: reach + 1 }, (_, at) => Math.exp(-0.5 * (at / deviation) ** 2));
  const pass = (from, step, other) => {
    const out = new Float32Array(from.length);
    for (let line = 0; line < size; line += 1) {
      for (let at = 0; at < size; at += 1) {
        let sum = 0, total = 0;
        for (let near = Math.max(0, at - reach); near <= Math.min(size - 1, at + reach); near += 1) {
          const weight = weights[Math.abs(near - at)];
          sum += weight * from[line * other + near * step];
          total += weight;
        }
        out[line * other + at * step] = sum / total;
      }
    }
    return out;
  };
  return pass(pass(values, 1, size), size, 1);
}

// A map's values as shown, and the magnitude below which the page's share of them lies.
const treatments = new Map();
function treatment(map, deviation) {
  const key = `${maps.indexOf(map)}|${deviation}`;
  if (!treatments.has(key)) {
    if (treatments.size > 60) treatments.clear();
    const values = smoothed(map.values, deviation);
    const sorted = values.map(Math.abs).sort();
    const limit = deviation > 0 ? sorted[Math.round(page.share * (sorted.length - 1))] : map.limit;
    const greatest = sorted[sorted.length - 1];
    treatments.set(key, { values, greatest, limit: limit || greatest || 1 });
  }
  return treatments.get(key);
}
const treated = (map, deviation) => treatment(map, deviation).values;
const ownLimit = (map, deviation) => treatment(map, deviation).limit;

// Bilinear between pixel centres; the outermost values extend to the border.
function between(values, width, height, x, y) {
  x = Math.min(Math.max(x, 0), width - 1);
  y = Math.min(Math.max(y, 0), height - 1);
  const left = Math.floor(x), top = Math.floor(y);
  const right = Math.min(left + 1, width - 1), bottom = Math.min(top + 1, height - 1);
  const across = x - left, down = y - top;
  const above = values[top * width + left] * (1 - across) + values[top * width + right] * across;
  const below = values[bottom * width + left] * (1 - across) + values[bottom * width + right] * across;
  return above * (1 - down) + below * down;
}

// The size of the film on a picture: at least that of a sheet.
const scale = Math.max(1, 832 / Math.max(film.width, film.height));
const shown = { width: Math.round(film.width * scale), height: Math.round(film.height * scale) };

const toMap = (x, y) => [
  (x - page.geometry.origin[0]) / page.geometry.scale[0],
  (y - page.geometry.origin[1]) / page.geometry.scale[1],
];
const toFilm = (x, y) => [
  page.geometry.origin[0] + page.geometry.scale[0] * x,
  page.geometry.origin[1] + page.geometry.scale[1] * y,
];
const filmOfShown = (x, y) => [
  x * page.film.film_width / shown.width,
  y * page.film.film_height / shown.height,
];
const shownOfFilm = (x, y) => [
  x * shown.width / page.film.film_width,
  y * shown.height / page.film.film_height,
];

const ground = new Float32Array(shown.width * shown.height);
for (let y = 0; y < shown.height; y += 1) {
  for (let x = 0; x < shown.width; x += 1) {
    ground[y * shown.width + x] = between(
      film.grey, film.width, film.height,
      (x + 0.5) * film.width / shown.width - 0.5, (y + 0.5) * film.height / shown.height - 0.5,
    );
  }
}

// A map's value at each visible pixel; NaN outside the network's input.
const kept = new Map();
function field(map, deviation, squares) {
  const key = `${maps.indexOf(map)}|${deviation}|${squares}`;
  const found = kept.get(key);
  if (found) return found;
  if (kept.size > 24) kept.clear();
  const values = treated(map, deviation);
  const out = new Float32Array(shown.width * shown.height).fill(NaN);
  for (let y = 0; y < shown.height; y += 1) {
    for (let x = 0; x < shown.width; x += 1) {
      const [column, row] = toMap(...filmOfShown(x + 0.5, y + 0.5));
      if (column < 0 || row < 0 || column >= size || row >= size) continue;
      out[y * shown.width + x] = squares
        ? values[Math.floor(row) * size + Math.floor(column)]
        : between(values, size, size, column - 0.5, row - 0.5);
    }
  }
  kept.set(key, out);
  return out;
}

function number(value, digits) {
  const magnitude = Math.abs(value);
  if (magnitude === 0) return "0";
  const text = magnitude >= 0.001 && magnitude < 10000 ? magnitude.toPrecision(digits) : magnitude.toExponential(digits - 1);
  return (value < 0 ? "\u2212" : "+") + text;
}
