// Numbers and instants as Grafana writes them, for the units that the dashboards use.

const SECONDS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
const STEPS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 };

function fixed(value, decimals) {
  return value.toLocaleString("en-US", {
    useGrouping: false, minimumFractionDigits: decimals, maximumFractionDigits: decimals,
  });
}

// Without a wish: three significant digits, as many decimals as that takes.
function plain(value, decimals) {
  if (decimals !== undefined && decimals !== null) return fixed(value, decimals);
  if (Number.isInteger(value)) return String(value);
  const size = Math.floor(Math.log10(Math.abs(value)));
  return String(Number(value.toFixed(Math.min(6, Math.max(0, 2 - size)))));
}

function duration(seconds, decimals) {
  const size = Math.abs(seconds);
  if (size < 1) return `${plain(seconds * 1000, decimals)} ms`; // as Grafana: its decimals are those of the unit it chose
  const [name, step] = SECONDS.find(([, step]) => size >= step);
  const digits = decimals ?? (step === 1 || size < 10 * step ? 1 : 0);
  return `${plain(Number((seconds / step).toFixed(digits)))} ${name}`;
}

export function ago(ms, now) {
  const seconds = (now - ms) / 1000;
  return seconds < 0 ? `in ${duration(-seconds, 0)}` : `${duration(seconds, 0)} ago`;
}

const two = (number) => String(number).padStart(2, "0");

export function clock(ms, withDate) {
  const at = new Date(ms);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return withDate ? `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}` : time;
}

const SHORT = [[1e9, " Bil"], [1e6, " Mil"], [1e3, " K"]];

function short(value, decimals) {
  const [step, name] = SHORT.find(([step]) => Math.abs(value) >= step) ?? [1, ""];
  return plain(Number((value / step).toPrecision(step === 1 ? 15 : 3)), decimals) + name;
}

const UNITS = {
  none: plain,
  "": plain,
  short,
  locale: (value, decimals) => value.toLocaleString("en-US", { maximumFractionDigits: decimals ?? 2 }),
  percent: (value, decimals) => `${plain(value, decimals)}%`,
  percentunit: (value, decimals) => `${plain(value * 100, decimals)}%`,
  bytes: (value, decimals) => binary(value, decimals),
  decbytes: (value, decimals) => `${short(value, decimals)}B`,
  reqps: (value, decimals) => `${short(value, decimals)} req/s`,
  cps: (value, decimals) => `${short(value, decimals)} c/s`,
  string: (value) => String(value),
  dateTimeFromNow: (value, decimals, now) => ago(value, now),
  dateTimeAsIso: (value) => clock(value, true),
  dateTimeAsIsoNoDateIfToday: (value) => clock(value, new Date(value).toDateString() !== new Date().toDateString()),
  dateTimeAsLocal: (value) => clock(value, true),
  dateTimeAsSystem: (value) => clock(value, true),
};

function binary(value, decimals) {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = 0;
  while (Math.abs(value) >= 1024 && size < names.length - 1) { value /= 1024; size += 1; }
  return `${plain(value, decimals ?? (size ? 1 : 0))} ${names[size]}`;
}

// Text of a number in a unit; a unit that is not known here is written behind the number, so that nothing is lost.
export function inUnit(value, unit = "none", decimals = undefined, now = Date.now()) {
  if (UNITS[unit]) return UNITS[unit](value, decimals, now);
  if (STEPS[unit]) return duration(value * STEPS[unit], decimals);
  if (unit.startsWith("suffix:")) return plain(value, decimals) + unit.slice(7);
  if (unit.startsWith("prefix:")) return unit.slice(7) + plain(value, decimals);
  if (unit.startsWith("time:")) return clock(value, true);
  return `${plain(value, decimals)} ${unit}`;
}
