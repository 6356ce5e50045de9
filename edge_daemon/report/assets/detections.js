// The detections as objects, with their places on the tracks of time.

const page = JSON.parse(document.getElementById("data").textContent);

// Seconds by which a recording's clock is ahead of its samples: the recorder's pauses so far.
const aheadOf = (recording, begin) => (page.listened[recording].ahead ?? []).findLast(([from]) => from <= begin)?.[1] ?? 0;

const detections = page.rows.map(
  ([id, recording, begin, end, peak, mean, windows, low, high, level, gaps], row) => {
    const [file, track, offset] = page.recordings[recording];
    const pictured = row < page.pictured;
    const at = offset + begin + aheadOf(recording, begin);
    return { row, id, recording, file, track, at, begin, end, peak, mean, windows, low, high, level, gaps, pictured };
  },
);

// Picture, sound and scores lie in elements of their own and are read when they are shown.
const mediaOf = (detection) => {
  const holder = detection.pictured ? document.getElementById(`media-${detection.row}`) : null;
  return holder ? JSON.parse(holder.textContent) : null;
};

const timeText = (detection) =>
  page.tracks[detection.track]?.kind === "utc" ? utcText(detection.at) : clockText(detection.begin);
