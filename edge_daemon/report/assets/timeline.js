// A track of time: bars that count detections, a dot for each at its score, and a strip of what was listened to.

const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
  ...[1, 2, 7, 14, 28, 91, 182, 364, 728, 3640].map((days) => days * 86400),
];
const PARTS = { left: 44, right: 12, bars: 46, dots: 96, strip: 10, axis: 38, space: 8 };

const binCounts = (shown, begin, step, bins) => {
  const counts = new Array(bins).fill(0);
  for (const detection of shown) {
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((detection.at - begin) / step)));
    counts[bin] += 1;
  }
  return counts;
};

const stepText = (seconds) => {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const [name, size] = units.find(([, unit]) => seconds >= unit) ?? units[3];
  return `${seconds / size} ${name}`;
};

const tickText = (track, seconds, step) => {
  if (track.kind === "sequence") return clockText(seconds, 0);
  const text = utcText(seconds, 0);
  if (step >= 86400) return text.slice(0, 10);
  return text.slice(11, step >= 60 ? 16 : 19);
};

// The day of a tick, where ticks are times of day and there is more than one day; else nothing.
const dayText = (track, seconds, step, view) => {
  if (track.kind === "sequence" || step >= 86400) return "";
  const day = utcText(seconds, 0).slice(0, 10);
  return utcText(view[0], 0).slice(0, 10) === utcText(view[1], 0).slice(0, 10) ? "" : day;
};

// onRange(from, to) in the track's seconds, or (null, null); onPick(detection).
const timelineOf = (track, index, onRange, onPick) => {
  const canvas = element("canvas", { role: "img" });
  const caption = element("p", { class: "caption" });
  const holder = element("div", { class: "timeline" }, canvas, caption);
  const own = detections.filter((detection) => detection.track === index);
  let shown = own;
  let range = [null, null];
  let view = [track.begin, track.end]; // what the width shows
  const height = PARTS.bars + PARTS.dots + PARTS.strip + PARTS.axis + 2 * PARTS.space;
  const [dotsTop, stripTop] = [PARTS.bars + PARTS.space, PARTS.bars + PARTS.dots + 2 * PARTS.space];
  const least = own.reduce((low, detection) => Math.min(low, detection.peak), page.threshold);
  const floor = Math.max(0, least - 0.15 * (1 - least) - 0.01);
  const width = () => Math.max(50, canvas.clientWidth - PARTS.left - PARTS.right);
  const x = (seconds) => PARTS.left + ((seconds - view[0]) / (view[1] - view[0])) * width();
  const seen = (detection) => detection.at >= view[0] && detection.at <= view[1];
  const y = (score) => dotsTop + PARTS.dots * (1 - (score - floor) / (1 - floor));
  const seconds = (event) => {
    const place = canvas.getBoundingClientRect();
    const share = (event.clientX - place.left - PARTS.left) / width();
    return view[0] + Math.min(1, Math.max(0, share)) * (view[1] - view[0]);
  };

  const draw = () => {
    const scale = devicePixelRatio || 1;
    if (!canvas.clientWidth) return;
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    pen.scale(scale, scale);
    pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    drawStrip(pen, colour);
    drawBars(pen, colour);
    drawScores(pen, colour);
    drawTicks(pen, colour);
    drawRange(pen, colour);
  };
  const drawStrip = (pen, colour) => {
    const cell = (track.end - track.begin) / track.listened.length;
    const edge = (n) => Math.min(PARTS.left + width(), Math.max(PARTS.left, Math.round(x(track.begin + n * cell))));
    pen.fillStyle = colour("unrecorded");
    pen.fillRect(PARTS.left, stripTop, width(), PARTS.strip);
    track.listened.forEach((listened, n) => {
      // a cell with any sound at all is to be seen, and so is one with any loss
      for (const [share, name] of [[listened, "listened"], [track.lost[n], "lost"]]) {
        if (!share) continue;
        pen.globalAlpha = 0.35 + 0.65 * share;
        pen.fillStyle = colour(name);
        const [left, right] = [edge(n), edge(n + 1)];
        if (right <= PARTS.left || left >= PARTS.left + width()) continue;
        pen.fillRect(left, stripTop, Math.max(1, right - left), PARTS.strip);
      }
    });
    pen.globalAlpha = 1;
  };
  const drawBars = (pen, colour) => {
    const step = stepOf(view[1] - view[0], width() / 6, TIME_STEPS);
    const first = Math.floor(view[0] / step) * step;
    const counts = binCounts(shown.filter(seen), first, step, Math.max(1, Math.ceil((view[1] - first) / step)));
    const most = Math.max(1, ...counts);
    pen.fillStyle = colour("bar");
    counts.forEach((count, n) => {
      if (!count) return;
      const [left, right] = [x(Math.max(view[0], first + n * step)), x(Math.min(view[1], first + (n + 1) * step))];
      const tall = Math.max(2, (count / most) * (PARTS.bars - 14));
      pen.fillRect(left + 0.5, PARTS.bars - tall, Math.max(1, right - left - 1), tall);
    });
    pen.fillStyle = colour("quiet");
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.fillText(String(most), PARTS.left - 6, 14);
    pen.fillText("0", PARTS.left - 6, PARTS.bars - 4);
    pen.textAlign = "left";
    pen.fillText(`detections per ${stepText(step)}`, PARTS.left, 6);
  };
  const drawScores = (pen, colour) => {
    pen.strokeStyle = colour("line");
    pen.strokeRect(PARTS.left + 0.5, dotsTop + 0.5, width() - 1, PARTS.dots - 1);
    pen.strokeStyle = colour("threshold");
    pen.setLineDash([4, 4]);
    pen.beginPath();
    pen.moveTo(PARTS.left, y(page.threshold));
    pen.lineTo(PARTS.left + width(), y(page.threshold));
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = colour("quiet");
    pen.textAlign = "right";
    for (const score of multiples(floor, 1, stepOf(1 - floor, 4, [0.05, 0.1, 0.2, 0.25, 0.5]))) {
      pen.fillText(Number(score.toFixed(2)), PARTS.left - 6, y(score));
    }
    const dots = shown.filter(seen);
    const radius = dots.length > 2000 ? 1.5 : dots.length > 300 ? 2.5 : 4;
    pen.globalAlpha = dots.length > 2000 ? 0.5 : 0.85;
    for (const detection of dots) {
      pen.fillStyle = colour({ call: "call", "not a call": "other", unsure: "unsure" }[verdicts.of(detection)] ?? "dot");
      pen.beginPath();
      pen.arc(x(detection.at), y(detection.peak), radius, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
  };
  const drawTicks = (pen, colour) => {
    const wide = track.kind === "utc" ? 76 : 60;
    const step = stepOf(view[1] - view[0], Math.max(1, width() / wide), TIME_STEPS);
    const top = stripTop + PARTS.strip;
    pen.fillStyle = pen.strokeStyle = colour("quiet");
    pen.textAlign = "center";
    pen.textBaseline = "top";
    let [last, lastDay, shownDay] = [-Infinity, -Infinity, ""];
    for (const tick of multiples(view[0], view[1], step)) {
      const at = x(tick);
      pen.beginPath();
      pen.moveTo(at, top);
      pen.lineTo(at, top + 4);
      pen.stroke();
      const text = tickText(track, tick, step);
      const half = pen.measureText(text).width / 2;
      const middle = Math.min(Math.max(at, half + 2), canvas.clientWidth - half - 2);
      if (middle - half > last + 6) {
        pen.fillText(text, middle, top + 6);
        last = middle + half;
      }
      // below the first tick of each day that there is room for
      const day = dayText(track, tick, step, view);
      if (!day || day === shownDay) continue;
      const halfDay = pen.measureText(day).width / 2;
      const place = Math.min(Math.max(at, halfDay + 2), canvas.clientWidth - halfDay - 2);
      if (place - halfDay > lastDay + 6) {
        pen.fillText(day, place, top + 21);
        lastDay = place + halfDay;
        shownDay = day;
      }
    }
    pen.textBaseline = "alphabetic";
  };
  const drawRange = (pen, colour) => {
    if (range[0] === null) return;
    const [left, right] = range.map((moment) => x(Math.min(view[1], Math.max(view[0], moment))));
    pen.fillStyle = colour("veil");
    pen.fillRect(PARTS.left, dotsTop, left - PARTS.left, PARTS.dots);
    pen.fillRect(right, dotsTop, PARTS.left + width() - right, PARTS.dots);
    pen.strokeStyle = colour("accent");
    pen.strokeRect(left, dotsTop, Math.max(1, right - left), PARTS.dots);
  };

  const nearest = (event) => {
    const place = canvas.getBoundingClientRect();
    const away = (detection) =>
      Math.hypot(x(detection.at) - (event.clientX - place.left), y(detection.peak) - (event.clientY - place.top));
    let [best, least] = [null, 14];
    for (const detection of shown.filter(seen)) {
      if (away(detection) < least) [best, least] = [detection, away(detection)];
    }
    return best;
  };
  let grip = null;
  canvas.addEventListener("pointerdown", (event) => {
    grip = { x: event.clientX, from: seconds(event), moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!grip || (!grip.moved && Math.abs(event.clientX - grip.x) < 6)) return;
    grip.moved = true;
    range = [grip.from, seconds(event)].sort((a, b) => a - b);
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    const held = grip;
    grip = null;
    if (held?.moved) onRange(...range);
    else if (held) {
      const picked = nearest(event);
      if (picked) onPick(picked);
      else if (range[0] !== null) onRange(null, null);
    }
  });
  canvas.addEventListener("pointercancel", () => {
    grip = null;
    draw();
  });
  canvas.style.height = `${height}px`;
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  caption.textContent =
    track.kind === "utc"
      ? `${utcText(track.begin, 0)} to ${utcText(track.end, 0)} UTC`
      : "Recordings without a time of day, one after the other";
  return {
    holder,
    draw,
    // The chosen time over the whole width; no less than a second.
    enlarge: () => {
      if (range[0] === null) return;
      view = [range[0], Math.max(range[1], range[0] + 1)];
      draw();
    },
    show: (some, chosen) => {
      shown = some.filter((detection) => detection.track === index);
      range = chosen;
      if (range[0] === null || range[1] <= view[0] || range[0] >= view[1]) view = [track.begin, track.end];
      canvas.setAttribute("aria-label", `Timeline: ${shown.length} detections, ${caption.textContent}`);
      draw();
    },
  };
};
