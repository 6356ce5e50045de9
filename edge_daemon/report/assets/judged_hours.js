// The run's calendar, which follows the verdicts.

const showCalendar = () => {
  const holder = document.getElementById("calendar");
  holder.hidden = page.effort.length === 0;
  if (holder.hidden) return;
  const calls = detections.filter(({ atUs }) => atUs !== null);
  const judged = calls.map((detection) => ({ atUs: detection.atUs, score: detection.peak, verdict: verdicts.of(detection) }));
  holder.replaceChildren(...calendarOf(judgedHours(judged, page.effort, page.presence)));
};
verdicts.watch(showCalendar);
showCalendar();
