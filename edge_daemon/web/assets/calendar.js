// Hours by days: how much was listened to, and where calls were found.

const HOURS = 24;
const TALLEST = 640;

const RESULTS = {
  DETECTED: ["detected", "detected"],
  POSSIBLY_DETECTED: ["possible", "possibly detected"],
  NOT_DETECTED: ["none", "nothing found (fainter: less effort)"],
  NOT_AVAILABLE: ["unknown", "nothing found, but too little was listened to"],
};

// judged: hour since 1970 → { calls, validated, share, result }, not empty. Returns elements to show.
const calendarOf = (judged) => {
  const hours = [...judged.keys()];
  const [first, last] = [hours, hours].map((all, n) => Math.floor(all.reduce((a, b) => (n ? Math.max : Math.min)(a, b)) / HOURS));
  const days = last - first + 1;
  const height = Math.max(2, Math.min(14, Math.floor(TALLEST / days)));
  const drawing = shape("svg", { viewBox: `0 0 ${HOURS * 14} ${days * height}`, role: "img", "aria-label": `Calendar of ${days} days` });
  for (const [hour, { calls, validated, share, result }] of judged) {
    const [day, column] = [Math.floor(hour / HOURS) - first, ((hour % HOURS) + HOURS) % HOURS];
    const cell = shape("rect", { class: RESULTS[result][0], x: column * 14, y: day * height, width: 13, height: Math.max(1, height - 1) });
    cell.style.opacity = calls ? 1 : 0.15 + 0.85 * share;
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${utcText(hour * 3600, 0)} UTC: ${RESULTS[result][1]}; ${calls} calls, ${validated} validated, ${Math.round(60 * share)} min listened`;
    cell.append(title);
    drawing.append(cell);
  }
  const dates = element("div", { class: "dates" });
  const step = Math.ceil(16 / height);
  for (let day = 0; day < days; day += step) {
    dates.append(place(element("span", {}, utcText((first + day) * 86_400, 0).slice(0, 10)), { top: percent(day / days) }));
  }
  const clock = element("div", { class: "clock" });
  for (let hour = 0; hour < HOURS; hour += 3) {
    clock.append(place(element("span", {}, String(hour).padStart(2, "0")), { left: percent(hour / HOURS) }));
  }
  const legend = element("p", { class: "legend" }, "Days (UTC) from top to bottom, their hours from left to right: ");
  for (const [kind, text] of Object.values(RESULTS).reverse()) {
    legend.append(element("span", {}, element("span", { class: `key ${kind}` }), ` ${text}`), " ");
  }
  return [element("div", { class: "grid" }, element("span"), clock, dates, drawing), legend];
};
