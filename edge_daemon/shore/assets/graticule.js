// Positions on a plain graticule (or on the tiles that the station's owner has configured), in Mercator's projection.

const WIDTH = 800;
const TILE = 256;

const mercator = ([latitude, longitude]) => {
  const bounded = Math.max(-85, Math.min(85, latitude)) * (Math.PI / 180);
  return [(longitude + 180) / 360, 0.5 - Math.log(Math.tan(Math.PI / 4 + bounded / 2)) / (2 * Math.PI)];
};
const latitudeOf = (y) => (360 / Math.PI) * Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) - 90;

const degreesText = (degrees, positive, negative) => {
  const whole = Math.abs(degrees);
  return `${Number(whole.toFixed(3))}° ${degrees >= 0 ? positive : negative}`;
};

// points: [{ name, position, word }]; tracks: [[[latitude, longitude], …], …]
const drawMap = (map, points, tracks = []) => {
  const places = [...points.map(({ position }) => position), ...tracks.flat()].map(mercator);
  map.hidden = places.length === 0;
  if (map.hidden) return;
  const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
  const range = (values) => [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const [[left, right], [top, bottom]] = [range(xs), range(ys)];
  const height = WIDTH / 2;
  const scale = Math.min(WIDTH / Math.max((right - left) * 1.3, 2e-4), height / Math.max((bottom - top) * 1.4, 1e-4));
  const [x0, y0] = [(left + right) / 2 - WIDTH / 2 / scale, (top + bottom) / 2 - height / 2 / scale];
  const spot = ([x, y]) => [(x - x0) * scale, (y - y0) * scale];
  const drawing = shape("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `Map of ${points.length} positions` });
  if (given.tiles) drawing.append(...tilesOf(scale, x0, y0, height));
  const ladder = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30];
  const small = matchMedia("(max-width: 600px)").matches;
  const step = stepOf((WIDTH / scale) * 360, small ? 4 : 8, ladder);
  const words = [];
  for (const longitude of multiples(x0 * 360 - 180, (x0 + WIDTH / scale) * 360 - 180, step)) {
    const x = ((longitude + 180) / 360 - x0) * scale;
    drawing.append(shape("line", { class: "graticule", x1: x, x2: x, y1: 0, y2: height }));
    words.push([x + 4, height - 6, degreesText(longitude, "E", "W")]);
  }
  for (const latitude of multiples(latitudeOf(y0 + height / scale), latitudeOf(y0), step)) {
    const y = (mercator([latitude, 0])[1] - y0) * scale;
    drawing.append(shape("line", { class: "graticule", x1: -WIDTH, x2: 2 * WIDTH, y1: y, y2: y }));
    words.push([4, y < 30 ? y + (small ? 26 : 14) : y - 4, degreesText(latitude, "N", "S")]);
  }
  for (const track of tracks.filter(({ length }) => length > 1)) {
    const path = track.map((place) => spot(mercator(place)).map((value) => value.toFixed(1)).join(" "));
    drawing.append(shape("path", { class: "track", d: `M${path.join("L")}` }));
  }
  for (const { name, position, word } of points) {
    const [x, y] = spot(mercator(position));
    const dot = shape("circle", { class: `dot ${word}`, cx: x, cy: y, r: 6 });
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${name}: ${word}`;
    dot.append(title);
    drawing.append(dot);
    if (points.length <= 30) words.push([x + 9, y + 4, name]);
  }
  for (const [x, y, text] of words) {
    const made = shape("text", { x, y });
    made.textContent = text;
    drawing.append(made);
  }
  map.replaceChildren(drawing);
};

const tilesOf = (scale, x0, y0, height) => {
  const zoom = Math.max(0, Math.min(18, Math.round(Math.log2(scale / TILE))));
  const count = 2 ** zoom;
  const size = scale / count;
  const made = [];
  for (let x = Math.max(0, Math.floor(x0 * count)); x < Math.min(count, (x0 + WIDTH / scale) * count); x += 1) {
    for (let y = Math.max(0, Math.floor(y0 * count)); y < Math.min(count, (y0 + height / scale) * count); y += 1) {
      const href = given.tiles.replace("{z}", zoom).replace("{x}", x).replace("{y}", y);
      made.push(shape("image", { href, x: (x / count - x0) * scale, y: (y / count - y0) * scale, width: size, height: size }));
    }
  }
  return made;
};
