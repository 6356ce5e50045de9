// Verdicts as the table that `python -m train` reads: file, begin_s, end_s, verdict.

const COLUMNS = ["file", "begin_s", "end_s", "verdict"];

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
  const judged = detections.filter((detection) => verdicts.of(detection));
  judged.sort((a, b) => a.track - b.track || a.at - b.at || a.row - b.row);
  return csvText(judged.map((detection) => [detection.file, detection.begin, detection.end, verdicts.of(detection)]));
};

// Takes a table back; returns how many of its rows belong to detections of this page.
const takeTable = (text) => {
  const [header = [], ...rows] = csvRows(text);
  const at = COLUMNS.map((name) => header.map((cell) => cell.trim().toLowerCase()).indexOf(name));
  if (at.includes(-1)) throw new Error(`A table of verdicts needs the columns ${COLUMNS.join(", ")}.`);
  const place = (file, begin) => `${Number(begin).toFixed(3)} ${file}`;
  const known = new Map(detections.map((detection) => [place(detection.file, detection.begin), detection]));
  const given = [];
  for (const row of rows) {
    const [file, begin, , verdict] = at.map((column) => row[column] ?? "");
    const detection = known.get(place(file, begin));
    if (detection && VERDICTS.includes(verdict)) given.push([detection, verdict]);
  }
  verdicts.set(given);
  return given.length;
};
