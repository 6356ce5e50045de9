// Verdicts as the table that `python -m train` reads: file, begin_s, end_s, verdict; the other columns are for people.

const NEEDED = ["file", "begin_s", "end_s", "verdict"];
const COLUMNS = [...NEEDED, "species", "remark", "id", "score", "begin_utc", "reviewer"];

const csvCell = (value) => (/[",;\t\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

const csvText = (rows) => [COLUMNS, ...rows].map((row) => row.map((cell) => csvCell(String(cell))).join(",") + "\n").join("");

// Rows of cells; quotes as in RFC 4180.
const csvRows = (text) => {
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  for (let i = text.charCodeAt(0) === 0xfeff ? 1 : 0; i < text.length; i += 1) {
    const sign = text[i];
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (text[i + 1] === '"') {
        cell += sign;
        i += 1;
      } else quoted = false;
    } else if (sign === '"' && cell === "") quoted = true;
    else if (sign === ",") {
      row.push(cell);
      cell = "";
    } else if (sign === "\n" || sign === "\r") {
      if (sign === "\r" && text[i + 1] === "\n") i += 1;
      rows.push([...row, cell]);
      row = [];
      cell = "";
    } else cell += sign;
  }
  if (cell !== "" || row.length) rows.push([...row, cell]);
  return rows;
};

const verdictTable = () => {
  const noted = verdicts.noted();
  noted.sort((a, b) => a.track - b.track || a.at - b.at || a.row - b.row);
  const rows = noted.map((detection) => {
    const said = verdicts.said(detection);
    const known = page.tracks[detection.track]?.kind === "utc";
    const utc = known ? `${utcText(detection.at, 6).replace(" ", "T")}Z` : "";
    const own = [detection.file, detection.begin, detection.end, said.verdict ?? "", said.species ?? "", said.remark ?? ""];
    return [...own, detection.id, detection.peak, utc, said.reviewer ?? ""];
  });
  return csvText(rows);
};

// Takes a table back; returns how many of its rows belong to detections of this page.
const takeTable = (text) => {
  const [header = [], ...rows] = csvRows(text);
  const at = COLUMNS.map((name) => header.map((cell) => cell.trim().toLowerCase()).indexOf(name));
  if (at.slice(0, NEEDED.length).includes(-1)) throw new Error(`A table of verdicts needs the columns ${NEEDED.join(", ")}.`);
  const place = (file, begin) => `${Number(begin).toFixed(3)} ${file}`;
  const byPlace = new Map(detections.map((detection) => [place(detection.file, detection.begin), detection]));
  const byId = new Map(detections.map((detection) => [detection.id, detection]));
  const given = [];
  for (const row of rows) {
    const cells = Object.fromEntries(COLUMNS.map((name, n) => [name, at[n] < 0 ? undefined : row[at[n]]]));
    const detection = byId.get(cells.id) ?? byPlace.get(place(cells.file, cells.begin_s));
    if (!detection || (cells.verdict && !VERDICTS.includes(cells.verdict))) continue;
    const said = ["verdict", "species", "remark"].filter((name) => cells[name]).map((name) => [name, cells[name]]);
    if (said.length) given.push([detection, { ...Object.fromEntries(said), reviewer: cells.reviewer }]);
  }
  verdicts.note(given);
  return given.length;
};
