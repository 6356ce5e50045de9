// A detection's spectrogram with its box, and below it, on the same axis of time, the scores of its windows. The page
// says what is its own: `pictureOf`, `topOf` (Hz), `TIME_TITLE`.

const SVG = "http://www.w3.org/2000/svg";
const percent = (share) => `${100 * share}%`;

const place = (made, style) => {
  Object.assign(made.style, style);
  return made;
};

const label = (text, name, style) => place(element("span", { class: name }, text), style);

const shape = (name, attributes) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

const frequencyStep = (top) =>
  stepOf(top, 6, [1, 2, 5].flatMap((digit) => [0, 1, 2, 3, 4].map((power) => digit * 10 ** power)).sort((a, b) => a - b));

const soundPlot = (detection, media) => {
  const plot = element("div", { class: "sound" });
  const span = media.end - media.begin;
  const topHz = topOf(media);
  plot.append(pictureOf(media, topHz), element("span", { class: "title" }, "frequency, Hz"));
  for (const hertz of multiples(0, topHz, frequencyStep(topHz))) {
    plot.append(label(hertz, "hertz", { bottom: percent(hertz / topHz) }));
  }
  if (detection.low !== null || media.box) {
    const [first, last, low, top] = media.box ?? [detection.begin, detection.end, detection.low, detection.high];
    const [begin, high] = [Math.max(first, media.begin), Math.min(top, topHz)];
    plot.append(
      place(element("div", { class: "box" }), {
        left: percent((begin - media.begin) / span),
        width: percent((Math.min(last, media.end) - begin) / span),
        bottom: percent(low / topHz),
        height: percent((high - low) / topHz),
      }),
    );
  }
  if (media.contour) {
    const drawing = shape("svg", { class: "contour", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
    drawing.append(shape("path", { d: contourPath(media) }));
    plot.append(drawing);
  }
  return plot;
};

// The call's pitch, as shares of the picture's width and height.
const contourPath = (media) => {
  const [begin, step, hertz] = media.contour;
  const points = hertz.map((pitch, n) => {
    const x = (begin + n * step - media.begin) / (media.end - media.begin);
    return `${x.toFixed(4)} ${(1 - pitch / topOf(media)).toFixed(4)}`;
  });
  return `M${points.join("L")}`;
};

// Steps, for a window speaks for its cell; where a window is missing there is a hole.
const scorePath = (media) => {
  const span = media.end - media.begin;
  const x = (seconds) => Math.min(1, Math.max(0, (seconds - media.begin) / span)).toFixed(4);
  let path = "";
  let end = null;
  media.cells.forEach((begin, n) => {
    const y = (1 - media.scores[n]).toFixed(4);
    const joined = end !== null && begin - end < media.cell / 100;
    path += `${joined ? "L" : "M"}${x(begin)} ${y}L${x(begin + media.cell)} ${y}`;
    end = begin + media.cell;
  });
  return path;
};

const scorePlot = (detection, media) => {
  const plot = element("div", { class: "scores" });
  const drawing = shape("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
  const threshold = 1 - page.threshold;
  drawing.append(shape("path", { class: "threshold", d: `M0 ${threshold}L1 ${threshold}` }));
  if (page.thresholdLow < page.threshold) {
    drawing.append(shape("path", { class: "threshold low", d: `M0 ${1 - page.thresholdLow}L1 ${1 - page.thresholdLow}` }));
  }
  drawing.append(shape("path", { class: "curve", d: scorePath(media) }));
  plot.append(drawing, element("span", { class: "title" }, "score"));
  for (const score of [0, 0.5, 1]) plot.append(label(score, "hertz", { bottom: percent(score) }));
  return plot;
};

const secondsAxis = (media) => {
  const axis = element("div", { class: "seconds" });
  const span = media.end - media.begin;
  const digits = Math.floor(media.end).toString().length;
  const step = stepOf(span, Math.max(2, Math.floor(36 / (digits + 2))), [1, 2, 5, 10, 20, 50]);
  for (const second of multiples(media.begin, media.end, step)) {
    axis.append(label(second, "second", { left: percent((second - media.begin) / span) }));
  }
  axis.append(element("span", { class: "title" }, TIME_TITLE));
  return axis;
};

// Returns the element and what moves the playing position; a share of null hides it.
const plotOf = (detection, media, seek) => {
  const plot = element("div", { class: "plot" });
  const cursor = element("div", { class: "cursor", hidden: "" });
  const area = element("div", { class: "area" });
  if (media.picture) {
    const sound = soundPlot(detection, media);
    sound.addEventListener("click", (event) => {
      const place = sound.getBoundingClientRect();
      seek(Math.min(0.999, Math.max(0, (event.clientX - place.left) / place.width)));
    });
    area.append(sound);
  }
  if (media.scores) area.append(scorePlot(detection, media));
  area.append(secondsAxis(media));
  const over = element("div", { class: "over" });
  over.append(cursor);
  plot.append(area, over);
  const moved = (share) => {
    cursor.hidden = share === null;
    if (share !== null) cursor.style.left = percent(share);
  };
  return { plot, moved };
};
