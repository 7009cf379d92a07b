// One variable as a person chooses it: a list for one value, boxes to tick for several.

const ALL = "$__all";

export function choice(one, isOpen, choose) {
  return one.is_multi ? several(one, isOpen, choose) : single(one, choose);
}

function single(one, choose) {
  const label = document.createElement("label");
  const select = document.createElement("select");
  select.dataset.variable = one.name;
  select.append(...one.options.map(([text, value]) => new Option(text, value, false, one.chosen.includes(value))));
  select.addEventListener("change", () => choose(one.name, [select.value]));
  label.append(one.label, select);
  return label;
}

function several(one, isOpen, choose) {
  const label = document.createElement("label");
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const boxes = document.createElement("div");
  const words = new Map(one.options.map(([text, value]) => [value, text]));
  details.open = isOpen;
  details.dataset.variable = one.name;
  summary.textContent = one.chosen.map((value) => words.get(value)).join(", ");
  boxes.append(...one.options.map(([text, value]) => box(one, text, value, choose)));
  details.append(summary, boxes);
  label.append(one.label, details);
  return label;
}

function box(one, text, value, choose) {
  const label = document.createElement("label");
  const tick = document.createElement("input");
  tick.type = "checkbox";
  tick.checked = one.chosen.includes(value);
  tick.addEventListener("change", () => choose(one.name, ticked(one.chosen, value, tick.checked)));
  label.append(tick, text);
  return label;
}

// "All" stands alone; without any other tick it comes back by itself.
function ticked(chosen, value, isOn) {
  if (value === ALL) return [ALL];
  const others = chosen.filter((known) => known !== value && known !== ALL);
  return isOn ? [...others, value] : others;
}
