"""What is asked of the page in the browser, in its own language."""

TILES = """
Object.fromEntries([...document.querySelectorAll("section.tile")].map((tile) => [tile.dataset.panel, {
  failed: tile.classList.contains("failed"), text: tile.querySelector(".body").innerText,
  names: [...tile.querySelectorAll(".figure .name")].map((name) => name.innerText),
  values: [...tile.querySelectorAll(".figure .value")].map((value) => value.innerText),
  head: [...tile.querySelectorAll("th")].map((cell) => cell.innerText),
  rows: [...tile.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.innerText)),
}]))"""
"""Panel id -> what its tile shows."""

TEXTS = """
[...document.querySelectorAll("main *")].filter((one) => one.checkVisibility()
  && [...one.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
  .map((one) => ({ text: one.innerText, px: parseFloat(getComputedStyle(one).fontSize),
                   cut: one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1 }))"""
"""Every piece of text that is seen, with the height of its letters, and whether it is cut off."""

READING = """
(async () => {
  const { settle } = await import("/static/settle.js");
  const place = document.body.appendChild(document.createElement("div"));
  place.style.cssText = "height: 60px; overflow: auto";
  const rows = (...given) => given.map(([name, words]) => {
    const row = document.createElement("p"), link = document.createElement("a");
    row.dataset.key = name;
    Object.assign(link, { href: `/d/${name}`, textContent: name });
    row.append(link, words);
    return row;
  });
  const held = () => document.activeElement.getAttribute("href");
  const steps = [];
  const show = (...given) => {
    settle(place, ...rows(...given));
    steps.push([held(), String(getSelection()), place.innerText.split(/\\s+/).join(" "), kept.isConnected]);
  };
  settle(place, ...rows(["a", " 1"], ["b", " 2"], ["c", " 3"]));
  const kept = place.children[1];
  kept.firstChild.focus();
  getSelection().selectAllChildren(kept);
  place.scrollTop = 20;
  show(["a", " 1"], ["b", " 2"], ["c", " 3"]);
  show(["new", " 0"], ["b", " 2"], ["c", " 4"]);
  show(["c", " 4"], ["b", " 2"], ["a", " 1"]);
  const top = place.scrollTop;
  show(["b", " 9"]);
  show(["d", " 0"]);
  place.remove();
  return { steps, top };
})()"""
"""Content for a reader who holds one row, in steps; what is held after each."""

DRAWN_ANEW = """
const watch = new MutationObserver(() => {});
document.querySelector("tbody a").focus();
watch.observe(document.querySelector("tbody"), { childList: true, subtree: true, attributes: true });
dispatchEvent(new Event("resize"));  // as each round does, it draws everything anew
watch.takeRecords().length"""
"""How much of a table is touched when the same is drawn again."""
