// One detection: plot, player, facts and verdict. The page says what is its own: `whenOf`, `placeOf`, `mediaOf`, `soundOf`.

const SYMBOLS = { call: "✓", "not a call": "✗", unsure: "?" };

const factsOf = (detection) => {
  const facts = [];
  if (detection.low !== null) facts.push(`${detection.low.toFixed(0)}–${detection.high.toFixed(0)} Hz`);
  facts.push(`${(detection.end - detection.begin).toFixed(2)} s`);
  facts.push(`${detection.windows} window${detection.windows === 1 ? "" : "s"}, mean ${detection.mean.toFixed(2)}`);
  if (detection.level !== null) facts.push(`${detection.level.toFixed(1)} dB re 1 µPa`);
  if (detection.gaps) facts.push("sound is missing nearby");
  return facts.join(" · ");
};

const headingOf = (detection) => {
  const when = element("span", { class: "when" }, whenOf(detection));
  const { title, name, more } = placeOf(detection);
  const where = element("span", { class: "where", title });
  where.append(element("span", { class: "name" }, name), more);
  return element("h3", {}, element("span", { class: "score" }, `score ${detection.peak.toFixed(3)}`), when, where);
};

const verdictButtons = (detection) => {
  const group = element("div", { class: "verdicts", role: "group", "aria-label": "Verdict" });
  VERDICTS.forEach((verdict, n) => {
    const button = element("button", { type: "button", "data-verdict": verdict, title: `Key ${n + 1}` });
    button.append(element("span", { "aria-hidden": "true" }, SYMBOLS[verdict]), ` ${verdict}`);
    button.addEventListener("click", () => {
      verdicts.set([[detection, verdicts.of(detection) === verdict ? null : verdict]]);
    });
    group.append(button);
  });
  return group;
};

// Fields for a species and a remark; what is typed is kept when the field is left.
const noteFields = (detection) => {
  const group = element("div", { class: "notes" });
  for (const [name, title, attributes] of [
    ["species", "Species", { list: "species" }],
    ["remark", "Remark", {}],
  ]) {
    const field = element("input", { type: "text", name, placeholder: title, "aria-label": title, autocomplete: "off", maxlength: "500", ...attributes });
    field.addEventListener("change", () => verdicts.note([[detection, { [name]: field.value.trim() }]]));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") field.blur();
    });
    group.append(field);
  }
  return group;
};

const playerBar = (track) => {
  const bar = element("div", { class: "player" });
  const play = element("button", { type: "button", class: "play", "aria-label": "Play" }, "▶");
  play.addEventListener("click", () => player.toggle(track));
  track.changed = (playing) => {
    play.textContent = playing ? "❚❚" : "▶";
    play.setAttribute("aria-label", playing ? "Pause" : "Play");
  };
  track.failed = () => bar.replaceChildren("This browser cannot play FLAC.");
  const speeds = element("div", { class: "speeds", role: "group", "aria-label": "Speed" });
  for (const speed of SPEEDS) {
    const button = element("button", { type: "button", "data-speed": speed }, `${speed === 0.5 ? "½" : speed}×`);
    button.addEventListener("click", () => {
      player.setSpeed(speed);
      player.begin(track);
    });
    speeds.append(button);
  }
  const mark = (chosen) => {
    for (const button of speeds.children) button.setAttribute("aria-pressed", String(Number(button.dataset.speed) === chosen));
  };
  player.watch(mark);
  mark(player.speed());
  const save = element("a", { class: "save", href: track.original ?? track.sound, download: track.name, title: "Save the clip" }, "save");
  bar.append(play, speeds, save);
  return bar;
};

// Returns the card; `card.track` is what the player plays, if there is sound.
const cardOf = (detection) => {
  const media = mediaOf(detection);
  const card = element("li", { class: media ? "card" : "card bare", "data-row": detection.row, tabindex: "-1" });
  card.append(headingOf(detection));
  if (media) {
    const sound = soundOf(detection, media); // { sound: its address, name: of the file to save it in }, or null
    const track = sound && { ...sound, moved() {}, changed() {}, failed() {} };
    const { plot, moved } = plotOf(detection, media, (share) => track && player.begin(track, share));
    card.append(plot);
    if (media.problem) card.append(element("p", { class: "problem" }, media.problem));
    if (track) {
      track.moved = moved;
      card.append(playerBar(track));
      card.track = track;
    }
  }
  card.append(element("p", { class: "facts" }, factsOf(detection)), verdictButtons(detection), noteFields(detection));
  markVerdict(card, detection);
  return card;
};

const markVerdict = (card, detection) => {
  const given = verdicts.of(detection);
  if (given) card.dataset.verdict = given;
  else delete card.dataset.verdict;
  for (const button of card.querySelectorAll(".verdicts button")) {
    button.setAttribute("aria-pressed", String(button.dataset.verdict === given));
  }
  const said = verdicts.said(detection);
  for (const field of card.querySelectorAll(".notes input")) {
    if (field !== document.activeElement) field.value = said[field.name] ?? "";
  }
};
