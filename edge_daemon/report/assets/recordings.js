// The table of recordings, those of the chosen folder and name; a click on a file chooses it.

const FIRST_ROWS = 100;

const recordings = page.recordings.map(([path, track, offset], number) => ({
  path,
  begin: page.tracks[track]?.kind === "utc" ? utcText(offset, 0) : "–",
  ...page.listened[number],
}));

// What all folders begin with need not be shown.
const folders = [...new Set(recordings.map((recording) => folderName(recording.path)))].sort();
const common = (() => {
  if (folders.length < 2) return "";
  const [first, last] = [folders[0].split("/"), folders[folders.length - 1].split("/")];
  let shared = 0;
  while (shared < first.length && first[shared] === last[shared]) shared += 1;
  return first.slice(0, shared).join("/");
})();
const folderText = (folder) => folder.slice(common ? common.length + 1 : 0) || "(here)";

const lengthText = (seconds) => (seconds < 60 ? `${seconds.toFixed(1)} s` : clockText(seconds, 0));

const recordingTable = (() => {
  const [summary, body, more] = ["recorded", "recordings", "more"].map((id) => document.getElementById(id));
  const folderField = document.getElementById("folder");
  const fileField = document.getElementById("file");
  let most = FIRST_ROWS;
  for (const folder of folders) folderField.append(element("option", { value: folder, title: folder }, folderText(folder)));
  folderField.closest("label").hidden = folders.length < 2;
  const rowOf = (recording) => {
    const file = element("button", { type: "button", class: "link", title: recording.path }, baseName(recording.path));
    file.addEventListener("click", () => {
      const name = baseName(recording.path);
      const again = fileField.value === name && folderField.value === folderName(recording.path);
      fileField.value = again ? "" : name;
      folderField.value = again ? "" : folderName(recording.path);
      fileField.dispatchEvent(new Event("change"));
    });
    const begin = element("td", { class: "when", title: recording.source ?? "" }, recording.begin);
    const row = element("tr", {}, element("td", {}, file), element("td", {}, folderText(folderName(recording.path))), begin);
    for (const [number, name] of [
      [lengthText(recording.seconds), "length"],
      [recording.detections.toLocaleString("en"), "detections"],
      [recording.lost >= 0.05 ? lengthText(recording.lost) : "–", "lost"],
    ]) {
      row.append(element("td", { class: "number", "data-name": name }, number));
    }
    row.append(element("td", { class: "remark" }, recording.remark));
    return row;
  };
  const draw = () => {
    const chosen = recordings.filter((recording) => within(recording.path));
    const remarks = chosen.filter((recording) => recording.remark).length;
    const all = chosen.length === recordings.length ? "" : ` of ${recordings.length.toLocaleString("en")}`;
    summary.textContent = `${chosen.length.toLocaleString("en")}${all} recordings` + (remarks ? `, ${remarks.toLocaleString("en")} with remarks` : "");
    body.replaceChildren(...chosen.slice(0, most).map(rowOf));
    more.hidden = chosen.length <= most;
    more.textContent = `Show ${Math.min(chosen.length - most, 10 * FIRST_ROWS).toLocaleString("en")} more`;
  };
  more.addEventListener("click", () => {
    most += 10 * FIRST_ROWS;
    draw();
  });
  return { draw };
})();

list.watch(recordingTable.draw);
