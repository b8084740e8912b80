// One phone with one customer's chat.
import { api } from "./api.js";
import { line, quoteBox } from "./bubbles.js";
import { avatar, clock, day, h, icon, toast } from "./dom.js";

const TYPING_MS = 25_000;
const EMOJI = "😀 😂 😍 😎 🤔 😢 😡 👍 👎 🙏 👏 💪 🎉 ❤️ 🔥 ✅ ❌ ⭐ 🏔️ 🥾 🎒 ⛺ 🌧️ ☀️ ❄️ 📅 💰 📷 📍 🕐 🚌 ✈️".split(" ");
const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

export class Phone {
  constructor(customer, desk) {
    this.customer = customer;
    this.desk = desk;
    this.messages = new Map();
    this.replyTo = null;
    this.build();
    this.load();
  }

  // Frame -------------------------------------------------------------------------------------

  build() {
    this.title = h("div", { class: "title" }, h("span", {}, this.desk.business.name), icon("verified"));
    this.sub = h("div", { class: "sub" });
    this.asker = h("div", { class: "asker" });
    this.log = h("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": "Messages" });
    this.log.addEventListener("scroll", () => { this.atEnd = this.distance() < 60; });
    new ResizeObserver(() => { if (this.atEnd) this.toEnd(); }).observe(this.log);
    this.log.addEventListener("load", () => { if (this.atEnd) this.toEnd(); }, true);
    this.replying = h("div", { class: "replying", hidden: true });
    this.screen = h("div", { class: "screen" }, this.statusBar(), this.bar(), this.asker, this.log, this.replying, this.composer(), h("div", { class: "homebar" }));
    this.node = h("section", { class: "phone", "aria-label": `Phone of ${this.customer.name}` }, this.screen);
    this.update(this.customer);
  }

  statusBar() {
    this.time = h("span", {}, clock(Date.now() / 1000));
    return h("div", { class: "statusbar", "aria-hidden": "true" }, this.time, h("span", { class: "icons" }, icon("signal"), icon("battery")));
  }

  bar() {
    const business = this.desk.business;
    const button = (name, shape, onclick, kind) => h("button", { "aria-label": name, title: name, class: kind, onclick }, icon(shape));
    return h("div", { class: "bar" },
      button("Customers", "menu", () => this.desk.toggle("show-sidebar"), "menu"),
      avatar(business.name, "business"),
      h("div", { class: "who" }, this.title, this.sub),
      button("Controls", "tune", () => this.desk.toggle("show-panel")),
      button("Close this phone", "close", () => this.desk.close(this), "close-phone"));
  }

  composer() {
    this.input = h("textarea", { rows: "1", placeholder: "Message", "aria-label": "Message", onkeydown: (event) => this.onKey(event), oninput: () => this.onInput() });
    this.sendButton = h("button", { class: "send", "aria-label": "Send", onclick: () => this.onSend() }, icon("mic"));
    return h("div", { class: "composer" },
      h("div", { class: "box" },
        h("button", { "aria-label": "Emoji", onclick: () => this.emojiSheet() }, icon("smile")),
        this.input,
        h("button", { "aria-label": "Attach", onclick: () => this.attachSheet() }, icon("clip"))),
      this.sendButton);
  }

  // Customer ----------------------------------------------------------------------------------

  update(customer) {
    this.customer = customer;
    const address = customer.phone_hidden ? `@${customer.username ?? "hidden"} · no phone shown` : `+${customer.wa_id}`;
    this.asker.replaceChildren(h("strong", { title: customer.id }, `${customer.name} · ${address}`), this.window());
    if (!customer.typing) this.typing(0);
  }

  window() {
    const last = this.customer.last_inbound_at;
    const left = last === null ? 0 : last + 86_400 - Date.now() / 1000;
    const text = left > 0 ? `${Math.floor(left / 3600)} h ${Math.floor((left % 3600) / 60)} m left` : "window closed";
    return h("span", { class: `window${left > 0 ? "" : " closed"}`, title: "24-hour customer service window" }, text);
  }

  minute() {
    this.time.textContent = clock(Date.now() / 1000);
    this.update(this.customer);
  }

  typing(seconds) {
    clearTimeout(this.typingTimer);
    this.isTyping = seconds > 0;
    if (this.isTyping) this.typingTimer = setTimeout(() => this.typing(0), Math.min(seconds * 1000, TYPING_MS));
    this.sub.textContent = this.isTyping ? "typing…" : "Business account";
    this.sub.classList.toggle("typing", this.isTyping);
    this.dots?.remove();
    if (this.isTyping) {
      this.dots = h("div", { class: "line first typing" }, h("div", { class: "bubble" }, h("span", { class: "dots" }, h("i"), h("i"), h("i"))));
      this.keepBottom(() => this.log.append(this.dots));
    }
  }

  // Messages ----------------------------------------------------------------------------------

  async load() {
    try {
      const chat = await api.chat(this.customer.id);
      this.messages = new Map(chat.messages.map((message) => [message.id, message]));
      this.update(chat.customer);
      this.draw();
      if (chat.customer.typing) this.typing(25);
      await api.open(this.customer.id);
    } catch (error) {
      toast(error.message);
    }
  }

  draw() {
    this.log.replaceChildren(h("div", { class: "notice" }, "A simulated chat: nothing leaves this machine."));
    let before = null;
    for (const message of this.messages.values()) {
      this.append(message, before);
      before = message;
    }
    this.toEnd();
  }

  append(message, before) {
    if (message.type === "reaction") return;
    if (!before || day(before.at) !== day(message.at)) this.log.append(h("div", { class: "day" }, day(message.at)));
    const node = line(message, this.context());
    if (!before || before.direction !== message.direction || message.at - before.at > 600) node.classList.add("first");
    this.log.append(node);
    return node;
  }

  receive(message) {
    const known = this.messages.has(message.id);
    const before = [...this.messages.values()].filter((m) => m.type !== "reaction").at(-1) ?? null;
    this.messages.set(message.id, message);
    if (known) return this.redraw(message);
    if (message.direction === "out") this.typing(0);
    this.keepBottom(() => {
      this.append(message, before)?.classList.add("fresh");
      if (this.dots?.isConnected) this.log.append(this.dots);
    }, message.direction === "in");
    if (message.direction === "out" && document.hasFocus()) api.open(this.customer.id).catch(() => {});
  }

  redraw(message) {
    const old = this.find(message.id);
    if (!old) return;
    const node = line(message, this.context());
    if (old.classList.contains("first")) node.classList.add("first");
    this.keepBottom(() => old.replaceWith(node));
  }

  find(id) {
    return this.log.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  keepBottom(change, force = false) {
    const near = this.distance() < 120;
    change();
    if (near || force) this.toEnd();
  }

  distance() { return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight; }

  toEnd() {
    this.atEnd = true;
    this.log.scrollTop = this.log.scrollHeight;
  }

  context() {
    return {
      business: this.desk.business.name,
      find: (id) => this.messages.get(id),
      show: (id) => this.find(id)?.scrollIntoView({ behavior: "smooth", block: "center" }),
      act: (action) => this.act(action),
      list: (message) => this.listSheet(message),
      menu: (message) => this.menuSheet(message),
    };
  }

  // Acting ------------------------------------------------------------------------------------

  async act(action) {
    try {
      await api.act(this.customer.id, action);
    } catch (error) {
      toast(error.message);
    }
  }

  onKey(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.onSend();
    }
  }

  onInput() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 120)}px`;
    this.sendButton.replaceChildren(icon(this.input.value.trim() ? "send" : "mic"));
    this.sendButton.setAttribute("aria-label", this.input.value.trim() ? "Send" : "Send a voice note");
  }

  onSend() {
    const text = this.input.value.trim();
    const reply_to = this.replyTo?.id;
    this.act(text ? { type: "text", text, reply_to } : { type: "audio", voice: true, reply_to });
    this.input.value = "";
    this.answer(null);
    this.onInput();
    this.input.focus();
  }

  answer(message) {
    this.replyTo = message;
    this.replying.hidden = message === null;
    if (message === null) return;
    const close = h("button", { class: "close", "aria-label": "Do not quote", onclick: () => this.answer(null) }, icon("close"));
    this.replying.replaceChildren(quoteBox(message, this.context()), close);
    this.input.focus();
  }

  // Sheets ------------------------------------------------------------------------------------

  sheet(...children) {
    this.cover?.remove();
    const cover = h("div", { class: "cover", onclick: (event) => event.target === cover && cover.remove() }, h("div", { class: "sheet", role: "dialog" }, children));
    cover.addEventListener("keydown", (event) => event.key === "Escape" && cover.remove());
    this.cover = cover;
    this.screen.append(cover);
    cover.querySelector("button, input")?.focus({ preventScroll: true });
    return () => cover.remove();
  }

  listSheet(message) {
    const action = message.content.action;
    const send = h("button", { class: "primary", disabled: true }, "Send");
    const rows = action.sections.flatMap((section) => [section.title ? h("h3", {}, section.title) : null, ...section.rows.map((row) => this.option(row, send))]);
    const close = this.sheet(h("h2", {}, action.button), rows, send);
    send.addEventListener("click", () => {
      this.act({ type: "list", row_id: send.dataset.row, reply_to: message.id });
      close();
    });
  }

  option(row, send) {
    const choose = () => {
      send.disabled = false;
      send.dataset.row = row.id;
    };
    return h("label", { class: "option" }, h("span", {}, h("b", {}, row.title), row.description ? h("small", {}, row.description) : null), h("input", { type: "radio", name: "row", onchange: choose }));
  }

  emojiSheet() {
    const put = (emoji) => {
      this.input.setRangeText(emoji, this.input.selectionStart, this.input.selectionEnd, "end");
      this.onInput();
      close();
      this.input.focus();
    };
    const close = this.sheet(h("div", { class: "emojis" }, EMOJI.map((emoji) => h("button", { onclick: () => put(emoji) }, emoji))));
  }

  attachSheet() {
    const tiles = [
      ["image", "Photo", 268, () => this.file("image/*", "image")],
      ["doc", "Document", 250, () => this.file("", "document")],
      ["mic", "Voice note", 24, () => this.act({ type: "audio" })],
      ["pin", "Location", 150, () => this.act({ type: "location", name: "Base camp", address: "Trailhead car park" })],
      ["person", "Contact", 205, () => this.act({ type: "contacts" })],
      ["image", "Sample photo", 320, () => this.act({ type: "image", caption: this.takeInput() })],
      ["doc", "Sample PDF", 40, () => this.act({ type: "document", filename: "itinerary.pdf" })],
      ["alert", "Unsupported", 0, () => this.act({ type: "unsupported" })],
    ];
    const close = this.sheet(h("div", { class: "tiles" }, tiles.map(([shape, name, hue, run]) => tile(shape, name, hue, () => { close(); run(); }))));
  }

  takeInput() {
    const text = this.input.value.trim();
    this.input.value = "";
    this.onInput();
    return text || undefined;
  }

  file(accept, type) {
    const picker = h("input", { type: "file", accept });
    picker.addEventListener("change", async () => {
      const file = picker.files[0];
      if (!file) return;
      const bytes_base64 = await base64(file);
      this.act({ type, bytes_base64, mime_type: file.type || "application/octet-stream", filename: file.name, caption: this.takeInput() });
    });
    picker.click();
  }

  menuSheet(message) {
    const row = (shape, title, run) => h("button", { class: "choice-row", onclick: () => { close(); run(); } }, icon(shape), title);
    const mine = message.reactions.customer;
    const react = (emoji) => this.act({ type: "reaction", reply_to: message.id, emoji: emoji === mine ? null : emoji });
    const quick = h("div", { class: "quick" }, QUICK.map((emoji) => h("button", { onclick: () => { close(); react(emoji); } }, emoji)));
    const close = this.sheet(quick,
      row("reply", "Reply", () => this.answer(message)),
      row("copy", "Copy text", () => navigator.clipboard?.writeText(message.text)),
      row("info", "Details", () => this.desk.inspect(message)));
  }
}

function tile(shape, name, hue, onclick) {
  const node = h("button", { class: "tile", onclick }, h("i", {}, icon(shape)), name);
  node.style.setProperty("--hue", hue);
  return node;
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1] ?? "");
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
