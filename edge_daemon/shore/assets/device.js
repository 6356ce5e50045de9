// One device over time, and where its calls were heard.

const WORDS = { rolled_back: "rolled back", trial: "on trial" };
const replyLine = ({ at: time, outcome, reason, text }) =>
  element(
    "p", { class: "reply" },
    element("span", { class: `word ${outcome}` }, WORDS[outcome] ?? outcome),
    `${reason ? ` (${reason})` : ""} ${utcText(time, 0)}${text ? `: ${text}` : ""}`,
  );
const whoGave = ({ sender, key }) => [sender, key ? `key ${key}` : "signature not checked"].filter(Boolean).join(", ");
const orderRow = (order, now) => {
  const { at: time, kind, arguments: told, to, expires, replies } = order;
  const what = [kind ?? "?", told === "{}" ? "" : told, to.startsWith("@") ? `to ${to}` : ""].filter(Boolean).join(" ");
  const silence = expires !== null && expires < now ? "no reply; it has expired" : "no reply yet";
  return element(
    "tr", {},
    element("td", { class: "when" }, utcText(time, 0)), element("td", { class: "order" }, what),
    element("td", {}, expires === null ? `${whoGave(order)}; the order itself was not seen` : whoGave(order)),
    element("td", {}, ...(replies.length ? replies.map(replyLine) : [silence])),
  );
};

const show = (found) => {
  showHistory(found);
  at("orders").tBodies[0].replaceChildren(...found.orders.map((order) => orderRow(order, found.end)));
  at("orders").hidden = found.orders.length === 0;
  at("no-orders").hidden = found.orders.length > 0;
  at("where").hidden = found.track.length === 0;
  if (found.track.length) drawMap(at("map"), [{ name: found.name, position: found.track.at(-1), word: found.word }], [found.track]);
};

const load = async () => show(await ask(`/api/devices/${encodeURIComponent(given.device)}?days=${at("days").value}`));
at("days").addEventListener("change", () => load().catch((error) => say(error.message)));
at("filters").addEventListener("submit", (event) => event.preventDefault());
const again = refreshing(30, load);

// What was signed elsewhere, pasted or from a file; the station hands it to the broker as it is.
at("file")?.addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) at("order").value = (await file.text()).slice(0, 20_000);
  event.target.value = "";
});
at("sending")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const { to } = await send("/api/orders", { order: at("order").value });
    at("order").value = "";
    at("sent").textContent = to === given.device ? "Sent." : `Sent to ${to}.`;
    await again();
  } catch (error) {
    at("sent").textContent = error.message;
  }
});
