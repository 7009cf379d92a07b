// The page: which screen, which range, which values; what the server pushes; keys and the playlist.

import { choice } from "./choices.js";
import { linked } from "./links.js";
import { settle } from "./settle.js";
import { Tiles } from "./tiles.js";
import { ago } from "./units.js";

const RANGES = ["now-5m", "now-15m", "now-1h", "now-6h", "now-24h", "now-7d", "now-30d"];
const EACH_S = 30;
const STALE_AFTER_MS = 20_000;
const AGAIN_AFTER_MS = 3_000;

const find = (id) => document.getElementById(id);
const page = { screens: [], uid: "", model: null, tiles: null, source: null, roundAt: 0, nextAt: 0 };
const context = { offers: [], range: null, notes: [], query: {}, since: "now-6h", least: 12, scale: 1, isWall: false,
  get now() { return Date.now(); } };

// The address says everything, as Grafana's does: /d/UID?from=now-1h&var-tenant=acme&kiosk&playlist
const address = () => new URL(location.href);
const uidNow = () => decodeURIComponent(address().pathname.split("/")[2] ?? "");
const has = (name) => address().searchParams.has(name);

function change(edit, { keep = false } = {}) {
  const url = address();
  edit(url.searchParams);
  history[keep ? "pushState" : "replaceState"](null, "", `${url.pathname}${tidy(url)}`);
}

const tidy = (url) => (url.search ? `?${url.searchParams}`.replace(/=(?=&|$)/g, "") : "");

async function get(path) {
  const reply = await fetch(path);
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  return reply.json();
}

async function start() {
  page.screens = await get("/api/screens");
  find("screens").replaceChildren(...page.screens.map(({ uid, title }) => new Option(title, uid)));
  for (const [id, event, act] of CONTROLS) find(id).addEventListener(event, act);
  addEventListener("keydown", onKey);
  addEventListener("popstate", () => show(uidNow()));
  addEventListener("resize", () => { measure(); page.tiles?.drawAll(); });
  setInterval(tick, 500);
  await show(uidNow());
}

const isWall = (screen) => screen.tags.includes("wall");
const known = (uid) => page.screens.find((screen) => screen.uid === uid);

// What arrows and playlist go through: the wall's screens while one of them is shown, else all.
function round() {
  const wall = page.screens.filter(isWall);
  return isWall(known(page.uid) ?? page.screens[0]) && wall.length > 1 ? wall : page.screens;
}

async function show(uid, { isMove = false } = {}) {
  const screen = known(uid) ?? page.screens[0];
  const url = address();
  if (screen.uid !== page.uid && isMove) [...url.searchParams.keys()].filter((key) => key === "to").forEach((key) => url.searchParams.delete(key));
  history[isMove ? "pushState" : "replaceState"](null, "", `/d/${encodeURIComponent(screen.uid)}${tidy(url)}`);
  page.uid = screen.uid;
  page.nextAt = Date.now() + EACH_S * 1000;
  const model = await get(`/api/screens/${encodeURIComponent(screen.uid)}`);
  if (page.uid !== screen.uid) return; // somebody was faster with the next key
  page.model = model;
  document.title = `${screen.title} · xpulse preview`;
  document.body.classList.toggle("wall", (context.isWall = isWall(screen)));
  find("screens").value = screen.uid;
  context.since = page.model.time?.from ?? "now-6h";
  context.offers = [];
  context.notes = [];
  page.annotations = new Map();
  ranges();
  dress();
  page.tiles = new Tiles(find("grid"), page.model, context);
  connect();
}

function ranges() {
  const from = address().searchParams.get("from") ?? context.since;
  const offered = RANGES.includes(from) ? RANGES : [...RANGES, from];
  find("range").replaceChildren(...offered.map((one) => new Option(one.startsWith("now-") ? `last ${one.slice(4)}` : "fixed range", one)));
  find("range").value = from;
}

function dress() {
  document.body.classList.toggle("kiosk", has("kiosk"));
  find("play").setAttribute("aria-pressed", String(has("playlist")));
  measure();
}

// A wall's smallest text: 48 pixels of 1080, so that five metres are near enough.
function measure() {
  context.scale = context.isWall ? innerHeight / 1080 : 1;
  context.least = context.isWall ? 48 * context.scale : 12;
  find("grid").style.setProperty("--least", `${context.least}px`);
}

function connect() {
  page.source?.close();
  page.roundAt = Date.now();
  context.query = Object.fromEntries(address().searchParams);
  const wanted = new URLSearchParams([...address().searchParams].filter(([key]) => key === "from" || key === "to" || key.startsWith("var-")));
  const source = page.source = new EventSource(`/api/screens/${encodeURIComponent(page.model.uid)}/stream?${wanted}`);
  source.addEventListener("variables", ({ data }) => take(source, () => variables(JSON.parse(data))));
  source.addEventListener("span", ({ data }) => take(source, () => { context.range = JSON.parse(data); }));
  source.addEventListener("answer", ({ data }) => take(source, () => answer(JSON.parse(data))));
  source.addEventListener("round", ({ data }) => take(source, () => rounded(JSON.parse(data))));
  source.onerror = () => {
    if (source === page.source && source.readyState === EventSource.CLOSED) setTimeout(() => source === page.source && connect(), AGAIN_AFTER_MS);
  };
}

const take = (source, act) => { if (source === page.source) act(); };

function variables(offers) {
  context.offers = offers;
  const open = document.querySelector("details[open]")?.dataset.variable;
  const focused = focusedChoice();
  find("variables").replaceChildren(...offers.filter((one) => !one.is_hidden).map((one) => choice(one, one.name === open, choose)));
  focused?.().focus();
  settle(find("ways"), ...(page.model.links ?? []).filter(({ type }) => type === "link").map(way));
  page.tiles.drawAll();
}

// How to find the control again that has the focus, once the controls are made anew.
function focusedChoice() {
  const controls = () => [...find("variables").querySelectorAll("select, summary, input")];
  const place = controls().indexOf(document.activeElement);
  return place < 0 ? undefined : () => controls()[place] ?? find("grid");
}

function way({ title, url, keepTime }) {
  const range = address().searchParams.get("from");
  return linked(title, { url: keepTime && range ? `${url}${url.includes("?") ? "&" : "?"}\${__url_time_range}` : url, title }, context);
}

function choose(name, values) {
  change((query) => {
    query.delete(`var-${name}`);
    for (const value of values) query.append(`var-${name}`, value);
  });
  connect();
}

function answer({ key, ...rest }) {
  const [kind, id, ref] = key.split("/");
  if (kind === "panel") return page.tiles.take(Number(id), ref, rest);
  page.annotations.set(key, annotations(rest));
  context.notes = [...page.annotations.values()].flat();
  return page.tiles.drawAll();
}

function annotations({ columns = [], rows = [] }) {
  const at = columns.findIndex(({ kind }) => kind === "time");
  const text = columns.findIndex(({ name }) => ["text", "title"].includes(name));
  return at < 0 ? [] : rows.map((row) => ({ at: row[at], text: text < 0 ? "" : String(row[text]) }));
}

function rounded() {
  page.roundAt = Date.now();
  page.rounds = (page.rounds ?? 0) + 1;
  document.body.dataset.rounds = page.rounds;
  document.body.dataset.screen = page.model.uid;
  tick();
  page.tiles.drawAll(); // ages grow and time moves on, even where no answer changed
}

function tick() {
  const age = Date.now() - page.roundAt;
  const isStale = age > STALE_AFTER_MS;
  const words = isStale ? `STALE: nothing new for ${ago(page.roundAt, Date.now()).replace(" ago", "")}` : `asked ${Math.round(age / 1000)} s ago`;
  find("state").textContent = page.rounds ? words : "connecting …";
  find("state").classList.toggle("stale", isStale);
  find("banner").hidden = !isStale;
  find("banner").textContent = words;
  if (has("playlist") && Date.now() >= page.nextAt) step(1);
}

function step(by) {
  const screens = round();
  const at = screens.findIndex(({ uid }) => uid === page.uid);
  return show(screens[(at + by + screens.length) % screens.length].uid, { isMove: true });
}

function toggle(name) {
  change((query) => (query.has(name) ? query.delete(name) : query.set(name, "")));
  page.nextAt = Date.now() + EACH_S * 1000;
  dress();
  page.tiles.drawAll();
}

const help = () => find("keys").showModal();
const KEYS = { ArrowRight: () => step(1), ArrowLeft: () => step(-1), " ": () => toggle("playlist"), k: () => toggle("kiosk"), "?": help };

function onKey(event) {
  const isElsewhere = find("keys").open || event.target.closest?.("select, input, textarea") || event.ctrlKey || event.metaKey || event.altKey;
  if (isElsewhere || !KEYS[event.key] || (event.key === " " && event.target.closest?.("button, a"))) return;
  event.preventDefault();
  KEYS[event.key]();
}

const CONTROLS = [
  ["screens", "change", (event) => show(event.target.value, { isMove: true })],
  ["range", "change", (event) => { change((query) => { query.set("from", event.target.value); query.delete("to"); }); connect(); }],
  ["play", "click", () => toggle("playlist")],
  ["kiosk", "click", () => toggle("kiosk")],
  ["help", "click", help],
];

start().catch((error) => { find("state").textContent = error.message; });
