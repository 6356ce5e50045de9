// What reviewers said, kept in this browser under the report's identity: a verdict, a species, a remark, and who said it.

const VERDICTS = ["call", "not a call", "unsure"];

const verdicts = (() => {
  const key = `edge-daemon verdicts ${page.report}`;
  const known = new Map();
  const watchers = [];
  let kept = true;
  const read = () => {
    known.clear();
    try {
      for (const [id, kept] of Object.entries(JSON.parse(localStorage.getItem(key) ?? "{}"))) {
        // earlier pages kept the verdict alone
        const said = typeof kept === "string" ? { verdict: kept } : kept;
        if (said?.verdict && !VERDICTS.includes(said.verdict)) delete said.verdict;
        if (said && Object.keys(said).length) known.set(id, said);
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
  const REVIEWER = "edge-daemon reviewer";
  let reviewer = "";
  try {
    reviewer = localStorage.getItem(REVIEWER) ?? "";
  } catch {
    kept = false;
  }
  const tell = () => {
    write();
    watchers.forEach((watcher) => watcher());
  };
  // Changes what is said; empty texts are nothing said.
  const change = (detection, changes) => {
    const said = { ...known.get(detection.id), reviewer, ...changes };
    for (const name of Object.keys(said)) if (!said[name]) delete said[name];
    if (said.verdict || said.species || said.remark) known.set(detection.id, said);
    else known.delete(detection.id);
  };
  return {
    of: (detection) => known.get(detection.id)?.verdict,
    said: (detection) => known.get(detection.id) ?? {},
    set: (given) => {
      for (const [detection, verdict] of given) change(detection, { verdict });
      tell();
    },
    // given: [detection, { verdict, species, remark, reviewer }], any of them
    note: (given) => {
      for (const [detection, changes] of given) change(detection, changes);
      tell();
    },
    reviewer: () => reviewer,
    setReviewer: (name) => {
      reviewer = name.trim();
      // who judges first and gives the name then
      if (reviewer) for (const said of known.values()) said.reviewer ??= reviewer;
      write();
      try {
        localStorage.setItem(REVIEWER, reviewer);
      } catch {
        kept = false;
      }
    },
    species: () => [...new Set([...known.values()].map((said) => said.species).filter(Boolean))].sort(),
    noted: () => detections.filter((detection) => known.has(detection.id)),
    count: () => detections.reduce((sum, detection) => sum + Boolean(known.get(detection.id)?.verdict), 0),
    watch: (watcher) => watchers.push(watcher),
    kept: () => kept,
  };
})();
