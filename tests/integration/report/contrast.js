// The least contrast of a visible text with what is behind it (WCAG 2), and where it is.
(() => {
  const parts = (text) => text.match(/[\d.]+/g).map(Number);
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = (it) => {
    for (let above = it; above; above = above.parentElement) {
      const colour = parts(getComputedStyle(above).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const hasText = (it) => [...it.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  return [...document.querySelectorAll("body *")]
    .filter((it) => it.offsetParent && !it.disabled && hasText(it))
    .map((it) => {
      const both = [parts(getComputedStyle(it).color), behind(it)].map(luminance).sort((a, b) => b - a);
      return [(both[0] + 0.05) / (both[1] + 0.05), `${it.tagName}.${it.className}`];
    })
    .sort((a, b) => a[0] - b[0])[0];
})();
