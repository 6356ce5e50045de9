// Each device: its state in a word and a colour, its last call, and the last day as a strip.

const TALLEST = 28;

const stripOf = (strip, most) => {
  const drawing = shape("svg", { class: "strip", viewBox: `0 0 ${strip.length * 8} ${TALLEST + 4}`, role: "img" });
  const calls = strip.reduce((sum, [count]) => sum + count, 0);
  const hours = strip.reduce((sum, [, , share]) => sum + share, 0);
  drawing.setAttribute("aria-label", `${calls} calls, ${hours.toFixed(1)} h listened in 24 h`);
  strip.forEach(([count, validated, share], n) => {
    const floor = shape("rect", { class: "none", x: n * 8, y: TALLEST, width: 7, height: 4 });
    floor.style.opacity = share ? 0.15 + 0.85 * share : 0;
    drawing.append(floor);
    if (!count) return;
    const height = Math.max(3, (TALLEST * Math.log1p(count)) / Math.log1p(most));
    drawing.append(
      shape("rect", { class: validated ? "detected" : "possible", x: n * 8, y: TALLEST - height, width: 7, height }),
    );
  });
  return drawing;
};

// Strips of a large fleet are drawn when their cards come near, and once as long as they show the same.
const drawn = new Map(); // name → { told, drawing }
const stripFor = ({ name, strip }, most) => {
  const told = JSON.stringify([strip, most]);
  if (drawn.get(name)?.told !== told) drawn.set(name, { told, drawing: stripOf(strip, most) });
  return drawn.get(name).drawing;
};
let draw = () => {};
const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) draw(target);
  },
  { rootMargin: "1000px" },
);

const deviceCard = (device, now) => {
  const head = element("h2", {}, element("a", { href: devicePath(device.name) }, device.name));
  const word = element("span", { class: `word ${device.word}` }, device.word);
  const calls = device.strip.reduce((sum, [count]) => sum + count, 0);
  const hours = device.strip.reduce((sum, [, , share]) => sum + share, 0);
  const told = element("p", { class: "facts" });
  told.append(
    device.call === null ? "no call yet" : `last call ${agoText(device.call, now)}`,
    ` · ${calls} call${calls === 1 ? "" : "s"} and ${hours.toFixed(1)} h listened in 24 h · heard from ${agoText(device.seen, now)}`,
  );
  const item = element("li", { class: "device", "data-word": device.word }, element("div", { class: "head" }, head, word), told);
  if (device.reasons.length && device.word !== "ok") item.append(element("p", { class: "problem" }, device.reasons.join("; ")));
  return item;
};

const show = ({ now, devices, tracks }) => {
  const most = devices.reduce((found, { strip }) => Math.max(found, ...strip.map(([count]) => count)), 1);
  const holder = at("devices");
  const focused = document.activeElement?.closest?.(".device a")?.getAttribute("href");
  const shown = new Map(devices.map((device) => [deviceCard(device, now), device]));
  draw = (card) => {
    near.unobserve(card);
    if (shown.has(card)) card.append(stripFor(shown.get(card), most));
  };
  near.disconnect();
  holder.replaceChildren(...shown.keys());
  for (const [card, { name }] of shown) {
    if (drawn.has(name)) draw(card);
    else near.observe(card);
  }
  if (focused) [...holder.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  at("none").hidden = devices.length > 0;
  const count = new Map();
  for (const { word } of devices) count.set(word, (count.get(word) ?? 0) + 1);
  const parts = [...count].map(([word, number]) => `${number} ${word}`);
  at("summary").textContent = devices.length ? `${devices.length} device${devices.length === 1 ? "" : "s"}: ${parts.join(", ")}.` : "";
  drawMap(at("map"), devices.filter(({ position }) => position !== null), tracks);
};

refreshing(10, async () => show(await ask("/api/fleet")));
