// Hours with whales, as `presence/periods.py` judges them; a test holds the two against each other.

const HOUR_US = 3_600_000_000;

// calls: [{ atUs (whole µs since 1970), score, verdict }]; effort: [hour since 1970, share listened to, what can be said
// where nothing is found]; rule: { leastScore, detectedCalls (null: never), withinUs }.
// Returns hour → { calls, validated, share, result }.
const judgedHours = (calls, effort, rule) => {
  const counts = ({ verdict, score }) => verdict === "call" || (verdict !== "not a call" && score >= rule.leastScore);
  const hours = new Map(effort.map(([hour, share, result]) => [hour, { calls: 0, validated: 0, share, result }]));
  const times = new Map();
  for (const { atUs, verdict } of calls.filter(counts)) {
    const hour = Math.floor(atUs / HOUR_US);
    if (!hours.has(hour)) hours.set(hour, { calls: 0, validated: 0, share: 0 });
    const found = hours.get(hour);
    found.calls += 1;
    found.validated += verdict === "call" ? 1 : 0;
    if (!times.has(hour)) times.set(hour, []);
    times.get(hour).push(atUs);
  }
  for (const [hour, own] of times) {
    own.sort((a, b) => a - b);
    const dense = own.some((at, n) => rule.detectedCalls && own[n + rule.detectedCalls - 1] - at <= rule.withinUs);
    hours.get(hour).result = hours.get(hour).validated || dense ? "DETECTED" : "POSSIBLY_DETECTED";
  }
  return hours;
};
