// WhatsApp's formatting: *bold* _italic_ ~strike~ `code` ```mono```, quotes, lists, links.
import { h } from "./dom.js";

const URL_PATTERN = /\b(?:https?:\/\/|www\.)[^\s<>"']+[^\s<>"'.,;:!?)\]]/giu;
const STYLES = { "*": "strong", _: "em", "~": "s" };

export function formatted(text) {
  const root = h("div", { class: "words" });
  if (onlyEmoji(text)) root.classList.add("big");
  for (const [index, part] of text.split(/```([\s\S]+?)```/u).entries()) {
    if (index % 2) root.append(h("pre", {}, part.replace(/^\n|\n$/gu, "")));
    else if (part) root.append(...blocks(part));
  }
  return root;
}

function onlyEmoji(text) {
  const bare = text.replace(/\s/gu, "");
  return bare.length > 0 && bare.length <= 12 && /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200d|\ufe0f)+$/u.test(bare);
}

const LINES = [
  [/^> ?(.*)$/u, "blockquote"],
  [/^[-*•] (.+)$/u, "ul"],
  [/^\d{1,3}\. (.+)$/u, "ol"],
];

function blocks(text) {
  const found = [];
  let open = null;
  for (const line of text.split("\n")) {
    const [pattern, tag] = LINES.find(([candidate]) => candidate.test(line)) ?? [null, "p"];
    const words = pattern ? line.match(pattern)[1] : line;
    if (open?.tag !== tag) found.push((open = { tag, lines: [], start: parseInt(line, 10) }));
    open.lines.push(words);
  }
  return found.map(block);
}

function block({ tag, lines, start }) {
  if (tag === "ul" || tag === "ol") {
    return h(tag, tag === "ol" ? { start } : {}, lines.map((line) => h("li", {}, inline(line))));
  }
  return h(tag, {}, inline(lines.join("\n")));
}

function inline(text) {
  const nodes = [];
  let rest = 0;
  for (let at = 0; at < text.length; at++) {
    const found = styled(text, at);
    if (!found) continue;
    nodes.push(...linked(text.slice(rest, at)), found.node);
    rest = found.end;
    at = found.end - 1;
  }
  return [...nodes, ...linked(text.slice(rest))];
}

function styled(text, at) {
  const mark = text[at];
  if (mark !== "`" && !(mark in STYLES)) return null;
  if (/[\p{L}\p{N}]/u.test(text[at - 1] ?? " ") || /\s/u.test(text[at + 1] ?? " ")) return null;
  for (let end = at + 2; end < text.length && text[end] !== "\n"; end++) {
    const closes = text[end] === mark && !/\s/u.test(text[end - 1]) && !/[\p{L}\p{N}]/u.test(text[end + 1] ?? " ");
    if (!closes) continue;
    const inner = text.slice(at + 1, end);
    const node = mark === "`" ? h("code", {}, inner) : h(STYLES[mark], {}, inline(inner));
    return { node, end: end + 1 };
  }
  return null;
}

function linked(text) {
  const nodes = [];
  let rest = 0;
  for (const match of text.matchAll(URL_PATTERN)) {
    const address = match[0].startsWith("www.") ? `https://${match[0]}` : match[0];
    nodes.push(text.slice(rest, match.index), link(address, match[0]));
    rest = match.index + match[0].length;
  }
  return [...nodes, text.slice(rest)].filter(Boolean);
}

// Only web addresses become links: `javascript:` and the like stay text.
export function link(address, label) {
  if (!/^https?:\/\//iu.test(address)) return h("span", {}, label);
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label);
}
