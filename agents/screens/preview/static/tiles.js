// The grid of panels: where each stands, and what it draws. What cannot be drawn says so in its tile.

import { DRAWN, element } from "./draw.js";
import { linked, worded } from "./links.js";
import { settle } from "./settle.js";

const KNOWN_STEPS = new Set(["organize"]);

export class Tiles {
  constructor(grid, model, context) {
    this.grid = grid;
    this.context = context;
    this.answers = new Map();
    this.tiles = new Map();
    const rows = Math.max(...model.panels.map(({ gridPos: p }) => p.y + p.h));
    grid.style.setProperty("--rows", rows);
    grid.replaceChildren(...model.panels.map((panel) => this.place(panel)));
  }

  place(panel) {
    const { x, y, w, h } = panel.gridPos;
    const tile = element("section", `tile ${panel.type}${panel.transparent ? " transparent" : ""}`);
    tile.dataset.panel = panel.id;
    tile.style.gridArea = `${y + 1} / ${x + 1} / span ${h} / span ${w}`;
    const heading = element("h2");
    const body = element("div", "body");
    if (panel.type === "table") body.tabIndex = 0; // so that keys can scroll it
    tile.append(heading, body);
    tile.title = panel.description ?? "";
    this.tiles.set(panel.id, { panel, tile, heading, body });
    return tile;
  }

  // Take an answer of one of a panel's queries and draw the panel once all have come.
  take(id, ref, answer) {
    this.answers.set(`${id}/${ref}`, answer);
    const known = this.tiles.get(id);
    if (known) this.draw(known);
  }

  drawAll() {
    for (const known of this.tiles.values()) this.draw(known);
  }

  draw({ panel, tile, heading, body }) {
    settle(heading, linked(worded(panel.title, this.context.offers), panel.links?.[0], this.context));
    heading.hidden = !panel.title;
    const answers = (panel.targets ?? []).map(({ refId = "A" }) => this.answers.get(`${panel.id}/${refId}`));
    if (answers.includes(undefined)) return;
    try {
      const failed = answers.find(({ error }) => error);
      if (failed) throw new Error(failed.error);
      DRAWN[panel.type] ? DRAWN[panel.type](body, panel, whole(answers, panel), this.context) : refuse(`a panel of type ${panel.type}`);
      tile.classList.remove("failed");
    } catch (error) {
      settle(body, element("p", "failure", error.message));
      tile.classList.add("failed");
    }
  }
}

function refuse(what) {
  throw new Error(`The preview cannot draw ${what}; Grafana does.`);
}

// The answers of all queries as one, after the panel's transformations.
function whole(answers, panel) {
  if (answers.length > 1) refuse("several queries in one panel");
  for (const { id } of panel.transformations ?? []) if (!KNOWN_STEPS.has(id)) refuse(`the transformation ${id}`);
  return (panel.transformations ?? []).reduce((answer, { options }) => organized(answer, options), answers[0]);
}

function organized(answer, { excludeByName = {}, indexByName = {}, renameByName = {} }) {
  const kept = answer.columns.map(({ name }, index) => ({ name, index })).filter(({ name }) => !excludeByName[name]);
  kept.sort((a, b) => (indexByName[a.name] ?? a.index) - (indexByName[b.name] ?? b.index));
  return {
    ...answer,
    columns: kept.map(({ name, index }) => ({ ...answer.columns[index], name: renameByName[name] || name })),
    rows: answer.rows.map((row) => kept.map(({ index }) => row[index])),
  };
}
