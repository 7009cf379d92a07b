// Variables in titles, texts and links, as Grafana writes them.

const ALLOWED = /^(\/d\/|https?:\/\/)/;
const VARIABLE = /\$\{(\w+(?:\.\w+|\["[^"]+"\])*)(?::(\w+))?\}|\$(\w+)/g;

function listed(offers, name) {
  const found = offers.find((one) => one.name === name);
  if (!found) return undefined;
  const words = new Map(found.options.map(([text, value]) => [value, text]));
  return { values: found.chosen, texts: found.chosen.map((value) => words.get(value) ?? value) };
}

const parameters = (offers, name) => listed(offers, name).values.map((value) => `var-${name}=${encodeURIComponent(value)}`).join("&");

// Text with the chosen values in it; what is no variable stays as it is.
export function worded(text, offers) {
  return (text ?? "").replace(VARIABLE, (all, braced, _style, bare) => listed(offers, braced ?? bare)?.texts.join(", ") ?? all);
}

// A link's address for one row, or "" if it is no address that a page may lead to.
export function address(url, context, row = undefined, value = undefined) {
  const { offers, query } = context;
  const known = {
    __url_time_range: () => `from=${query.from ?? context.since}&to=${query.to ?? "now"}`,
    __all_variables: () => offers.map((one) => parameters(offers, one.name)).filter(Boolean).join("&"),
    "__value.raw": () => encodeURIComponent(String(value ?? "")),
    "__value.text": () => encodeURIComponent(String(value ?? "")),
  };
  const found = url.replace(VARIABLE, (all, braced, style, bare) => {
    const name = braced ?? bare;
    if (known[name]) return known[name]();
    const column = /^__data\.fields(?:\.(\w+)|\["([^"]+)"\])$/.exec(name);
    if (column) return encodeURIComponent(String(row?.[column[1] ?? column[2]] ?? ""));
    if (!listed(offers, name)) return all;
    return style === "queryparam" ? parameters(offers, name) : encodeURIComponent(listed(offers, name).values.join(","));
  });
  return ALLOWED.test(found) ? found : "";
}

export function linked(content, link, context, row, value) {
  const target = link ? address(link.url ?? "", context, row, value) : "";
  if (!target) return content;
  const anchor = document.createElement("a");
  anchor.href = target;
  anchor.title = worded(link.title, context.offers);
  anchor.rel = "noopener noreferrer";
  anchor.append(content);
  return anchor;
}
