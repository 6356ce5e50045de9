// The page put together: summary, timelines, filters, review and keys.

const at = (id) => document.getElementById(id);

for (const [figure, name, remark] of page.figures) {
  at("figures").append(
    element("div", {}, element("dt", {}, name), element("dd", {}, figure), element("dd", { class: "remark" }, remark)),
  );
}

for (const { title, lines } of page.sections) {
  const table = element("table");
  for (const [name, text] of lines) table.append(element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, text)));
  at("sections").append(element("details", {}, element("summary", {}, title), table));
}

const notices = [];
if (page.rows.length < page.total) {
  notices.push(
    `The run found ${page.total.toLocaleString("en")} detections; this page lists the ${page.rows.length.toLocaleString("en")} with the best scores.`,
  );
}
if (page.pictured < page.rows.length) {
  notices.push(
    `Only the ${page.pictured.toLocaleString("en")} best-scored of ${page.rows.length.toLocaleString("en")} detections have picture and sound.`,
  );
}
if (!verdicts.kept()) notices.push("This browser does not save your verdicts: export them before you close the page.");
at("notice").textContent = notices.join(" ");
at("notice").hidden = notices.length === 0;

at("about").textContent =
  "A line follows the pitch of the call, and its box spans the call. Where the pitch could not be followed, the box " +
  "spans the detection's time and the band in which something stood out (a help for the eye, not a measurement). " +
  "The score of a window is drawn over the hop around its centre; dashed " +
  `lines are the thresholds. ${page.contextS ? "The curve is the network's own score, which calls of the last " +
  `${page.contextS} s raise before it is held against them: a detection's score can be higher. ` : ""}` +
  `Clips start playing ${page.speed === 1 ? "at their own speed" : `${page.speed} times as fast, for ` +
  "small loudspeakers cannot play such low calls; pitch rises with speed"}. All are equally loud; sound ` +
  `below ${page.callBandHz[0] / 2} Hz is removed.`;

// Timelines, each with fields for its range.
const timelines = page.tracks.map((track, index) => {
  const pick = (detection) => {
    const place = list.find(detection);
    if (place >= 0) list.select(place, { play: at("autoplay").checked });
  };
  const limit = (from, to) => {
    Object.assign(choice, { track: index, from, to });
    list.refresh();
  };
  const timeline = timelineOf(track, index, limit, pick);
  const utc = track.kind === "utc";
  // plain text: a browser's own date field shows the reader's zone and order of day and month, and means UTC here
  const field = (name) =>
    element("input", { type: "text", name: `${name} ${index}`, autocomplete: "off", size: utc ? "18" : "9", "aria-label": `${name}, ${utc ? "UTC" : "hours:minutes:seconds"}` });
  const [from, to] = [field("From"), field("To")];
  const text = (seconds) => (utc ? utcText(seconds, 0) : clockText(seconds, 0));
  const read = (input, otherwise) => {
    const typed = input.value.trim();
    if (!typed || typed === text(otherwise)) return otherwise;
    const value = utc
      ? Date.parse(`${typed.replace(/\s+/, "T")}Z`) / 1000
      : typed.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
    return Number.isFinite(value) ? value : otherwise;
  };
  const take = () => {
    const [first, last] = [read(from, track.begin), read(to, track.end)];
    if (first <= track.begin && last >= track.end) limit(null, null);
    else limit(first, last);
  };
  from.addEventListener("change", take);
  to.addEventListener("change", take);
  const whole = element("button", { type: "button" }, "whole time");
  whole.addEventListener("click", () => limit(null, null));
  const fields = element("p", { class: "range" }, element("label", {}, "from ", from), element("label", {}, "to ", to));
  if (utc) fields.append("UTC");
  const enlarge = element("button", { type: "button", class: "enlarge" }, "enlarge");
  enlarge.addEventListener("click", timeline.enlarge);
  fields.append(enlarge, whole);
  timeline.holder.append(fields);
  at("timelines").append(timeline.holder);
  const fill = (range) => {
    from.value = text(range[0] ?? track.begin);
    to.value = text(range[1] ?? track.end);
    enlarge.disabled = range[0] === null;
  };
  return { ...timeline, index, fill };
});

list.watch(() => {
  // the timeline shows all times, so that what lies outside the range can be chosen next
  const { from, to } = choice;
  Object.assign(choice, { from: null, to: null });
  const some = detections.filter(fits);
  Object.assign(choice, { from, to });
  for (const timeline of timelines) {
    const range = timeline.index === choice.track ? [from, to] : [null, null];
    timeline.show(some, range);
    timeline.fill(range);
  }
});

// Filters
const readFilters = () => {
  const number = (id, otherwise) => (at(id).value === "" ? otherwise : Number(at(id).value));
  Object.assign(choice, {
    order: at("order").value,
    least: number("least", 0),
    most: number("most", 1),
    which: at("which").value,
    folder: at("folder").value,
    file: at("file").value.trim(),
  });
  list.refresh();
};
for (const id of ["order", "least", "most", "which", "folder", "file"]) at(id).addEventListener("change", readFilters);
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("filters").addEventListener("reset", () => {
  Object.assign(choice, { from: null, to: null });
  setTimeout(() => {
    showBoxes();
    showContours();
    readFilters();
  });
});
const showBoxes = () => document.body.classList.toggle("boxless", !at("boxes").checked);
at("boxes").addEventListener("change", showBoxes);
const showContours = () => document.body.classList.toggle("contourless", !at("contours").checked);
at("contours").addEventListener("change", showContours);

// Review
const showProgress = () => {
  const [count, all] = [verdicts.count(), detections.length];
  at("judged").textContent = `${count.toLocaleString("en")} of ${all.toLocaleString("en")} judged`;
  at("share").style.width = percent(all ? count / all : 0);
  at("export").disabled = verdicts.noted().length === 0;
  const named = new Set([page.label.replaceAll("_", " "), ...verdicts.species()]);
  at("species").replaceChildren(...[...named].map((name) => element("option", { value: name })));
};
at("reviewer").value = verdicts.reviewer();
at("reviewer").addEventListener("change", () => verdicts.setReviewer(at("reviewer").value));
verdicts.watch(() => {
  showProgress();
  showPrecision();
  for (const timeline of timelines) timeline.draw();
});
at("export").addEventListener("click", () => {
  const link = element("a", { download: "verdicts.csv" });
  link.href = URL.createObjectURL(new Blob([verdictTable()], { type: "text/csv" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
});
at("import").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (!file) return;
  try {
    const taken = takeTable(await file.text());
    at("judged").textContent += ` (${taken} taken from ${file.name})`;
  } catch (error) {
    at("judged").textContent = error.message;
  }
});

// Keys
const judge = (verdict) => {
  if (!list.current()) list.step(0);
  const held = list.current();
  if (!held) return;
  verdicts.set([[held.detection, verdict]]);
  if (verdict) list.step(1, { play: at("autoplay").checked });
};
onKeys({
  1: () => judge("call"),
  2: () => judge("not a call"),
  3: () => judge("unsure"),
  0: () => judge(null),
  Backspace: () => judge(null),
  j: () => list.step(1, { play: at("autoplay").checked }),
  k: () => list.step(-1, { play: at("autoplay").checked }),
  ArrowRight: () => list.step(1, { play: at("autoplay").checked }),
  ArrowLeft: () => list.step(-1, { play: at("autoplay").checked }),
  b: () => at("boxes").click(),
  c: () => at("contours").click(),
  " ": () => {
    if (!list.current()) list.step(0);
    const track = list.current()?.card.track;
    if (track) player.toggle(track);
  },
});

showProgress();
showPrecision();
list.refresh();
document.documentElement.dataset.ready = "yes";
