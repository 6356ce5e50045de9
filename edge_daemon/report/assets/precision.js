// How many of the judged detections are calls, by score: what a threshold would be chosen by.

const BIN = 0.05;

// The interval of Wilson (1927) for a share, 95 %.
const wilson = (hits, all) => {
  const z = 1.96;
  const [share, weight] = [hits / all, (z * z) / all];
  const middle = (share + weight / 2) / (1 + weight);
  const half = (z * Math.sqrt((share * (1 - share)) / all + weight / (4 * all))) / (1 + weight);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
};

const precisionText = (calls, others) => {
  if (!calls && !others) return "–";
  const [low, high] = wilson(calls, calls + others);
  return `${(calls / (calls + others)).toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
};

const showPrecision = () => {
  const bins = new Map();
  for (const detection of detections) {
    const verdict = verdicts.of(detection);
    const bin = Math.min(Math.floor(detection.peak / BIN + 1e-9), Math.round(1 / BIN) - 1);
    const counted = bins.get(bin) ?? { call: 0, "not a call": 0, all: 0 };
    counted.all += 1;
    if (verdict in counted) counted[verdict] += 1;
    bins.set(bin, counted);
  }
  let [calls, others] = [0, 0];
  const rows = [...bins].sort((a, b) => b[0] - a[0]).map(([bin, counted]) => {
    calls += counted.call;
    others += counted["not a call"];
    const score = `${(bin * BIN).toFixed(2)} to ${((bin + 1) * BIN).toFixed(2)}`;
    const within = precisionText(counted.call, counted["not a call"]);
    const judged = `${counted.call + counted["not a call"]} of ${counted.all}`;
    const cells = [score, judged, within, precisionText(calls, others)].map((text) => element("td", { class: "number" }, text));
    return element("tr", {}, ...cells);
  });
  document.getElementById("precision").replaceChildren(...rows);
  document.getElementById("precise").textContent =
    calls + others ? `Precision so far: ${precisionText(calls, others)} of ${calls + others} judged` : "Precision: judge some detections first";
};
