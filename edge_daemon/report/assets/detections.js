// The detections as objects, with their places on the tracks of time.

const page = JSON.parse(document.getElementById("data").textContent);

// Seconds by which a recording's clock is ahead of its samples: the recorder's pauses so far.
const aheadOf = (recording, begin) => (page.listened[recording].ahead ?? []).findLast(([from]) => from <= begin)?.[1] ?? 0;

const detections = page.rows.map(
  ([id, recording, begin, end, peak, mean, windows, low, high, level, gaps, atUs], row) => {
    const [file, track, offset] = page.recordings[recording];
    const pictured = row < page.pictured;
    const at = offset + begin + aheadOf(recording, begin);
    return { row, id, recording, file, track, at, begin, end, peak, mean, windows, low, high, level, gaps, atUs, pictured };
  },
);

// Picture, sound and scores lie in elements of their own and are read when they are shown.
const mediaOf = (detection) => {
  const holder = detection.pictured ? document.getElementById(`media-${detection.row}`) : null;
  return holder ? JSON.parse(holder.textContent) : null;
};

const timeText = (detection) =>
  page.tracks[detection.track]?.kind === "utc" ? utcText(detection.at) : clockText(detection.begin);

// What cards and plots ask of the page that shows them
const whenOf = (detection) => timeText(detection) + (page.tracks[detection.track]?.kind === "utc" ? " UTC" : "");
const placeOf = ({ file, begin }) => ({ title: file, name: baseName(file), more: ` at ${clockText(begin)}` });
const soundOf = ({ file }, media) =>
  media.sound && {
    sound: `data:audio/flac;base64,${media.sound}`,
    name: `${baseName(file).replace(/\.[^.]*$/, "")}_${clockText(media.begin).replaceAll(":", "-")}.flac`,
  };
const topOf = () => page.topHz;
const pictureOf = (media, topHz) =>
  element("img", {
    src: `data:image/webp;base64,${media.picture}`,
    alt: `Spectrogram, ${media.begin.toFixed(1)} to ${media.end.toFixed(1)} s, 0 to ${topHz} Hz`,
    draggable: "false",
  });
const TIME_TITLE = "time in the recording, s";
