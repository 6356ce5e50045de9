// Hours by days: how much was listened to, and where calls were found.

const HOURS = 24;
const TALLEST = 640;

// effort: hour since 1970 → share listened to; found: hour → { calls, validated }. Returns elements to show.
const calendarOf = (effort, found) => {
  const hours = [...effort.keys(), ...found.keys()];
  const [first, last] = [hours, hours].map((all, n) => Math.floor(all.reduce((a, b) => (n ? Math.max : Math.min)(a, b)) / HOURS));
  const days = last - first + 1;
  const height = Math.max(2, Math.min(14, Math.floor(TALLEST / days)));
  const drawing = shape("svg", { viewBox: `0 0 ${HOURS * 14} ${days * height}`, role: "img", "aria-label": `Calendar of ${days} days` });
  for (const hour of new Set(hours)) {
    const [day, column] = [Math.floor(hour / HOURS) - first, ((hour % HOURS) + HOURS) % HOURS];
    const [share, counted] = [effort.get(hour) ?? 0, found.get(hour)];
    const kind = counted ? (counted.validated ? "detected" : "possible") : "none";
    const cell = shape("rect", { class: kind, x: column * 14, y: day * height, width: 13, height: Math.max(1, height - 1) });
    cell.style.opacity = counted ? 1 : 0.15 + 0.85 * share;
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${utcText(hour * 3600, 0)} UTC: ${counted?.calls ?? 0} calls, ${counted?.validated ?? 0} validated, ${Math.round(60 * share)} min listened`;
    cell.append(title);
    drawing.append(cell);
  }
  const dates = element("div", { class: "dates" });
  const step = Math.ceil(16 / height);
  for (let day = 0; day < days; day += step) {
    dates.append(place(element("span", {}, utcText((first + day) * 86_400, 0).slice(0, 10)), { top: percent(day / days) }));
  }
  const legend = element("p", { class: "legend" }, "Hours (left to right, UTC) of each day: ");
  for (const [kind, text] of [["none", "listened, nothing found (fainter: less effort)"], ["possible", "possibly detected"], ["detected", "detected: judged a call"]]) {
    legend.append(element("span", { class: `key ${kind}` }), ` ${text} `);
  }
  return [element("div", { class: "grid" }, dates, drawing), legend];
};
