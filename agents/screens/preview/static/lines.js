// Time series, drawn by uPlot: lines, steps, bars or points, bands between two lines, annotations as upright lines.

import { display, lineColour, overTime } from "./fields.js";
import { clock, inUnit } from "./units.js";

const INK = "#C7CAD1", GRID = "#2C3038", NOTE = "#E8EAED", GROUND = "#15171C";
const LINE_PX = 32, LEGEND_PX = 30, NOTE_LETTERS = 36;
// Steps of the time axis in seconds, how their marks read, and what is added where the day changes.
const TIMES = [
  [86400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1],
  [60, "{HH}:{mm}", null, null, "\n{YYYY}-{MM}-{DD}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", null, null, "\n{YYYY}-{MM}-{DD}", null, null, null, 1],
];

export function lines(body, panel, answer, context) {
  const { times, series } = overTime(answer, panel);
  const data = [times.map((ms) => ms / 1000), ...series.map(({ values }) => values)];
  const known = body.chart;
  const shape = JSON.stringify([series.map(({ name }) => name), panel.id, context.least]);
  if (known && known.shape === shape && body.contains(known.plot.root)) {
    known.context = context;
    known.plot.setData(data, false);
    known.plot.setScale("x", { min: context.range.start_s, max: context.range.end_s });
    known.plot.setSize(size(body, panel));
    return;
  }
  known?.plot.destroy();
  body.replaceChildren();
  body.chart = { shape, context };
  body.chart.plot = new uPlot(options(body, panel, series), data, body);
}

const hasLegend = (panel) => panel.options?.legend?.showLegend !== false && panel.options?.legend?.displayMode !== "hidden";

function size(body, panel) {
  return { width: body.clientWidth, height: Math.max(80, body.clientHeight - (hasLegend(panel) ? LEGEND_PX : 0)) };
}

function options(body, panel, series) {
  const { unit, decimals, min, max } = panel.fieldConfig?.defaults ?? {};
  const range = () => [body.chart.context.range.start_s, body.chart.context.range.end_s];
  return {
    ...size(body, panel),
    scales: { x: { time: true, range }, y: { range: (_plot, low, high) => upright(low, high, min, max) } },
    axes: [
      { stroke: INK, grid: { stroke: GRID, width: 1 }, ticks: { stroke: GRID }, size: LINE_PX + 12, space: 90, values: TIMES },
      { stroke: INK, grid: { stroke: GRID, width: 1 }, ticks: { stroke: GRID }, size: 64,
        values: (_plot, splits) => splits.map((value) => inUnit(value, unit, decimals)) },
    ],
    cursor: { points: { size: 6 } },
    legend: { show: hasLegend(panel), live: true },
    series: [{ label: "Time", value: (_plot, at) => (at === null ? "" : clock(at * 1000, true)) }, ...series.map(line)],
    bands: bands(series),
    hooks: { drawClear: [(plot) => notes(plot, body.chart.context)] },
  };
}

function upright(low, high, min, max) {
  if (low === null || low === undefined) return [min ?? 0, max ?? 1];
  const room = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [min ?? low - room, max ?? high + room];
}

function line({ name, one }, index) {
  const { drawStyle = "line", lineWidth = 1, lineStyle, lineInterpolation, showPoints = "auto", spanNulls } = one.custom;
  const stroke = lineColour(one, index);
  const made = { label: one.config.displayName || name, stroke, width: drawStyle === "points" ? 0 : lineWidth,
    spanGaps: spanNulls === true, points: points(drawStyle, showPoints),
    value: (_plot, value) => (value === null || value === undefined ? "" : display(value, one).text) };
  if (lineStyle?.fill === "dash") made.dash = lineStyle.dash ?? [10, 10];
  if (drawStyle === "bars") Object.assign(made, { paths: uPlot.paths.bars({ size: [0.8, 40] }), fill: stroke });
  if (lineInterpolation === "stepAfter") made.paths = uPlot.paths.stepped({ align: 1 });
  if (lineInterpolation === "stepBefore") made.paths = uPlot.paths.stepped({ align: -1 });
  return made;
}

function points(style, wish) {
  if (style === "points") return { show: true, size: 6 };
  return wish === "never" ? { show: false } : wish === "always" ? { show: true } : {};
}

function bands(series) {
  const place = new Map(series.map(({ name }, index) => [name, index + 1]));
  return series.flatMap(({ one, name }, index) => (place.has(one.custom.fillBelowTo)
    ? [{ series: [place.get(name), place.get(one.custom.fillBelowTo)], fill: `${lineColour(one, index)}40` }] : []));
}

// All lines first: a word that stands over one is read better than one that is struck through.
function notes(plot, context) {
  const { ctx, bbox } = plot, right = bbox.left + bbox.width;
  const seen = [...context.notes].sort((a, b) => a.at - b.at)
    .map(({ at, text }) => ({ x: plot.valToPos(at / 1000, "x", true), text }))
    .filter(({ x }) => x >= bbox.left && x <= right);
  ctx.save();
  ctx.strokeStyle = NOTE;
  ctx.font = `${12 * devicePixelRatio}px sans-serif`;
  ctx.setLineDash([4, 4]);
  for (const { x } of seen) {
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  let free = bbox.left;
  for (const { x, text } of seen) free = words(ctx, text, x, bbox.top, right, free);
  ctx.restore();
}

// Write beside a line, if what stands left of it leaves room; return up to where there are words.
function words(ctx, text, x, top, right, free) {
  const shown = text.length > NOTE_LETTERS ? `${text.slice(0, NOTE_LETTERS - 1)}…` : text;
  const { width } = ctx.measureText(shown);
  const begin = x + width + 4 > right ? x - width - 4 : x + 4;
  if (begin < free) return free; // too close to the one before; its line is enough
  const line = 16 * devicePixelRatio;
  ctx.fillStyle = GROUND;
  ctx.fillRect(begin - 1, top, width + 2, line);
  ctx.fillStyle = NOTE;
  ctx.fillText(shown, begin, top + 12 * devicePixelRatio);
  return Math.max(x, begin + width) + 8;
}
