// The run's calendar: calls found in each hour, changed by verdicts.

// Detections of each hour since 1970 that nobody called no call, and those that somebody called a call.
const callsByHour = () => {
  const found = new Map();
  for (const detection of detections) {
    if (page.tracks[detection.track]?.kind !== "utc") continue;
    const verdict = verdicts.of(detection);
    if (verdict === "not a call") continue;
    const hour = Math.floor(detection.at / 3600);
    const counted = found.get(hour) ?? { calls: 0, validated: 0 };
    counted.calls += 1;
    counted.validated += verdict === "call" ? 1 : 0;
    found.set(hour, counted);
  }
  return found;
};

const showCalendar = () => {
  const holder = document.getElementById("calendar");
  holder.hidden = page.effort.length === 0;
  if (!holder.hidden) holder.replaceChildren(...calendarOf(new Map(page.effort), callsByHour()));
};
verdicts.watch(showCalendar);
showCalendar();
