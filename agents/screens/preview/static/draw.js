// One function per panel type: (body, panel, answer, context). Each throws what it cannot draw; the tile then says so.

import { display, fields, ink, overTime, reduced } from "./fields.js";
import { fit } from "./fit.js";
import { lines } from "./lines.js";
import { linked, worded } from "./links.js";
import { settle } from "./settle.js";
import { clock } from "./units.js";

export function element(name, className = "", text = undefined) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function stat(body, panel, answer, context) {
  const { textMode = "auto", colorMode = "value", orientation = "auto", text: sizes = {} } = panel.options ?? {};
  const shown = reduced(answer, panel);
  if (!shown.length || !answer.rows.length) return empty(body, panel);
  const isNamed = textMode === "value_and_name" || textMode === "name" || (textMode === "auto" && shown.length > 1);
  const box = element("div", "figures");
  box.style.gridTemplateColumns = `repeat(${across(orientation, shown.length, body)}, minmax(0, 1fr))`;
  for (const { name, value, one } of shown) {
    const { text, colour } = display(value, one, context.now);
    const item = element("div", "figure");
    if (isNamed) item.append(sized(element("div", "name", name), sizes.titleSize, context));
    if (textMode !== "name") item.append(figure(text, colour, colorMode, item, linkOf(one, answer, context, value)));
    box.append(item);
  }
  settle(body, box);
  const values = [...body.querySelectorAll(".value")];
  fit(values, context.least, sizes.valueSize ? sizes.valueSize * context.scale : Infinity);
  return undefined;
}

// How many tiles stand side by side; Grafana's "vertical" means upright tiles. "auto" makes them about twice as wide as high.
function across(orientation, count, body) {
  if (orientation !== "auto") return orientation === "vertical" ? count : 1;
  const wanted = Math.sqrt((count * body.clientWidth) / (2 * Math.max(1, body.clientHeight)));
  return Math.max(1, Math.min(count, Math.round(wanted)));
}

// Sizes are meant for a screen of 1080 lines; on a wall with more they grow along.
function sized(part, px, context) {
  if (px) part.style.fontSize = `${px * context.scale}px`;
  return part;
}

const linkOf = (one, answer, context, value) => (content) => {
  const row = Object.fromEntries(answer.columns.map((column, index) => [column.name, answer.rows[0]?.[index]]));
  return linked(content, one.config.links?.[0], context, row, value);
};

function figure(text, colour, mode, item, link) {
  const value = element("div", "value");
  value.append(link(text));
  if (mode.startsWith("background")) { item.style.background = colour; item.style.color = ink(colour); }
  else if (mode === "value") value.style.color = colour;
  return value;
}

function empty(body, panel) {
  const wished = panel.fieldConfig?.defaults?.noValue ?? ""; // a dash for an empty cell says too little of a whole tile
  const box = element("p", "none", wished.length > 1 ? wished : "no data");
  settle(body, box);
}

function table(body, panel, answer, context) {
  if (!answer.rows.length) return empty(body, panel);
  const shown = fields(answer, panel).filter((one) => !one.custom.hidden && !one.custom.hideFrom?.viz);
  const made = element("table");
  if (panel.options?.showHeader !== false) made.createTHead().append(headings(shown));
  const rows = made.createTBody();
  const keys = keyed(answer.rows);
  answer.rows.forEach((row, place) => {
    const line = tableRow(row, shown, answer, context);
    line.dataset.key = keys[place];
    rows.append(line);
  });
  settle(body, made, ...(answer.cut ? [element("p", "none", `${answer.cut} more rows are not shown`)] : []));
  return undefined;
}

// What tells rows apart: their first value, and how often it came before.
function keyed(rows) {
  const seen = new Map();
  return rows.map(([first]) => {
    const count = (seen.get(first) ?? 0) + 1;
    seen.set(first, count);
    return `${first} ${count}`;
  });
}

const isFigure = (one) => one.kind === "number" && !one.config.mappings?.length;

function headings(shown) {
  const line = element("tr");
  for (const one of shown) {
    const cell = element("th", isFigure(one) ? "number" : "", one.title);
    if (one.custom.width) cell.style.width = `${one.custom.width}px`;
    line.append(cell);
  }
  return line;
}

function tableRow(row, shown, answer, context) {
  const line = element("tr");
  const byName = Object.fromEntries(answer.columns.map((column, index) => [column.name, row[index]]));
  for (const one of shown) {
    const value = row[one.index];
    const { text, colour } = display(value, one, context.now);
    const cell = element("td", isFigure(one) ? "number" : "");
    const kind = one.custom.cellOptions?.type ?? "auto";
    if (kind === "color-text") cell.style.color = colour;
    if (kind === "color-background") { cell.style.background = colour; cell.style.color = ink(colour); }
    cell.append(linked(text, one.config.links?.[0], context, byName, value));
    line.append(cell);
  }
  return line;
}

function bargauge(body, panel, answer, context) {
  const shown = reduced(answer, panel);
  if (!shown.length) return empty(body, panel);
  const numbers = shown.map(({ value }) => value).filter((value) => typeof value === "number");
  const box = element("div", "bars");
  for (const { name, value, one } of shown) {
    const low = one.config.min ?? Math.min(0, ...numbers), high = one.config.max ?? Math.max(...numbers, low + 1e-9);
    const { text, colour } = display(value, one, context.now);
    const bar = element("div", "bar"), filled = element("div", "filled");
    filled.style.width = `${value === null ? 0 : 100 * Math.min(1, Math.max(0, (value - low) / (high - low)))}%`;
    filled.style.background = colour;
    bar.append(filled);
    const words = element("span", "amount", text);
    words.style.color = colour;
    box.append(element("span", "name", name), bar, words);
  }
  settle(body, box);
  return undefined;
}

function stateTimeline(body, panel, answer, context) {
  const { times, series } = overTime(answer, panel);
  if (!times.length) return empty(body, panel);
  const box = element("div", "states");
  for (const { name, values, one } of series) {
    const lane = element("div", "lane");
    for (const block of blocks(times, values, one, context)) lane.append(block);
    box.append(element("span", "name", name), lane);
  }
  settle(body, box, ...(context.isWall ? [] : [axis(context)]));
  for (const block of body.querySelectorAll(".block")) {
    if (block.scrollWidth > block.clientWidth) block.textContent = "";
  }
  return undefined;
}

function* blocks(times, values, one, context) {
  const { start_s: start, end_s: end } = context.range;
  const at = (ms) => (100 * (ms / 1000 - start)) / (end - start);
  const known = values.map((value, index) => [times[index], value]).filter(([, value]) => value !== null || one.custom.spanNulls !== true);
  for (let first = 0, next = 0; first < known.length; first = next) {
    while (next < known.length && known[next][1] === known[first][1]) next += 1;
    if (known[first][1] === null) continue;
    const { text, colour } = display(known[first][1], one, context.now);
    const left = Math.max(0, at(known[first][0])), right = Math.min(100, next < known.length ? at(known[next][0]) : 100);
    if (right <= 0 || left >= 100) continue;
    const block = element("span", "block", text);
    Object.assign(block.style, { left: `${left}%`, width: `${right - left}%`, background: colour, color: ink(colour) });
    block.title = `${text} since ${clock(known[first][0], true)}`;
    yield block;
  }
}

function axis({ range }) {
  const line = element("p", "axis");
  for (const at of [range.start_s, (range.start_s + range.end_s) / 2, range.end_s]) {
    line.append(element("span", "", clock(at * 1000, range.end_s - range.start_s > 86400)));
  }
  return line;
}

// A little of Markdown: headings, lists, bold, code, links. Nothing becomes markup that is not made here.
function text(body, panel, _answer, context) {
  const { mode = "markdown", content = "" } = panel.options ?? {};
  if (mode === "html") throw new Error("HTML is not drawn here");
  const box = element("div", "prose");
  for (const part of worded(content, context.offers).split(/\n{2,}/)) box.append(block(part.trim(), context));
  settle(body, box);
}

function block(part, context) {
  const heading = /^(#{1,4}) (.*)$/.exec(part);
  if (heading) return inline(element(`h${heading[1].length + 1}`), heading[2], context);
  if (!/^[-*] /.test(part)) return inline(element("p"), part, context);
  const list = element("ul");
  for (const item of part.split(/\n?^[-*] /m).filter(Boolean)) list.append(inline(element("li"), item, context));
  return list;
}

function inline(parent, words, context) {
  for (const part of words.split(/(\*\*[^*]+\*\*|`[^`]+`|\[[^\]]+\]\([^)\s]+\))/)) {
    const link = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(part);
    if (link) parent.append(linked(link[1], { url: link[2] }, context));
    else if (part.startsWith("**")) parent.append(element("strong", "", part.slice(2, -2)));
    else if (part.startsWith("`")) parent.append(element("code", "", part.slice(1, -1)));
    else parent.append(part);
  }
  return parent;
}

function timeseries(body, panel, answer, context) {
  if (answer.rows.length) return lines(body, panel, answer, context);
  body.chart?.plot.destroy();
  body.chart = undefined;
  return empty(body, panel);
}

export const DRAWN = { stat, table, bargauge, text, timeseries, "state-timeline": stateTimeline };
