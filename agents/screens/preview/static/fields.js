// A panel's field configuration: which name, word and colour a value gets. Follows Grafana's rules for the dashboards'
// JSON: defaults, then overrides in order; mappings before thresholds.

import { clock, inUnit } from "./units.js";

export const QUIET = "#8E8E8E";
const PLAIN = "#E8EAED";
const NAMED = { green: "#73BF69", red: "#F2495C", orange: "#FF9830", blue: "#5794F2", yellow: "#FADE2A",
  purple: "#B877D9", grey: QUIET, gray: QUIET, text: PLAIN, transparent: "transparent" };
// Okabe and Ito's, for lines without a colour of their own.
const PALETTE = ["#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#F0E442"];

const isColour = (text) => /^#[0-9a-f]{3,8}$/i.test(text ?? "");
const colour = (text) => (isColour(text) ? text : NAMED[text] ?? NAMED[(text ?? "").replace(/^(semi|super|light|dark)-*(light-|dark-)?/, "")] ?? PLAIN);

function matches(matcher, column) {
  if (matcher.id === "byName") return matcher.options === column.name;
  if (matcher.id === "byNames") return (matcher.options.names ?? []).includes(column.name);
  if (matcher.id === "byRegexp") return pattern(matcher.options).test(column.name);
  if (matcher.id === "byType") return matcher.options === (column.kind === "text" ? "string" : column.kind);
  return false;
}

export function pattern(text) {
  const framed = /^\/(.*)\/([a-z]*)$/s.exec(text);
  return framed ? new RegExp(framed[1], framed[2].replace("g", "")) : new RegExp(`^${text}$`);
}

// A column of an answer with its configuration: {name, kind, config, custom, title}.
export function field(column, index, panel) {
  const config = { ...(panel.fieldConfig?.defaults ?? {}) };
  config.custom = { ...(config.custom ?? {}) };
  for (const override of panel.fieldConfig?.overrides ?? []) {
    if (!matches(override.matcher, column)) continue;
    for (const { id, value } of override.properties) {
      if (id.startsWith("custom.")) config.custom[id.slice(7)] = value;
      else config[id] = value;
    }
  }
  return { ...column, index, config, custom: config.custom, title: config.displayName || column.name };
}

export const fields = (answer, panel) => answer.columns.map((column, index) => field(column, index, panel));

function mapped(value, mappings) {
  for (const mapping of mappings ?? []) {
    const found = MAPPINGS[mapping.type]?.(value, mapping.options);
    if (found) return found;
  }
  return undefined;
}

const MAPPINGS = {
  value: (value, options) => (value === null ? undefined : options[String(value)]),
  range: (value, { from, to, result }) =>
    typeof value === "number" && value >= (from ?? -Infinity) && value <= (to ?? Infinity) ? result : undefined,
  regex: (value, options) => (typeof value === "string" && pattern(options.pattern).test(value) ? options.result : undefined),
  special: (value, { match, result }) => (SPECIAL[match]?.(value) ? result : undefined),
};
const SPECIAL = {
  null: (value) => value === null, "null+nan": (value) => value === null, empty: (value) => value === "",
  true: (value) => value === "true", false: (value) => value === "false",
};

function step(value, thresholds) {
  const steps = thresholds?.steps ?? [];
  return [...steps].reverse().find((one) => one.value === null || (typeof value === "number" && value >= one.value));
}

function base(value, config, index) {
  const mode = config.color?.mode ?? "thresholds";
  if (mode === "fixed") return colour(config.color.fixedColor);
  if (mode === "thresholds") return config.thresholds ? colour(step(value, config.thresholds)?.color) : PLAIN;
  return PALETTE[index % PALETTE.length];
}

export const lineColour = (one, index) =>
  one.config.color?.mode === "fixed" ? colour(one.config.color.fixedColor) : PALETTE[index % PALETTE.length];

// {text, colour} of one value.
export function display(value, one, now = Date.now()) {
  const { config } = one;
  const word = mapped(value, config.mappings);
  const shade = word?.color ? colour(word.color) : base(value, config, one.index);
  if (word?.text) return { text: word.text, colour: shade };
  if (value === null) return { text: config.noValue ?? "–", colour: QUIET };
  if (typeof value === "string") return { text: value, colour: shade };
  if (one.kind === "time" && (config.unit ?? "none") === "none") return { text: clock(value, true), colour: shade };
  return { text: inUnit(value, config.unit, config.decimals, now), colour: shade };
}

// Black or white, whichever is read better on a colour.
export function ink(shade) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(shade.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#FFFFFF";
}

const REDUCERS = {
  lastNotNull: (values) => values.findLast((value) => value !== null) ?? null,
  last: (values) => values.at(-1) ?? null,
  firstNotNull: (values) => values.find((value) => value !== null) ?? null,
  first: (values) => values[0] ?? null,
  min: (values) => Math.min(...values.filter((value) => value !== null)),
  max: (values) => Math.max(...values.filter((value) => value !== null)),
  sum: (values) => values.reduce((sum, value) => sum + (value ?? 0), 0),
  count: (values) => values.length,
  mean: (values) => {
    const known = values.filter((value) => value !== null);
    return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
  },
};

// What a stat or a bar gauge shows: [{name, value, one}], by the panel's reduceOptions.
export function reduced(answer, panel) {
  const { calcs = ["lastNotNull"], fields: wanted = "", values = false, limit } = panel.options?.reduceOptions ?? {};
  const all = fields(answer, panel);
  const isWanted = (one) => (wanted ? pattern(wanted).test(one.name) : one.kind === "number");
  const shown = all.filter((one) => isWanted(one) && !one.custom.hideFrom?.viz);
  if (values) {
    const label = all.find((one) => one.kind === "text" && !(wanted && isWanted(one))) ?? all.find((one) => one.kind === "text");
    const figures = shown.filter((one) => one !== label);
    return answer.rows.slice(0, limit ?? 25).flatMap((row) => figures.map((one) => ({
      name: label ? String(row[label.index]) : one.title, value: row[one.index], one,
    })));
  }
  const reduce = REDUCERS[calcs[0]];
  if (!reduce) throw new Error(`the calculation ${calcs[0]} is not drawn here`);
  return shown.map((one) => ({ name: one.title, value: answer.rows.length ? reduce(answer.rows.map((row) => row[one.index])) : null, one }));
}

// Series over time: {times, series: [{name, values, one}]}; with a text column beside the figures, one series per text. Without
// figures the last text is the state.
export function overTime(answer, panel) {
  const at = answer.columns.findIndex((column) => column.kind === "time");
  if (at < 0) throw new Error("the answer has no column of times");
  const of = (kind) => answer.columns.map((column, index) => [column, index]).filter(([column]) => column.kind === kind);
  const texts = of("text"), numbers = of("number");
  if (texts.length && numbers.length) return long(answer, panel, at, texts, numbers);
  return texts.length > 1 ? long(answer, panel, at, texts.slice(0, -1), texts.slice(-1)) : wide(answer, panel, at, [...texts, ...numbers]);
}

function wide(answer, panel, at, figures) {
  const series = figures.map(([column, index], place) => ({
    name: column.name, values: answer.rows.map((row) => row[index]), one: field(column, place, panel),
  }));
  return { times: answer.rows.map((row) => row[at]), series };
}

function long(answer, panel, at, labels, figures) {
  const times = [...new Set(answer.rows.map((row) => row[at]))].sort((a, b) => a - b);
  const place = new Map(times.map((time, index) => [time, index]));
  const series = new Map();
  for (const row of answer.rows) {
    for (const [column, index] of figures) {
      const words = labels.map(([, label]) => row[label]);
      const name = figures.length > 1 ? [column.name, ...words].join(" ") : words.join(" ");
      if (!series.has(name)) series.set(name, { name, kind: column.kind, values: Array(times.length).fill(null) });
      series.get(name).values[place.get(row[at])] = row[index];
    }
  }
  const found = [...series.values()].map(({ name, kind, values }, index) => ({ name, values, one: field({ name, kind }, index, panel) }));
  return { times, series: found };
}
