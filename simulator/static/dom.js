// Building DOM without markup strings: what strangers write can never become elements.

export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const PATHS = {
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zm5 12 5 5",
  send: "M4 12 20 4l-4 16-5-6-7-2zm7 2 9-10",
  plus: "M12 5v14M5 12h14",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.5 14.5c1 1.3 2.1 2 3.5 2s2.500-.7 3.500-2M9 9.500v.1M15 9.500v.1",
  mic: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM6 11a6 6 0 0 0 12 0M12 17v4",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9v.1",
  doc: "M7 3h7l4 4v14H7zM14 3v5h4M10 13h5M10 16h5",
  pin: "M12 21s7-6.500 7-11a7 7 0 1 0-14 0c0 4.500 7 11 7 11zM12 7.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.500 20c1-4 4-5.500 7.500-5.500s6.500 1.500 7.500 5.500",
  clip: "M20 11.500 12 19.500a5 5 0 0 1-7-7l8.500-8.500a3.400 3.400 0 0 1 4.800 4.800L10 17a1.800 1.800 0 0 1-2.500-2.500l7-7",
  reply: "M9 7 4 12l5 5M4.500 12H14a6 6 0 0 1 6 6v1",
  down: "M6 9l6 6 6-6",
  close: "M6 6l12 12M18 6 6 18",
  menu: "M4 7h16M4 12h16M4 17h16",
  tune: "M4 8h9M17 8h3M4 16h3M11 16h9M15 6v4M9 14v4",
  list: "M8 7h12M8 12h12M8 17h12M4 7v.1M4 12v.1M4 17v.1",
  link: "M14 5h5v5M19 5l-8 8M17 14v5H5V7h5",
  forward: "M15 7l5 5-5 5M19.500 12H10a6 6 0 0 0-6 6v1",
  columns: "M4 5h16v14H4zM12 5v14",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v6M12 7.500v.1",
  copy: "M9 9h11v11H9zM5 15V4h11",
  alert: "M12 4 2.800 20h18.400L12 4zM12 10v5M12 17.500v.1",
  clock: "M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM12 8.500V12l2.500 1.500",
  tick: "M6 13l4 4 8.500-9.500",
  ticks: "M1.500 13l4 4 8.500-9.500M10.500 16l1 1L21 7.500",
  verified: "M12 2l2.400 2.200 3.200-.4.600 3.200 2.800 1.600L19.600 12l1.400 3.400-2.800 1.600-.6 3.200-3.200-.4L12 22l-2.400-2.200-3.200.4-.6-3.200L3 15.400 4.400 12 3 8.600 5.800 7l.6-3.200 3.200.4zM8.500 12l2.500 2.500L15.500 10",
  signal: "M5 19v-4M10 19v-7M15 19V9M20 19V5",
  battery: "M3 8h16v8H3zM21 11v2M5.500 10.500h9v3h-9z",
  flow: "M5 4h14v16H5zM8.500 9h7M8.500 13h7M8.500 17h4",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "1.9",
    "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true",
  })) svg.setAttribute(key, value);
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function avatar(name, key) {
  const initials = name.replace(/[^\p{L}\p{N} ]/gu, "").trim().split(/\s+/).slice(0, 2);
  const node = h("span", { class: "avatar", "aria-hidden": "true" }, initials.map((w) => [...w][0] ?? "").join("").toUpperCase() || "#");
  let hue = 7;
  for (const char of key) hue = (hue * 31 + char.codePointAt(0)) % 360;
  node.style.setProperty("--hue", hue);
  return node;
}

export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function day(seconds) {
  const date = new Date(seconds * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 864e5);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return date.toLocaleDateString([], { day: "numeric", month: "long", year: "numeric" });
}

export function toast(text) {
  document.querySelector(".toast")?.remove();
  const node = h("div", { class: "toast", role: "status" }, text);
  document.body.append(node);
  setTimeout(() => node.remove(), 4500);
}

const MARKS = { accepted: ["clock", "waiting"], sent: ["tick", "sent"], delivered: ["ticks", "delivered"], read: ["ticks", "read"], played: ["ticks", "read"], failed: ["alert", "failed"] };

export function tick(status) {
  const [shape, kind] = MARKS[status] ?? MARKS.accepted;
  return h("span", { class: `tick ${kind}`, title: status, role: "img", "aria-label": status }, icon(shape));
}
