// The input as it is heard: a spectrogram that moves, and the level; told by the daemon only while this page is looked at.

const COLUMNS = 480; // a minute
const SHADES = 16;
const SHADE_DB = 1.8;
const ADAPTS = 0.02; // share of the difference by which the background follows each column, after the first few
const colours = Array.from({ length: SHADES }, (_, n) => `hsl(${260 - 12 * n} 70% ${4 + 5.5 * n}%)`);

const waterfall = (() => {
  const canvas = at("columns");
  const drawn = canvas.getContext("2d");
  let form = null; // how the daemon makes columns: { rows, low_hz, step_hz, step_s, floor_db, step_db }
  let usual = null; // level of each frequency that is nothing new, in the daemon's steps
  let known = 0; // columns that it is made of
  let waiting = [];
  let held = false;

  const begin = (told) => {
    if (form && form.rows === told.rows && form.step_hz === told.step_hz) return;
    form = told;
    [usual, known] = [null, 0];
    Object.assign(canvas, { width: COLUMNS, height: form.rows });
    const top = form.low_hz + (form.rows - 0.5) * form.step_hz;
    const bottom = form.low_hz - 0.5 * form.step_hz;
    const marks = multiples(100, top, 100).map((hertz) => {
      const mark = element("span", {}, `${hertz}${hertz === 100 ? " Hz" : ""}`);
      mark.style.bottom = `${(100 * (hertz - bottom)) / (top - bottom)}%`;
      return mark;
    });
    at("hertz").replaceChildren(...marks);
    at("earliest").textContent = `${Math.round(COLUMNS * form.step_s)} s ago`;
  };

  const draw = (column) => {
    drawn.drawImage(canvas, -1, 0);
    drawn.fillStyle = "#0b0714";
    drawn.fillRect(COLUMNS - 1, 0, 1, form.rows);
    if (!column.some(Boolean)) {
      drawn.fillStyle = "#555d66"; // sound is missing
      drawn.fillRect(COLUMNS - 1, 0, 1, 2);
      return;
    }
    usual ??= Float32Array.from(column);
    known += 1;
    const follows = Math.max(ADAPTS, 1 / known);
    column.forEach((level, row) => {
      const over = ((level - usual[row]) * form.step_db) / SHADE_DB;
      usual[row] += follows * (level - usual[row]);
      const shade = Math.max(0, Math.min(SHADES - 1, Math.round(over) + 1));
      drawn.fillStyle = colours[shade];
      drawn.fillRect(COLUMNS - 1, form.rows - 1 - row, 1, 1);
    });
  };

  // A column each eighth of a second, as they were heard; all at once where many wait.
  setInterval(() => {
    if (held || document.hidden || !form || !waiting.length) return;
    for (const column of waiting.splice(0, waiting.length > 12 ? waiting.length - 4 : 1)) draw(column);
    canvas.dataset.drawn = Number(canvas.dataset.drawn ?? 0) + 1;
  }, 125);

  const push = (text) => {
    if (!form) return;
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    for (let begin = 0; begin + form.rows <= bytes.length; begin += form.rows) {
      waiting.push(bytes.subarray(begin, begin + form.rows));
    }
    waiting = waiting.slice(-COLUMNS);
  };
  const hold = () => {
    held = !held;
    at("hold").setAttribute("aria-pressed", String(held));
    at("hold").textContent = held ? "Go on" : "Hold";
  };
  return { begin, push, hold };
})();

const decibelText = (level) => (level === null ? "–" : `${level.toFixed(1).replace("-", "−")} dB`);
const troubleIs = (text) => {
  if (at("trouble").textContent !== text) at("trouble").textContent = text;
  at("trouble").hidden = !text;
};
const doingIs = (text) => {
  if (at("doing").textContent !== text) at("doing").textContent = text;
};

const input = {
  hello: ({ columns }) => waterfall.begin(columns),
  state: ({ status, phase, dead, clipped, problem }) => {
    doingIs(status);
    const clips = clipped > 0 ? `${(100 * clipped).toFixed(2)} % of the samples are at full scale.` : "";
    troubleIs([dead ? "The samples do not change." : "", problem, clips].filter(Boolean).join(" "));
    if (phase !== "listening") at("levels").textContent = "no sound";
  },
  sound: ({ rms, peak, columns }) => {
    waterfall.push(columns);
    at("level").value = rms ?? -110;
    at("levels").textContent = rms === null ? "sound is missing" : `level ${decibelText(rms)}, peak ${decibelText(peak)} re full scale`;
  },
  gone: () => {
    doingIs("The daemon does not answer. Trying again.");
    troubleIs("");
    at("levels").textContent = "no sound";
    at("level").value = -110;
  },
};

// A page in a pocket asks for nothing.
const watching = (() => {
  let stream = null;
  const turn = () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else if (!stream) {
      stream = new EventSource("/input");
      for (const [name, act] of Object.entries(input)) stream.addEventListener(name, (event) => act(JSON.parse(event.data)));
      stream.addEventListener("error", () => {
        doingIs("The connection is lost. Trying again.");
        at("levels").textContent = "no sound";
        if (stream?.readyState === EventSource.CLOSED) {
          stream = null;
          setTimeout(turn, 10_000);
        }
      });
    }
  };
  return { turn, end: () => stream?.close() };
})();
document.addEventListener("visibilitychange", watching.turn);
addEventListener("pagehide", watching.end);
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
at("hold").addEventListener("click", waterfall.hold);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea")) return;
  if (event.key.toLowerCase() === "h") waterfall.hold();
});
watching.turn();
