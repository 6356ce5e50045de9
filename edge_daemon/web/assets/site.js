// What all pages of a server share: what the page was given, requests to the server, its stream of events.

const given = JSON.parse(document.getElementById("page").textContent);
const at = (id) => document.getElementById(id);

const say = (text) => {
  at("notice").textContent = text;
  at("notice").hidden = !text;
};

const answerOf = async (answer) => {
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
    throw new Error("Log in first.");
  }
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.problem ?? `The answer is ${answer.status}.`);
  return told;
};

const ask = async (path) => answerOf(await fetch(path, { headers: { Accept: "application/json" } }));

const send = async (path, data) =>
  answerOf(
    await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": given.csrf },
      body: JSON.stringify(data),
    }),
  );

const failureText = (error) => (error instanceof TypeError ? "No answer. Trying again." : error.message);

// Begin, and try again until that succeeds. Says so while it does not.
const insist = async (begin) => {
  for (;;) {
    try {
      await begin();
      say("");
      return;
    } catch (error) {
      say(failureText(error));
      await new Promise((done) => setTimeout(done, 3000));
    }
  }
};

// Ask again and again, and at once when the page is looked at again. Says so while there is no answer.
const refreshing = (seconds, load) => {
  let timer = null;
  const turn = async () => {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        await load();
        say("");
      } catch (error) {
        say(failureText(error));
      }
      document.documentElement.dataset.ready = "yes";
    }
    timer = setTimeout(turn, 1000 * seconds);
  };
  document.addEventListener("visibilitychange", () => document.hidden || turn());
  turn();
  return turn;
};

// The stream of events. The browser comes back by itself after a loss, and the server goes on where it ended.
const listen = (after, acts) => {
  const stream = new EventSource(`/events?after=${after}`);
  for (const [name, act] of Object.entries(acts)) {
    stream.addEventListener(name, (event) => act(JSON.parse(event.data)));
  }
  const tell = (text) => {
    at("link").textContent = text;
  };
  stream.addEventListener("open", () => tell("Connected: new detections appear by themselves."));
  stream.addEventListener("error", () => {
    tell("The connection is lost. Trying again.");
    // a browser gives up after an answer that is no stream: logged out, or too many pages
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 10_000);
  });
  addEventListener("pagehide", () => stream.close());
};

// 3 min ago, 2.5 h ago, 4 d ago
const agoText = (seconds, now) => {
  const age = Math.max(0, now - seconds);
  if (age < 90) return `${Math.round(age)} s ago`;
  if (age < 5400) return `${Math.round(age / 60)} min ago`;
  if (age < 172_800) return `${(age / 3600).toFixed(1)} h ago`;
  return `${(age / 86_400).toFixed(0)} d ago`;
};

const devicePath = (name) => `/device/${encodeURIComponent(name)}`;
