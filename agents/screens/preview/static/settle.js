// New content for a place that a person may be reading: what stays the same is not touched, so that focus, selected text
// and scrolling stay as they are. Rows are told apart by their key; other parts by their place.

export function settle(parent, ...fresh) {
  const wanted = document.createDocumentFragment();
  wanted.append(...fresh);
  const held = parent.contains(document.activeElement) ? document.activeElement : null;
  const led = held?.getAttribute("href");
  children(parent, wanted);
  if (held) hold(parent, held, led);
}

const keyOf = (node) => node.dataset?.key;

function children(old, fresh) {
  const wanted = [...fresh.childNodes], keys = new Set(wanted.map(keyOf));
  const known = new Map([...old.children].filter(keyOf).map((one) => [keyOf(one), one]));
  // First of all: what has gone would push everything behind it aside.
  for (const [key, one] of known) if (!keys.has(key)) one.remove();
  let place = old.firstChild;
  for (const next of wanted) {
    const match = keyOf(next) ? known.get(keyOf(next)) : place && !keyOf(place) && place.nodeName === next.nodeName ? place : undefined;
    if (match && match === place) place = place.nextSibling;
    else old.insertBefore(match ?? next, place);
    if (match) become(match, next);
  }
  while (place) { const gone = place; place = place.nextSibling; gone.remove(); }
}

function become(now, next) {
  if (now.nodeType === Node.TEXT_NODE) { if (now.data !== next.data) now.data = next.data; return; }
  for (const name of now.getAttributeNames()) if (!next.hasAttribute(name)) now.removeAttribute(name);
  for (const name of next.getAttributeNames()) {
    const value = next.getAttribute(name);
    if (now.getAttribute(name) === value) continue;
    if (name === "style") now.style.cssText = value; // as an attribute, the page's own policy refuses it
    else now.setAttribute(name, value);
  }
  children(now, next);
}

// A link keeps the focus wherever its row has gone; what has no link keeps it where it stands.
function hold(parent, held, led) {
  if (document.activeElement === held && held.getAttribute("href") === led) return;
  const same = led && [...parent.querySelectorAll("a")].find((one) => one.getAttribute("href") === led);
  (same || (held.isConnected ? held : null))?.focus({ preventScroll: true });
}
