// Controls beside the phones: faults, the webhook log, details of one message.
import { api } from "./api.js";
import { clock, h, icon, tick, toast } from "./dom.js";

const CODES = [131000, 131026, 131047, 131056, 130429, 131016, 131048, 131049, 131050, 131053, 131009, 190, 368, 132001];
const PROBABILITIES = {
  statuses: [["duplicate_p", "Twice"], ["out_of_order_p", "Out of order"], ["read_without_delivered_p", "Read without delivered"], ["never_delivered_p", "Never delivered"], ["late_p", "Late"], ["before_response_p", "Before the answer"]],
  webhooks: [["duplicate_p", "Delivered twice"], ["reorder_p", "Reordered"], ["wrong_signature_p", "Wrong signature"]],
};

export class Panel {
  constructor(root, tabs, desk) {
    this.root = root;
    this.desk = desk;
    this.selected = null;
    this.tabs = new Map(["Faults", "Webhooks", "Details"].map((name) => [name, h("button", { role: "tab", onclick: () => this.show(name) }, name)]));
    tabs.append(...this.tabs.values());
    this.show("Faults");
  }

  show(name) {
    this.name = name;
    for (const [key, tab] of this.tabs) tab.setAttribute("aria-selected", String(key === name));
    ({ Faults: () => this.faults(), Webhooks: () => this.webhooks(), Details: () => this.details() })[name]();
  }

  inspect(message) {
    this.selected = message;
    this.show("Details");
  }

  // Events ------------------------------------------------------------------------------------

  onWebhook() {
    if (this.name !== "Webhooks" || this.pending) return;
    this.pending = setTimeout(() => { this.pending = null; if (this.name === "Webhooks") this.webhooks(); }, 400);
  }

  onMessage(message) {
    if (this.selected?.id !== message.id) return;
    this.selected = message;
    if (this.name === "Details") this.details();
  }

  // Faults ------------------------------------------------------------------------------------

  async faults() {
    try {
      [this.now, this.presets] = await Promise.all([api.faults(), this.presets ?? api.presets()]);
    } catch (error) {
      return toast(error.message);
    }
    if (this.name === "Faults") this.drawFaults();
  }

  async change(change) {
    try {
      this.now = await api.changeFaults(change);
    } catch (error) {
      toast(error.message);
    }
    this.drawFaults();
  }

  drawFaults() {
    const at = this.root.scrollTop;
    this.root.replaceChildren(this.presetGroup(), this.sendGroup(), this.statusGroup(), this.webhookGroup(), this.limitGroup(), this.endGroup());
    this.root.scrollTop = at;
  }

  presetGroup() {
    const same = (preset) => JSON.stringify(preset) === JSON.stringify(this.now);
    const chips = Object.entries(this.presets).map(([name, preset]) =>
      h("button", { class: `chip${same(preset) ? " on" : ""}`, onclick: async () => { this.now = await api.replaceFaults(preset); this.drawFaults(); } }, name[0].toUpperCase() + name.slice(1)));
    return group("Conditions", h("div", { class: "chips" }, chips));
  }

  statusGroup() {
    const knobs = this.now.statuses;
    return group("Statuses",
      PROBABILITIES.statuses.map(([key, name]) => this.slider("statuses", key, name)),
      this.select("Read by the customer", knobs.read, { auto: "after a moment", on_open: "when looked at", never: "never" }, (read) => this.change({ statuses: { read } })));
  }

  webhookGroup() {
    const knobs = this.now.webhooks;
    return group("Webhook delivery",
      PROBABILITIES.webhooks.map(([key, name]) => this.slider("webhooks", key, name)),
      this.select("Batches", String(knobs.batch_window_s), { 0: "one by one", 0.2: "every 0.2 s", 1: "every second", 5: "every 5 s" }, (value) => this.change({ webhooks: { batch_window_s: Number(value) } })),
      this.select("Message timestamps", String(knobs.age_s), { 0: "now", 1200: "20 minutes old", 7200: "2 hours old", 259200: "3 days old", "-600": "10 min ahead" }, (value) => this.change({ webhooks: { age_s: Number(value) } })),
      this.select("Body size", String(knobs.pad_to_bytes), { 0: "as it is", 1100000: "at least 1.1 MB", 2900000: "at least 2.9 MB" }, (value) => this.change({ webhooks: { pad_to_bytes: Number(value) } })));
  }

  limitGroup() {
    const knobs = this.now.limits;
    return group("Meta's limits",
      this.select("24-hour window", knobs.window, { async: "fails later", sync: "fails at once", off: "off" }, (window) => this.change({ limits: { window } })),
      this.select("One per user and 6 s", knobs.pair, { strict: "strict", bucket: "lenient", off: "off" }, (pair) => this.change({ limits: { pair } })),
      this.select("Throughput", String(knobs.throughput), { true: "enforced", false: "off" }, (value) => this.change({ limits: { throughput: value === "true" } })));
  }

  sendGroup() {
    const kind = picker({ error: "Graph error", http: "HTTP error", timeout_after_accept: "Accept, then hang", timeout_before_accept: "Hang, then 503", slow: "Slow answer" });
    const mode = picker({ sync: "at once", async: "in a status", both: "both" });
    const code = h("input", { list: "codes", value: "131000", inputmode: "numeric" });
    const times = picker({ 1: "next send", 3: "next 3 sends", 10: "next 10 sends", all: "every send" });
    const who = picker({ any: "any customer", this: "this customer" });
    const arm = () => this.change({ sends: [...this.now.sends, this.misfortune(kind, mode, code, times, who)] });
    const codes = h("datalist", { id: "codes" }, CODES.map((value) => h("option", { value: String(value) })));
    const armed = this.now.sends.map((fault, place) => h("div", { class: "armed" }, describe(fault),
      h("button", { "aria-label": "Disarm", onclick: () => this.change({ sends: this.now.sends.filter((_, other) => other !== place) }) }, icon("close"))));
    const field = (name, input) => h("label", {}, name, input);
    const form = h("div", { class: "two" }, field("What", kind), field("How often", times), field("Code or HTTP status", code), field("When", mode), field("Whose", who), h("button", { class: "primary small", onclick: arm }, "Arm"));
    kind.addEventListener("change", () => { code.value = kind.value === "http" ? "503" : "131000"; });
    return group("Next sends", armed, form, codes);
  }

  misfortune(kind, mode, code, times, who) {
    const fault = { kind: kind.value, times: times.value === "all" ? null : Number(times.value) };
    if (kind.value === "error") Object.assign(fault, { code: Number(code.value), mode: mode.value });
    if (kind.value === "http") fault.http_status = Number(code.value);
    if (kind.value === "slow") fault.hold_s = 3;
    if (who.value === "this") fault.to = this.desk.currentId();
    return fault;
  }

  endGroup() {
    const reset = h("button", { class: "chip danger", onclick: () => confirm("Forget all chats, files and faults?") && api.reset() }, "Reset everything");
    return group("Start over", h("div", { class: "chips" }, reset));
  }

  slider(section, key, name) {
    const value = this.now[section][key];
    const shown = h("output", {}, percent(value));
    const range = h("input", { type: "range", min: "0", max: "100", step: "1", value: String(Math.round(value * 100)), "aria-label": name });
    range.addEventListener("input", () => { shown.textContent = percent(range.value / 100); });
    range.addEventListener("change", () => this.change({ [section]: { [key]: range.value / 100 } }));
    return h("div", { class: `knob${value > 0 ? " hot" : ""}` }, h("span", {}, name), range, shown);
  }

  select(name, value, options, apply) {
    const all = value in options ? options : { ...options, [value]: value };
    const node = picker(all, value);
    node.addEventListener("change", () => apply(node.value));
    return h("label", { class: "pick" }, h("span", {}, name), node);
  }

  // Webhooks ----------------------------------------------------------------------------------

  async webhooks() {
    let health, log;
    try {
      [health, log] = await Promise.all([api.health(), api.deliveries()]);
    } catch (error) {
      return toast(error.message);
    }
    if (this.name !== "Webhooks") return;
    const open = new Set([...this.root.querySelectorAll("details[open]")].map((node) => node.dataset.id));
    const list = log.deliveries.reverse().map((delivery) => deliveryLine(delivery, open));
    this.root.replaceChildren(this.endpoint(health), group("Deliveries", list.length ? list : h("p", { class: "empty" }, "Nothing has been delivered yet.")));
  }

  endpoint(health) {
    const url = h("input", { value: health.webhook_url ?? "", placeholder: "http://127.0.0.1:8000/webhook", "aria-label": "Webhook URL" });
    const result = h("p", { class: "muted" });
    const tell = (answer) => { result.textContent = answer.ok ? "The handshake succeeded." : `The handshake failed: ${answer.detail} (${answer.status_code ?? "no answer"}).`; };
    const run = (work) => work().then(tell, (error) => toast(error.message));
    return group("Endpoint", url, h("div", { class: "chips" },
      h("button", { class: "chip", onclick: () => run(() => api.setWebhook(url.value.trim() || null)) }, "Set"),
      h("button", { class: "chip", onclick: () => run(api.verify) }, "Handshake")), result);
  }

  // Details -----------------------------------------------------------------------------------

  details() {
    const message = this.selected;
    if (!message) {
      return this.root.replaceChildren(h("p", { class: "empty" }, "Open a message's menu and choose Details."));
    }
    const facts = { Id: message.id, Type: message.type, Direction: message.direction === "in" ? "from the customer" : "from the business", Callback: message.callback_data, Error: message.error ? `${message.error.code} ${message.error.title}` : null };
    const rows = Object.entries(facts).filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
    const statuses = message.statuses.map((s) => h("div", { class: "row" }, tick(s.status), s.status, h("span", { class: "muted" }, new Date(s.timestamp * 1000).toLocaleTimeString())));
    this.root.replaceChildren(group("Message", h("dl", { class: "facts" }, rows)), statuses.length ? group("Statuses sent", statuses) : "", group("On the wire", h("pre", { class: "raw" }, JSON.stringify(message.raw, null, 2))));
  }
}

function group(title, ...children) {
  return h("section", { class: "group" }, h("h3", {}, title), ...children);
}

function picker(options, value) {
  return h("select", {}, Object.entries(options).map(([key, name]) => h("option", { value: key, selected: key === value }, name)));
}

const percent = (value) => `${Math.round(value * 100)} %`;

function describe(fault) {
  const often = fault.times === null ? "every send" : fault.times === 1 ? "next send" : `next ${fault.times}`;
  const what = { error: `error ${fault.code} (${fault.mode})`, http: `HTTP ${fault.http_status}`, slow: `${fault.hold_s} s slow`, timeout_after_accept: "accept, then hang", timeout_before_accept: "hang, then 503" }[fault.kind];
  const chance = fault.probability < 1 ? `, ${percent(fault.probability)}` : "";
  return h("span", {}, `${what} · ${often}${chance}${fault.to ? ` · ${fault.to}` : ""}`);
}

function deliveryLine(delivery, open) {
  const last = delivery.attempts.at(-1) ?? {};
  const code = last.status_code ?? last.error ?? "…";
  const kind = delivery.state === "delivered" ? "good" : delivery.attempts.length ? "bad" : "";
  const many = delivery.attempts.length > 1 ? ` · ${delivery.attempts.length} attempts` : "";
  const title = `${subject(delivery)}${many}`;
  return h("details", { class: "delivery", "data-id": String(delivery.id), open: open.has(String(delivery.id)) },
    h("summary", {}, h("span", { class: `code ${kind}` }, code), h("span", { class: "grow" }, title), h("span", { class: "muted" }, clock(delivery.created_at), last.ms ? ` · ${Math.round(last.ms)} ms` : "")),
    h("pre", { class: "raw" }, pretty(delivery.body)));
}

function subject(delivery) {
  try {
    const values = JSON.parse(delivery.body).entry.flatMap((entry) => entry.changes).map((change) => change.value);
    const parts = values.flatMap((value) => [...(value.messages ?? []).map((m) => `message: ${m.type}`), ...(value.statuses ?? []).map((s) => `status: ${s.status}`)]);
    return parts.length > 2 ? `${parts.length} updates` : parts.join(", ") || "no updates";
  } catch {
    return `${delivery.num_updates} update(s)`;
  }
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
