// Keys of the page as a whole, unless a field or a button wants them for itself.

// acts: name of the key (letters small) → what to do.
const onKeys = (acts) =>
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target.closest?.("input, select, textarea, summary");
    if (field && field.type !== "checkbox") return;
    if (event.key === " " && (field || event.target.closest?.("button, a"))) return;
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
