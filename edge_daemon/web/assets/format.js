"use strict";
// Times and numbers as text, and elements made of text: nothing on this page is ever read as HTML.

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

const pad = (number, digits = 2) => String(number).padStart(digits, "0");

// Seconds since 1970 UTC: 2009-03-29 17:17:08.75
const utcText = (seconds, digits = 2) => {
  const scale = 10 ** digits;
  const ticks = Math.round(seconds * scale);
  const moment = new Date(Math.floor(ticks / scale) * 1000);
  const fraction = digits ? "." + pad(((ticks % scale) + scale) % scale, digits) : "";
  return (
    `${pad(moment.getUTCFullYear(), 4)}-${pad(moment.getUTCMonth() + 1)}-${pad(moment.getUTCDate())} ` +
    `${pad(moment.getUTCHours())}:${pad(moment.getUTCMinutes())}:${pad(moment.getUTCSeconds())}${fraction}`
  );
};

// Seconds since a beginning: 0:02:08.75
const clockText = (seconds, digits = 2) => {
  const scale = 10 ** digits;
  const ticks = Math.round(seconds * scale);
  const whole = Math.floor(ticks / scale);
  const fraction = digits ? "." + pad(ticks % scale, digits) : "";
  return `${Math.floor(whole / 3600)}:${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}${fraction}`;
};

const baseName = (path) => path.split(/[\\/]/).pop() || path;

const folderName = (path) => path.slice(0, Math.max(0, path.length - baseName(path).length - 1));

// The smallest step of a ladder that gives at most `most` steps in a span.
const stepOf = (span, most, ladder) => ladder.find((step) => span / step <= most) ?? ladder[ladder.length - 1];

// Multiples of `step` from `begin` to `end`, both included.
const multiples = (begin, end, step) => {
  const found = [];
  for (let n = Math.ceil(begin / step - 1e-9); n * step <= end + 1e-9 * step; n += 1) found.push(n * step);
  return found;
};
