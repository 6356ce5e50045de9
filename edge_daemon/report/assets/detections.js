// The detections as objects, with their places on the tracks of time.

const page = JSON.parse(document.getElementById("data").textContent);

const detections = page.rows.map(
  ([id, recording, begin, end, peak, mean, windows, low, high, level, gaps], row) => {
    const [file, track, offset] = page.recordings[recording];
    const pictured = row < page.pictured;
    return { row, id, file, track, at: offset + begin, begin, end, peak, mean, windows, low, high, level, gaps, pictured };
  },
);

// Picture, sound and scores lie in elements of their own and are read when they are shown.
const mediaOf = (detection) => {
  const holder = detection.pictured ? document.getElementById(`media-${detection.row}`) : null;
  return holder ? JSON.parse(holder.textContent) : null;
};

const timeText = (detection) =>
  page.tracks[detection.track]?.kind === "utc" ? utcText(detection.at) : clockText(detection.begin);
