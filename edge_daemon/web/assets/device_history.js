// One device over time: health as a band with its reasons, levels as curves, what was missed by cause. For the parts
// of `device.html`.

const [WIDE, HIGH] = [800, 160];

const healthBand = ({ begin, end, spells }) => {
  const drawing = shape("svg", { viewBox: `0 0 ${WIDE} 24`, role: "img", "aria-label": `${spells.length} spells of health`, preserveAspectRatio: "none" });
  drawing.append(shape("rect", { class: "band unknown", x: 0, y: 0, width: WIDE, height: 24 }));
  for (const spell of spells) {
    const x = ((spell.begin - begin) / (end - begin)) * WIDE;
    const width = Math.max(1.5, ((spell.end - spell.begin) / (end - begin)) * WIDE);
    const bar = shape("rect", { class: `band ${spell.state}`, x, y: 0, width, height: 24 });
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${utcText(spell.begin, 0)}: ${spell.state} ${spell.reasons.join("; ")}`;
    bar.append(title);
    drawing.append(bar);
  }
  return drawing;
};

const spellRow = ({ begin, end, state, reasons }) =>
  element(
    "tr", {},
    element("td", { class: "when" }, utcText(begin, 0)), element("td", { class: "when" }, utcText(end, 0)),
    element("td", {}, element("span", { class: `word ${state}` }, state)), element("td", {}, reasons.join("; ") || "–"),
  );

const curveOf = (points, column, begin, end, unit, name) => {
  const values = points.filter((point) => point[column] !== null);
  if (values.length < 2) return null;
  const heights = values.map((point) => point[column]);
  const [low, high] = [Math.floor(Math.min(...heights) - 1), Math.ceil(Math.max(...heights) + 1)];
  const x = (time) => ((time - begin) / (end - begin)) * WIDE;
  const y = (value) => HIGH - ((value - low) / (high - low)) * HIGH;
  let path = "";
  let last = -Infinity;
  for (const point of values) {
    path += `${point[0] - last > 7200 ? "M" : "L"}${x(point[0]).toFixed(1)} ${y(point[column]).toFixed(1)}`;
    last = point[0];
  }
  const drawing = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${name}, ${low} to ${high} ${unit}`, class: "curve" });
  for (const value of multiples(low, high, stepOf(high - low, 5, [1, 2, 5, 10, 20, 50, 100]))) {
    drawing.append(shape("line", { class: "graticule", x1: 0, x2: WIDE, y1: y(value), y2: y(value) }));
    const text = shape("text", { x: 4, y: y(value) - 3 });
    text.textContent = `${value}`;
    drawing.append(text);
  }
  drawing.append(shape("path", { class: "track", d: path }));
  return element("figure", {}, element("figcaption", {}, `${name}, ${unit}`), drawing);
};

const lengthText = (seconds) =>
  seconds < 120 ? `${seconds.toFixed(1)} s` : seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;

const showHistory = (found) => {
  at("state").replaceChildren(element("span", { class: `word ${found.word}` }, found.word), ` ${found.reasons.join("; ")}`);
  at("health").replaceChildren(healthBand(found));
  at("spells").tBodies[0].replaceChildren(...found.spells.slice(-50).reverse().map(spellRow));
  const curves = [[1, "dB re full scale", "Level of the input"], [2, "dB re 1 µPa", "Ambient level"]]
    .map(([column, unit, name]) => curveOf(found.levels, column, found.begin, found.end, unit, name))
    .filter(Boolean);
  at("levels").replaceChildren(...(curves.length ? curves : [element("p", {}, "No levels came in that time.")]));
  const gaps = found.gaps.map(([cause, seconds, count]) =>
    element("tr", {}, element("td", {}, cause.replaceAll("_", " ")), element("td", {}, lengthText(seconds)), element("td", {}, count)),
  );
  at("gaps").tBodies[0].replaceChildren(...gaps);
  at("figures").replaceChildren(
    ...found.facts.map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text))),
  );
};
