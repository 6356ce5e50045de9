// Channels with a test button each, and what was sent.

const channelItem = ({ name, kind }) => {
  const item = element("li", {}, `${name} (${kind}) `);
  if (given.role === "order") {
    const button = element("button", { type: "button" }, "Send a test");
    button.addEventListener("click", async () => {
      try {
        await send("/api/alerts/test", { channel: name });
        await again();
      } catch (error) {
        say(error.message);
      }
    });
    item.append(button);
  }
  return item;
};

const row = ({ at: time, rule, device, text, sent }) =>
  element(
    "tr", {},
    element("td", { class: "when" }, utcText(time, 0)), element("td", {}, rule), element("td", {}, device || "several"),
    element("td", {}, text), element("td", {}, sent.join("; ") || "–"),
  );

const load = async () => {
  const { channels, alerts } = await ask("/api/alerts");
  if (at("channels").children.length !== channels.length) at("channels").replaceChildren(...channels.map(channelItem));
  at("none").hidden = channels.length > 0;
  at("log").tBodies[0].replaceChildren(...alerts.map(row));
};
const again = refreshing(10, load);
