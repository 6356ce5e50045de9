// Detections as they arrive, the newest first.

const MOST = 48;
const holder = at("list");

const known = (number) => holder.querySelector(`[data-number="${Number(number)}"]`);
const put = (detection) => {
  const card = stationCard(detection);
  const former = known(detection.number);
  if (former) {
    if (!former.contains(document.activeElement)) former.replaceWith(card);
    return;
  }
  holder.prepend(card);
  // for who does not see the card
  if (document.documentElement.dataset.ready) {
    at("news").textContent = `${detection.device}, ${whenOf(detection)}: a call, score ${detection.peak.toFixed(2)}.`;
  }
  while (holder.children.length > MOST) holder.lastElementChild.remove();
  at("none").hidden = true;
};
const change = (detection) => known(detection.number) && put(detection);
verdicts.watch(change);

const begin = async () => {
  const { detections, last } = await ask("/api/detections");
  for (const detection of detections.reverse()) put(detection);
  at("none").hidden = holder.children.length > 0;
  document.documentElement.dataset.ready = "yes";
  listen(last, { detection: put, changed: change, reload: () => location.reload() });
};

insist(begin);
