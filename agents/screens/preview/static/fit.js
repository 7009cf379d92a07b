// The largest text that fits into a box; a wall's text never falls below `least` pixels.

const canvas = document.createElement("canvas").getContext("2d");
const WEIGHT = 600;

function oneLine(text, width, height) {
  canvas.font = `${WEIGHT} 100px ${getComputedStyle(document.body).fontFamily}`;
  const wide = canvas.measureText(text).width / 100;
  return Math.min(height * 0.8, (width * 0.96) / Math.max(wide, 0.1));
}

function overflows(box) {
  return box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1;
}

function severalLines(box, least, most) {
  let low = least, high = Math.max(least, most);
  while (high - low > 1) {
    const middle = (low + high) / 2;
    box.style.fontSize = `${middle}px`;
    if (overflows(box)) high = middle; else low = middle;
  }
  return low;
}

// Give all boxes, each holding one text, the same size: the largest that fits into every one, `most` pixels at most.
export function fit(boxes, least, most = Infinity) {
  const singles = boxes.map((box) => oneLine(box.textContent, box.clientWidth, box.clientHeight));
  const height = Math.min(...boxes.map((box) => box.clientHeight));
  const single = Math.min(most, ...singles);
  const isWrapped = single < Math.min(most, Math.max(least, Math.min(height * 0.25, 3 * least)));
  for (const box of boxes) box.classList.toggle("wraps", isWrapped);
  const size = isWrapped ? Math.min(...boxes.map((box) => severalLines(box, least, Math.min(most, height * 0.45)))) : single;
  for (const box of boxes) box.style.fontSize = `${Math.floor(Math.max(size, least))}px`;
}
