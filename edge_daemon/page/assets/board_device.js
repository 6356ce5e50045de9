// The board itself over time.

const load = async () => showHistory(await ask(`/api/devices/${encodeURIComponent(given.device)}?days=${at("days").value}`));
at("days").addEventListener("change", () => load().catch((error) => say(error.message)));
at("filters").addEventListener("submit", (event) => event.preventDefault());
refreshing(30, load);
