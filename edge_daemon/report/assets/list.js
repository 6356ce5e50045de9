// The list: what is chosen, in which order, a page of it at a time. Pictures and sound of a page exist while it is shown.

const PAGE = 24;

const choice = { order: "score", least: 0, most: 1, which: "all", folder: "", file: "", track: 0, from: null, to: null };

// Cards show three digits, and a limit that is written takes in what is shown so.
const shown = (score) => Math.round(score * 1000) / 1000;

// Whether a recording is in the chosen folder, or below it, and its name has the chosen part.
const within = (path) =>
  (choice.folder === "" || folderName(path) === choice.folder || path.startsWith(`${choice.folder}/`)) &&
  (choice.file === "" || baseName(path).toLowerCase().includes(choice.file.toLowerCase()));

const fits = (detection) =>
  within(detection.file) &&
  shown(detection.peak) >= choice.least &&
  shown(detection.peak) <= choice.most &&
  (choice.from === null ||
    (detection.track === choice.track && detection.at >= choice.from && detection.at <= choice.to)) &&
  (choice.which === "all" || (verdicts.of(detection) ?? "open") === choice.which);

const byTime = (a, b) => a.track - b.track || a.at - b.at || a.row - b.row;

const list = (() => {
  const holder = document.getElementById("list");
  const navigations = document.querySelectorAll("nav.pages");
  let chosen = [];
  let first = 0;
  let current = -1; // place in `chosen`
  const watchers = [];

  const cardAt = (index) => holder.children[index - first];
  const pagesText = () => {
    const last = Math.min(first + PAGE, chosen.length);
    return `${(first + 1).toLocaleString("en")}–${last.toLocaleString("en")} of ${chosen.length.toLocaleString("en")}`;
  };
  const drawPages = () => {
    for (const navigation of navigations) {
      const turn = (text, target, name) => {
        const button = element("button", { type: "button", "aria-label": name }, text);
        button.disabled = target < 0 || target >= chosen.length || target === first;
        button.addEventListener("click", () => {
          turnTo(target);
          document.getElementById("what").scrollIntoView();
        });
        return button;
      };
      const lastPage = Math.floor(Math.max(0, chosen.length - 1) / PAGE) * PAGE;
      navigation.replaceChildren(
        turn("«", 0, "First page"),
        turn("‹", first - PAGE, "Previous page"),
        element("span", {}, pagesText()),
        turn("›", first + PAGE, "Next page"),
        turn("»", lastPage, "Last page"),
      );
      navigation.hidden = chosen.length === 0;
    }
  };
  const turnTo = (start) => {
    player.leave();
    player.forget();
    first = start;
    current = -1;
    holder.replaceChildren(...chosen.slice(first, first + PAGE).map(cardOf));
    drawPages();
  };
  const select = (index, { scroll = true, play = false } = {}) => {
    if (index < 0 || index >= chosen.length) return;
    const start = Math.floor(index / PAGE) * PAGE;
    if (start !== first) turnTo(start);
    cardAt(current)?.classList.remove("current");
    current = index;
    const card = cardAt(index);
    card.classList.add("current");
    if (scroll) {
      card.focus({ preventScroll: true });
      card.scrollIntoView({ block: "nearest" });
    }
    if (play && card.track) player.begin(card.track, 0);
  };
  holder.addEventListener("pointerdown", (event) => {
    const card = event.target.closest(".card");
    if (card) select(first + [...holder.children].indexOf(card), { scroll: false });
  });
  // a button that was clicked lets go of the keys, or Space would press it once more instead of playing
  holder.addEventListener("click", (event) => {
    if (event.detail > 0) event.target.closest("button")?.blur();
  });
  verdicts.watch(() => {
    [...holder.children].forEach((card, n) => markVerdict(card, chosen[first + n]));
  });
  return {
    refresh: () => {
      chosen = detections.filter(fits);
      if (choice.order === "time") chosen.sort(byTime);
      document.getElementById("none").hidden = chosen.length > 0;
      turnTo(0);
      watchers.forEach((watcher) => watcher(chosen));
    },
    watch: (watcher) => watchers.push(watcher),
    select,
    step: (by, options) => select(current < 0 ? first : current + by, options),
    current: () => (current < 0 ? null : { detection: chosen[current], card: cardAt(current) }),
    find: (detection) => chosen.indexOf(detection),
  };
})();
