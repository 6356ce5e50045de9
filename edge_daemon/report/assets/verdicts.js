// What the reviewer said, kept in this browser under the report's identity.

const VERDICTS = ["call", "not a call", "unsure"];

const verdicts = (() => {
  const key = `edge-daemon verdicts ${page.report}`;
  const known = new Map();
  const watchers = [];
  let kept = true;
  const read = () => {
    known.clear();
    try {
      for (const [id, verdict] of Object.entries(JSON.parse(localStorage.getItem(key) ?? "{}"))) {
        if (VERDICTS.includes(verdict)) known.set(id, verdict);
      }
    } catch {
      kept = false;
    }
  };
  const write = () => {
    try {
      localStorage.setItem(key, JSON.stringify(Object.fromEntries(known)));
    } catch {
      kept = false;
    }
  };
  read();
  write(); // so that a browser that keeps nothing is found out before work is put in
  // the same report in another tab
  addEventListener("storage", (event) => {
    if (event.key !== key) return;
    read();
    watchers.forEach((watcher) => watcher());
  });
  return {
    of: (detection) => known.get(detection.id),
    set: (given) => {
      for (const [detection, verdict] of given) {
        if (verdict) known.set(detection.id, verdict);
        else known.delete(detection.id);
      }
      write();
      watchers.forEach((watcher) => watcher());
    },
    count: () => detections.reduce((sum, detection) => sum + known.has(detection.id), 0),
    watch: (watcher) => watchers.push(watcher),
    kept: () => kept,
  };
})();
