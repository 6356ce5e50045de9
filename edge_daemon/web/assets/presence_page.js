// Hours by days of one device, as verdicts and effort make them.

const show = async () => {
  const device = at("device").value;
  if (!device) return;
  const { hours } = await ask(`/api/presence/${encodeURIComponent(device)}?days=${at("days").value}`);
  const judged = new Map(hours.map(([hour, calls, validated, share, result]) => [hour, { calls, validated, share, result }]));
  if (hours.length) at("calendar").replaceChildren(...calendarOf(judged));
  else at("calendar").replaceChildren(element("p", {}, "Nothing came from this device in that time."));
  const place = `/presence/${encodeURIComponent(device)}`;
  const days = `days=${at("days").value}`;
  at("daily")?.setAttribute("href", `${place}.csv?${days}`);
  at("hourly")?.setAttribute("href", `${place}.csv?${days}&by=hour`);
  at("pars")?.setAttribute("href", `${place}/pars.zip?${days}`);
  at("occurrence")?.setAttribute("href", `${place}/occurrence.csv?${days}`);
};

const begin = async () => {
  const { devices } = await ask("/api/devices");
  for (const name of devices) at("device").append(element("option", {}, name));
  const asked = new URLSearchParams(location.search).get("device");
  if (asked && devices.includes(asked)) at("device").value = asked;
  at("none").hidden = devices.length > 0;
  refreshing(60, show);
};
for (const name of ["device", "days"]) at(name).addEventListener("change", () => show().catch((error) => say(error.message)));
at("filters").addEventListener("submit", (event) => event.preventDefault());
insist(begin);
