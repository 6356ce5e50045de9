// Detections as cards: what the shared card and plot ask of the page, and verdicts that the server keeps.

const page = { speed: 4 };
const VERDICTS = ["call", "not a call", "unsure"];
const LATE_S = 120;
const MARGIN_S = 0.5;
const TIME_TITLE = "time, s";
const NO_PICTURE = { columns: 0 }; // a contour and its box are drawn without one, too

const pictureTopHz = (detection) => {
  const picture = detection.picture;
  const highest = Math.max(
    250,
    picture ? picture.low + picture.levels.length * picture.stepHz : 0,
    ...(detection.contour?.[2] ?? [detection.high ?? 0]),
  );
  return Math.ceil(highest / 50) * 50;
};

// What a plot shows: the thumbnail's stretch of time if one came, else the detection with some room around it.
const mediaOf = (detection) => {
  const { picture, contour, sound } = detection;
  if (!picture && !contour && !sound) return null;
  let [begin, end] = [detection.begin - MARGIN_S, detection.end + MARGIN_S];
  if (picture) [begin, end] = [picture.begin - picture.step / 2, picture.begin + (picture.columns - 0.5) * picture.step];
  if (sound) [begin, end] = [sound.begin, sound.begin + sound.seconds]; // so that the cursor runs over the whole plot
  const [first, last, low, high] = detection.box;
  const box = low === null ? null : [first, last, low, high];
  return { begin, end, picture: picture ?? NO_PICTURE, contour, box, topHz: pictureTopHz(detection) };
};

const topOf = (media) => media.topHz;

// The thumbnail at its place: a level is a grey, dark where it was as quiet as usual.
const pictureOf = (media, topHz) => {
  const holder = element("canvas", { role: "img", "aria-label": media.picture.columns ? "Small spectrogram" : "No picture came" });
  if (!media.picture.columns) return holder;
  const { levels, columns, begin, step, low, stepHz } = media.picture;
  const small = element("canvas", { width: columns, height: levels.length });
  const pixels = small.getContext("2d");
  levels.forEach((row, n) =>
    row.forEach((level, column) => {
      pixels.fillStyle = `hsl(${260 - 12 * level} 70% ${4 + 5.5 * level}%)`;
      pixels.fillRect(column, levels.length - 1 - n, 1, 1);
    }),
  );
  const [width, height] = [480, 200];
  Object.assign(holder, { width, height });
  const span = media.end - media.begin;
  const x = ((begin - step / 2 - media.begin) / span) * width;
  const top = low + (levels.length - 0.5) * stepHz;
  const drawn = holder.getContext("2d");
  drawn.imageSmoothingEnabled = false;
  drawn.drawImage(
    small, x, (1 - top / topHz) * height, ((columns * step) / span) * width, ((levels.length * stepHz) / topHz) * height,
  );
  return holder;
};

const whenOf = (detection) => `${utcText(detection.at)} UTC`;
const lateText = ({ at: heard, came }) => (came - heard < LATE_S ? "" : ` · came ${agoText(heard, came).replace(" ago", "")} late`);
const placeOf = (detection) => ({
  title: detection.device,
  name: detection.device,
  more: `${detection.label.replaceAll("_", " ")} · clock ${detection.clock}${lateText(detection)}`,
});
const soundOf = (detection) =>
  detection.sound && {
    sound: `/sound/${detection.number}`,
    original: `/sound/${detection.number}?sent`, // as the device has sent it, at a rate that browsers may refuse
    name: `${detection.device}_${detection.number}.${detection.sound.format}`,
  };

const mine = (detection) => detection.said.find(({ reviewer }) => reviewer === given.user) ?? {};

const verdicts = (() => {
  const watchers = [];
  const keep = async (detection, changes) => {
    const { verdict = null, species = "", remark = "" } = { ...mine(detection), ...changes };
    try {
      const card = await send(`/api/detections/${detection.number}/verdict`, { verdict, species, remark });
      watchers.forEach((watcher) => watcher(card));
      say("");
    } catch (error) {
      say(`The verdict was not kept: ${error.message}`);
    }
  };
  return {
    of: (detection) => mine(detection).verdict,
    said: mine,
    set: (pairs) => pairs.forEach(([detection, verdict]) => keep(detection, { verdict })),
    note: (pairs) => pairs.forEach(([detection, changes]) => keep(detection, changes)),
    watch: (watcher) => watchers.push(watcher),
  };
})();

// What others say stands below one's own.
const othersOf = (detection) => {
  const line = element("p", { class: "others" });
  for (const { reviewer, verdict, species, remark } of detection.said) {
    if (reviewer === given.user) continue;
    const parts = [verdict, species, remark].filter(Boolean).join(", ");
    line.append(element("span", {}, `${reviewer}: ${parts}`));
  }
  if (detection.lost !== null) line.append(element("span", {}, `no sound: ${detection.lost}`));
  return line;
};

const stationCard = (detection) => {
  const card = cardOf(detection);
  card.querySelector(".where .name").replaceChildren(element("a", { href: devicePath(detection.device) }, detection.device));
  card.append(othersOf(detection));
  card.dataset.number = detection.number;
  if (!["judge", "order"].includes(given.role)) card.querySelectorAll(".verdicts, .notes").forEach((part) => part.remove());
  return card;
};
