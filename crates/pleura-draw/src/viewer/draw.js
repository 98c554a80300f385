// A picture: the film, colours, lines and text, in one canvas.

const INK = "#e8e8e6", FAINT = "#a6a9ae", ROOM = "#111214", FRAME = "#54565a";
const FOR = "rgb(255,214,196)", AGAINST = "rgb(196,226,255)";
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

function wrapped(pen, text, width) {
  const lines = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.length - 1;
    if (last >= 0 && pen.measureText(`${lines[last]} ${word}`).width <= width) lines[last] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

const percent = (probability) => `${(100 * probability).toFixed(1)} %`;
const heading = (map) => (map.probability === null ? map.question : `${map.question}: probability ${percent(map.probability)}`);

function block(pen, lines, top, width) {
  let at = top;
  for (const { text, font, line, colour } of lines) {
    pen.font = font;
    pen.fillStyle = colour;
    for (const part of wrapped(pen, text, width)) {
      pen.fillText(part, 2, at + line * 0.76);
      at += line;
    }
  }
  return at;
}

const big = (text) => ({ text, font: `600 21px ${FONT}`, line: 28, colour: INK });
const small = (text, colour = FAINT) => ({ text, font: `15px ${FONT}`, line: 21, colour });

// The row at which the film begins in a canvas.
const filmTop = new WeakMap();

function colours(data, map, state) {
  const out = data.data;
  const low = state.level - state.window / 2;
  const values = map ? field(map, state.smoothing, state.squares) : null;
  const limit = map ? limitOf(map, state) : 1;
  const opacity = state.opacity / 100;
  const white = map ? page.white : 1;
  const scales = page.colours;
  for (let i = 0; i < ground.length; i += 1) {
    let grey = Math.min(1, Math.max(0, (ground[i] - low) / state.window));
    if (state.invert) grey = 1 - grey;
    grey = state.view === "map" && map ? 0.5 * 255 : 255 * white * grey;
    let red = grey, green = grey, blue = grey;
    const value = values ? values[i] : NaN;
    if (value === value) {
      const place = Math.min(255, Math.round(255 * Math.abs(value) / limit));
      const side = value < 0 ? scales.against : scales.towards;
      const cover = opacity * scales.cover[place];
      red += cover * (side[3 * place] - red);
      green += cover * (side[3 * place + 1] - green);
      blue += cover * (side[3 * place + 2] - blue);
    }
    out[4 * i] = red;
    out[4 * i + 1] = green;
    out[4 * i + 2] = blue;
    out[4 * i + 3] = 255;
  }
}

// Closed lines: a dark seam, then the colour.
function strokes(pen, lines, place, colour, dash, width) {
  pen.beginPath();
  for (const line of lines) {
    for (let i = 0; i < line.length; i += 2) {
      const [x, y] = place(line[i], line[i + 1]);
      if (i === 0) pen.moveTo(x, y); else pen.lineTo(x, y);
    }
    pen.closePath();
  }
  pen.lineJoin = "round";
  pen.setLineDash(dash);
  pen.strokeStyle = "rgba(0,0,0,0.6)";
  pen.lineWidth = width + 2.4;
  pen.stroke();
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.stroke();
  pen.setLineDash([]);
}

function overlays(pen, map, state) {
  if (map && state.contours) {
    const grain = page.contours.grain;
    const place = (x, y) => shownOfFilm(...toFilm(x / grain, y / grain));
    for (const line of map.contours) {
      strokes(pen, line.lines, place, line.positive ? FOR : AGAINST, line.positive ? [] : [9, 6], 2);
    }
  }
  page.outlines.forEach((outline, index) => {
    if (!state.outlines[index]) return;
    const place = (x, y) => [x / outline.grain * shown.width / outline.width, y / outline.grain * shown.height / outline.height];
    strokes(pen, outline.lines, place, outline.colour, [], 1.8);
  });
}

// The power of a thousand that makes the limit a number between 0.1 and 100, and its name.
function readable(limit) {
  const thousands = Math.floor((Math.log10(limit) + 1) / 3);
  return [10 ** (3 * thousands), thousands === 0 ? "" : thousands === -1 ? "0.001 " : `1e${3 * thousands} `];
}

function legend(pen, map, state, top, width) {
  const limit = limitOf(map, state), [divisor, factor] = readable(limit);
  const left = Math.min(150, width * 0.18), right = width - left, length = right - left;
  for (let x = 0; x < length; x += 1) {
    const value = 2 * x / (length - 1) - 1;
    const place = Math.round(255 * Math.abs(value));
    const side = value < 0 ? page.colours.against : page.colours.towards;
    const cover = state.opacity / 100 * page.colours.cover[place];
    [30, 128, 230].forEach((level, row) => {
      const mixed = [0, 1, 2].map((channel) => {
        const base = level * page.white;
        return Math.round(base + cover * (side[3 * place + channel] - base));
      });
      pen.fillStyle = `rgb(${mixed})`;
      pen.fillRect(left + x, top + 5 * row, 1, 5);
    });
  }
  pen.strokeStyle = FRAME;
  pen.strokeRect(left - 0.5, top - 0.5, length + 1, 16);
  pen.font = `15px ${FONT}`;
  pen.fillStyle = INK;
  pen.textAlign = "right";
  pen.fillText("evidence against", left - 10, top + 13);
  pen.textAlign = "left";
  pen.fillText("evidence for", right + 10, top + 13);
  pen.textAlign = "center";
  const cut = treatment(map, state.smoothing).greatest > limit;
  for (const tick of [-1, -0.5, 0, 0.5, 1]) {
    const x = left + length * (tick + 1) / 2;
    pen.fillRect(Math.round(x), top + 16, 1, 5);
    const more = cut && Math.abs(tick) === 1 ? (tick > 0 ? " or more" : " or less") : "";
    pen.fillText(number(tick * limit / divisor, 2) + more, x, top + 36);
  }
  pen.fillStyle = FAINT;
  pen.fillText(map.unit || factor ? `unit: ${factor}${map.unit}` : "no unit", (left + right) / 2, top + 56);
  pen.textAlign = "left";
  return top + 66;
}

function marks(pen, map, state, top) {
  const entries = [];
  if (map && state.contours && map.contours.length > 0) {
    const shares = [...new Set(map.contours.map((line) => line.share))].map((share) => `${+(100 * share).toFixed(1)} %`).join(", ");
    entries.push([FOR, [], `${shares} of the evidence for`], [AGAINST, [9, 6], `${shares} of the evidence against`]);
  }
  page.outlines.forEach((outline, index) => {
    if (state.outlines[index]) entries.push([outline.colour, [], outline.label]);
  });
  pen.font = `15px ${FONT}`;
  let x = 2, at = top;
  for (const [colour, dash, words] of entries) {
    const wide = 40 + pen.measureText(words).width + 22;
    if (x > 2 && x + wide > shown.width) { x = 2; at += 21; }
    pen.strokeStyle = colour;
    pen.lineWidth = 2.4;
    pen.setLineDash(dash);
    pen.beginPath();
    pen.moveTo(x, at + 11);
    pen.lineTo(x + 30, at + 11);
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = INK;
    pen.fillText(words, x + 38, at + 16);
    x += wide;
  }
  return entries.length > 0 ? at + 27 : at;
}

function said(state) {
  const parts = [state.smoothing > 0 ? `Smoothed: Gaussian of ${state.smoothing} map pixels` : "Not smoothed"];
  parts.push(state.squares ? "map pixels as squares" : "drawn bilinearly");
  if (state.contours) parts.push(page.contours.smoothing > 0 ? `lines after a Gaussian of ${page.contours.smoothing} map pixels` : "lines without smoothing");
  return `${parts.join("; ")}.`;
}

// Draws one picture; `map` is null for the film alone.
function paint(canvas, map, state) {
  const pen = canvas.getContext("2d");
  const head = map
    ? [big(page.title), big(heading(map)), small(`${map.method}, from ${map.start}`)]
    : [big(page.title), big("the film"), small(page.film.source)];
  const windowed = state.level === 0.5 && state.window === 1 && !state.invert
    ? "" : ` Window ${Math.round(100 * state.window)} %, level ${Math.round(100 * state.level)} %${state.invert ? ", inverted" : ""}.`;
  // A ledger has its own table; without one, the sum of the map stands below the picture.
  const remark = map && !map.ledger && map.remark ? [small(map.remark)] : [];
  const foot = [...remark, small((map ? said(state) : "") + windowed), ...page.notes.map((note) => small(note)), small(page.notice, INK)];
  const width = shown.width;
  const top = Math.max(28 * 2 + 21, block(pen, head, 0, width - 4)) + 6;
  const below = (begin) => {
    let at = begin + 10;
    if (map) at = legend(pen, map, state, at, width);
    at = marks(pen, map, state, at);
    return block(pen, foot, at, width - 4) + 8;
  };
  // Drawn once to measure the height, since setting the height clears the canvas.
  canvas.width = width;
  canvas.height = Math.ceil(below(top + shown.height));
  pen.fillStyle = ROOM;
  pen.fillRect(0, 0, width, canvas.height);
  block(pen, head, 0, width - 4);
  const data = pen.createImageData(shown.width, shown.height);
  colours(data, map, state);
  pen.putImageData(data, 0, top);
  pen.save();
  pen.beginPath();
  pen.rect(0, top, shown.width, shown.height);
  pen.clip();
  pen.translate(0, top);
  overlays(pen, map, state);
  pen.restore();
  below(top + shown.height);
  filmTop.set(canvas, top);
  canvas.setAttribute("aria-label", map
    ? `Heatmap over the film ${page.title}. ${heading(map)}. ${map.method}. Sum of positive pixels ${number(map.towards, 3)}, of negative pixels ${number(map.against, 3)}. ${page.notice}`
    : `The film ${page.title}. ${page.notice}`);
}
