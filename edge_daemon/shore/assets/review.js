// The queue: cards of what nobody has judged yet, the newest first, and keys to judge them by.

const holder = at("list");
const shown = new Map(); // number → detection
let current = null; // number of the chosen card

const cardAt = (number) => holder.querySelector(`[data-number="${Number(number)}"]`);
const numbers = () => [...holder.children].map((card) => Number(card.dataset.number));

const put = (detection, where) => {
  shown.set(detection.number, detection);
  const card = stationCard(detection);
  if (detection.number === current) card.classList.add("current");
  where(card);
};

const load = async (earlier) => {
  const query = new URLSearchParams({ which: at("which").value });
  if (at("device").value) query.set("device", at("device").value);
  if (earlier && holder.lastElementChild) {
    const last = shown.get(numbers().at(-1));
    query.set("at", last.at_ns);
    query.set("before", last.number);
  } else {
    holder.replaceChildren();
    shown.clear();
    current = null;
  }
  try {
    const { detections, more, last } = await ask(`/api/detections?${query}`);
    for (const detection of detections) {
      if (!shown.has(detection.number)) put(detection, (card) => holder.append(card));
    }
    at("more").hidden = !more;
    at("none").hidden = holder.children.length > 0;
    return last;
  } catch (error) {
    say(error.message);
    return 0;
  }
};

// A card that another reviewer, or this one, has judged is drawn anew where it stands, so that nothing jumps away.
const change = (detection) => {
  const card = cardAt(detection.number);
  if (!card) return;
  if (card.contains(document.activeElement) && document.activeElement.matches("input")) {
    shown.set(detection.number, detection);
    card.querySelector(".others").replaceWith(othersOf(detection));
    return;
  }
  const focused = card === document.activeElement;
  put(detection, (made) => card.replaceWith(made));
  if (focused) cardAt(detection.number).focus({ preventScroll: true });
};
const arrive = (detection) => {
  if (!["open", "all"].includes(at("which").value)) return;
  if (at("device").value && at("device").value !== detection.device) return;
  if (!shown.has(detection.number)) put(detection, (card) => holder.prepend(card));
  at("none").hidden = true;
};
verdicts.watch(change);

const select = (number, play) => {
  cardAt(current)?.classList.remove("current");
  current = number;
  const card = cardAt(number);
  if (!card) return;
  card.classList.add("current");
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
  if (play && card.track) player.begin(card.track, 0);
};
const step = (by) => {
  const all = numbers();
  const place = all.indexOf(current);
  const next = all[place < 0 ? 0 : place + by];
  if (next !== undefined) select(next, at("autoplay").checked);
  else if (by > 0 && !at("more").hidden) load(true);
};
holder.addEventListener("pointerdown", (event) => {
  const card = event.target.closest(".card");
  if (card && !event.target.closest("input")) {
    cardAt(current)?.classList.remove("current");
    current = Number(card.dataset.number);
    card.classList.add("current");
  }
});

const judge = (verdict) => {
  if (current === null) step(0);
  const detection = shown.get(current);
  if (!detection || !["judge", "order"].includes(given.role)) return;
  verdicts.set([[detection, verdict]]);
  if (verdict) step(1);
};
onKeys({
  1: () => judge("call"),
  2: () => judge("not a call"),
  3: () => judge("unsure"),
  0: () => judge(null),
  Backspace: () => judge(null),
  j: () => step(1),
  k: () => step(-1),
  ArrowRight: () => step(1),
  ArrowLeft: () => step(-1),
  b: () => at("boxes").click(),
  c: () => at("contours").click(),
  " ": () => {
    if (current === null) step(0);
    const track = cardAt(current)?.track;
    if (track) player.toggle(track);
  },
});
for (const name of ["boxes", "contours"]) {
  at(name).addEventListener("change", () => document.body.classList.toggle(`${name.slice(0, -1)}less`, !at(name).checked));
}
for (const name of ["which", "device"]) at(name).addEventListener("change", () => load(false));
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("more").addEventListener("click", () => load(true));

const begin = async () => {
  const { devices } = await ask("/api/devices");
  for (const name of devices) at("device").append(element("option", {}, name));
  const last = await load(false);
  at("species").append(element("option", { value: "right whale upcall" }));
  document.documentElement.dataset.ready = "yes";
  listen(last, { detection: arrive, changed: change, reload: () => load(false) });
};
begin().catch((error) => say(error.message));
