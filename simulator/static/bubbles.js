// One message as a bubble. `act` does something on the customer's phone.
import { clock, h, icon, tick } from "./dom.js";
import { formatted, link } from "./format.js";

export function line(message, context) {
  const mine = message.direction === "in";
  const bubble = h("div", { class: "bubble" }, label(message), quote(message, context), ...content(message, context));
  roomForTime(bubble);
  bubble.append(meta(message, mine), more(message, context));
  const node = h("div", { class: `line${mine ? " mine" : ""}`, "data-id": message.id }, bubble);
  const reactions = Object.values(message.reactions);
  if (reactions.length) {
    node.classList.add("reacted");
    bubble.append(h("span", { class: "reactions" }, ...new Set(reactions)));
  }
  const taps = tapsOf(message, context);
  if (taps.length) {
    node.classList.add("with-taps");
    node.append(h("div", { class: "taps" }, taps));
  }
  if (message.status === "failed") node.append(failure(node, message));
  return node;
}

// The time sits beside the last words where they leave room, else below them.
function roomForTime(bubble) {
  const last = bubble.lastElementChild;
  let words = last?.matches(".words") ? last.lastElementChild : last?.matches(".foot") ? last : null;
  if (words?.matches("ul, ol")) words = words.lastElementChild;
  if (words && !words.matches("pre")) words.append(h("span", { class: "room" }));
  else bubble.classList.add("below");
}

function failure(node, message) {
  node.classList.add("failed");
  const error = message.error ?? {};
  return h("div", { class: "failure" }, icon("alert"), `Not delivered · ${error.code ?? ""} ${error.title ?? ""}`);
}

function meta(message, mine) {
  const status = mine ? (message.read_by_business ? "read" : message.status === "delivered" ? "delivered" : "sent") : message.status;
  return h("span", { class: "meta" }, clock(message.at), tick(status));
}

function more(message, context) {
  return h("button", { class: "more", "aria-label": "Message options", onclick: () => context.menu(message) }, icon("down"));
}

function label(message) {
  const forwarded = message.raw?.context?.forwarded || message.raw?.context?.frequently_forwarded;
  return forwarded ? h("div", { class: "label" }, icon("forward"), "Forwarded") : null;
}

export function quote(message, context) {
  if (!message.reply_to) return null;
  const target = context.find(message.reply_to);
  if (!target) return null;
  return quoteBox(target, context, () => context.show(target.id));
}

export function quoteBox(target, context, onclick) {
  const who = target.direction === "in" ? "You" : context.business;
  return h("button", { class: "quote", type: "button", onclick }, h("b", {}, who), h("span", {}, summary(target).replace(/[*_~`]/gu, "")));
}

const NAMES = { image: "📷 Photo", video: "🎬 Video", audio: "🎤 Voice message", document: "📄 Document", sticker: "💟 Sticker", location: "📍 Location", contacts: "👤 Contact", order: "🛒 Order", unsupported: "Unsupported message", template: "Template" };

export function summary(message) {
  const name = NAMES[message.type];
  return [name, message.text].filter(Boolean).join(" · ") || message.type;
}

// Contents ------------------------------------------------------------------------------------

function content(message, context) {
  const build = KINDS[message.type];
  return build ? build(message.content, message, context) : [unknown(message)];
}

const words = (text) => (text ? [formatted(text)] : []);

const KINDS = {
  text: (_content, message) => words(message.text),
  template: (_content, message) => words(message.text),
  button: (_content, message) => words(message.text),
  image: (c, m) => [picture(c, "picture"), ...words(c.caption ?? (m.direction === "in" ? "" : m.text))],
  sticker: (c) => [picture(c, "picture sticker")],
  video: (c) => [h("video", { class: "picture", controls: true, src: source(c), preload: "metadata" }), ...words(c.caption)],
  audio: (c) => [h("audio", { class: "sound", controls: true, src: source(c), preload: "metadata" })],
  document: (c) => [card("doc", c.filename ?? "Document", c.mime_type ?? "file", source(c)), ...words(c.caption)],
  location: (c) => [card("pin", c.name ?? "Location", c.address ?? `${c.latitude}, ${c.longitude}`)],
  contacts: (c) => (c.contacts ?? []).map((one) => card("person", one.name?.formatted_name ?? "Contact", one.phones?.[0]?.phone ?? "")),
  interactive: interactive,
  unsupported: (_c, m) => [h("div", { class: "label" }, icon("info"), m.raw?.errors?.[0]?.title ?? "This message is not supported.")],
};

function unknown(message) {
  return h("div", { class: "label" }, icon("info"), `[${message.type}]`, message.text ? ` ${message.text}` : "");
}

function source(content) {
  if (content.id) return `/sim/media/${encodeURIComponent(content.id)}`;
  return /^https?:\/\//iu.test(content.link ?? "") ? content.link : undefined;
}

function picture(content, kind) {
  const image = h("img", { class: kind, src: source(content), alt: content.caption ?? "Picture", loading: "lazy", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.replaceWith(card("image", "Picture", content.link ?? "not available")));
  return image;
}

function card(shape, title, detail, address) {
  const inside = [h("span", { class: "badge-icon" }, icon(shape)), h("span", {}, h("b", {}, title), h("small", {}, detail))];
  if (!address) return h("div", { class: "card" }, inside);
  return h("a", { class: "card", href: address, target: "_blank", rel: "noopener noreferrer", download: title }, inside);
}

function interactive(content, message) {
  if (message.direction === "in") return words(message.text);
  const parts = [];
  const header = content.header;
  if (header?.type === "text") parts.push(h("div", { class: "head" }, header.text));
  else if (header?.type === "image") parts.push(picture(header.image, "picture"));
  else if (header) parts.push(card("doc", header[header.type]?.filename ?? header.type, ""));
  parts.push(...words(content.body?.text));
  if (content.footer?.text) parts.push(h("div", { class: "foot" }, content.footer.text));
  return parts;
}

// What can be tapped --------------------------------------------------------------------------

function tapsOf(message, context) {
  if (message.direction === "in" || message.status === "failed") return [];
  if (message.type === "template") {
    return (message.content.quick_replies ?? []).map((reply) =>
      tap("reply", reply.text, () => context.act({ type: "quick_reply", text: reply.text, payload: reply.payload, reply_to: message.id })));
  }
  return message.type === "interactive" ? interactiveTaps(message, context) : [];
}

function tap(shape, title, onclick) {
  return h("button", { class: "tap", type: "button", onclick }, icon(shape), title);
}

function interactiveTaps(message, context) {
  const { type, action = {} } = message.content;
  const reply_to = message.id;
  const parameters = action.parameters ?? {};
  switch (type) {
    case "button":
      return action.buttons.map(({ reply }) => tap("reply", reply.title, () => context.act({ type: "button", button_id: reply.id, reply_to })));
    case "list":
      return [tap("list", action.button, () => context.list(message))];
    case "cta_url": {
      const address = link(parameters.url, parameters.display_text);
      address.classList.add("tap");
      address.prepend(icon("link"));
      return [address];
    }
    case "location_request_message":
      return [tap("pin", "Send location", () => context.act({ type: "location", reply_to }))];
    case "request_contact_info":
      return [tap("person", "Share contact", () => context.act({ type: "contacts", reply_to }))];
    case "flow":
      return [tap("flow", parameters.flow_cta, () => context.act(flowAnswer(parameters, reply_to)))];
    default:
      return [];
  }
}

function flowAnswer(parameters, reply_to) {
  const response_json = JSON.stringify({ flow_token: parameters.flow_token ?? "unused" });
  const interactive = { type: "nfm_reply", nfm_reply: { name: "flow", body: "Sent", response_json } };
  return { type: "raw", reply_to, message: { type: "interactive", interactive } };
}
