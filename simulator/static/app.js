// The desk: customers on the left, phones in the middle, controls on the right.
import { api, listen } from "./api.js";
import { summary } from "./bubbles.js";
import { avatar, clock, day, h, icon, tick, toast } from "./dom.js";
import { Panel } from "./panel.js";
import { Phone } from "./phone.js";

const MAX_PHONES = 3;
const byId = (id) => document.getElementById(id);

class Desk {
  constructor(health) {
    this.business = { name: health.business_name };
    this.customers = new Map();
    this.phones = [];
    this.panel = new Panel(byId("panel-body"), byId("tabs"), this);
    document.title = `${health.business_name} · chat simulator`;
    for (const spot of document.querySelectorAll("[data-icon]")) spot.append(icon(spot.dataset.icon));
    byId("search").addEventListener("input", () => this.drawPeople());
    byId("scrim").addEventListener("click", () => byId("desk").classList.remove("show-panel", "show-sidebar"));
    this.newCustomerDialog();
    setInterval(() => this.phones.forEach((phone) => phone.minute()), 20_000);
  }

  async load() {
    const { customers } = await api.customers();
    this.customers = new Map(customers.map((customer) => [customer.id, customer]));
    this.drawPeople();
    const wanted = decodeURIComponent(location.hash.slice(1)).split("+").filter((id) => this.customers.has(id));
    const first = [...this.customers.keys()][0];
    this.phones = [];
    byId("stage").replaceChildren();
    for (const id of wanted.length ? wanted : [first]) if (id) this.open(id, true);
  }

  // Phones ------------------------------------------------------------------------------------

  open(id, beside = false) {
    if (this.phones.some((phone) => phone.customer.id === id)) return this.focus(id);
    const keep = beside ? this.phones.slice(-(MAX_PHONES - 1)) : this.phones.slice(0, -1);
    for (const phone of this.phones) if (!keep.includes(phone)) phone.node.remove();
    const added = new Phone(this.customers.get(id), this);
    this.phones = [...keep, added];
    byId("stage").append(added.node); // moving the others would lose their scroll positions
    this.remember();
    this.focus(id);
  }

  focus(id) {
    const phone = this.phones.find((candidate) => candidate.customer.id === id);
    byId("desk").classList.remove("show-sidebar", "show-panel");
    phone.node.scrollIntoView({ inline: "center", block: "nearest" });
    if (matchMedia("(hover: hover)").matches) phone.input.focus();
    this.drawPeople();
  }

  close(phone) {
    this.phones = this.phones.filter((other) => other !== phone);
    phone.node.remove();
    this.remember();
    this.drawPeople();
  }

  currentId() { return this.phones.at(-1)?.customer.id; }
  toggle(name) { byId("desk").classList.toggle(name); }
  inspect(message) { this.panel.inspect(message); byId("desk").classList.add("show-panel"); }

  remember() {
    history.replaceState(null, "", `#${this.phones.map((phone) => encodeURIComponent(phone.customer.id)).join("+")}`);
  }

  // Customers ---------------------------------------------------------------------------------

  drawPeople() {
    const wanted = byId("search").value.trim().toLowerCase();
    const matches = (c) => [c.name, c.wa_id, c.username, c.bsuid].some((text) => text?.toLowerCase().includes(wanted));
    const recent = (c) => c.last_message?.at ?? 0;
    const people = [...this.customers.values()].filter(matches).sort((a, b) => recent(b) - recent(a)).slice(0, 200);
    byId("people").replaceChildren(...people.map((customer) => this.person(customer)));
    const unread = people.reduce((sum, customer) => sum + customer.unread, 0);
    byId("counts").textContent = `${this.customers.size} customers · ${unread ? `${unread} unread` : "all read"}`;
  }

  drawPeopleSoon() {
    this.drawing ??= requestAnimationFrame(() => { this.drawing = null; this.drawPeople(); });
  }

  person(customer) {
    const current = this.phones.some((phone) => phone.customer.id === customer.id);
    const last = customer.last_message;
    const when = last ? (day(last.at) === "Today" ? clock(last.at) : day(last.at)) : "";
    const button = h("button", { class: `person${current ? " current" : ""}`, onclick: (event) => this.open(customer.id, event.metaKey || event.ctrlKey) },
      avatar(customer.name, customer.id), h("span", { class: "name" }, customer.name), h("span", { class: "when" }, when),
      preview(customer), customer.unread && !current ? h("span", { class: "badge" }, String(customer.unread)) : null);
    const beside = h("button", { class: "beside", title: "Open beside", "aria-label": `Open ${customer.name} beside`, onclick: () => this.open(customer.id, true) }, h("span", { class: "icon" }, icon("columns")));
    return h("li", {}, button, current ? null : beside);
  }

  newCustomerDialog() {
    const dialog = byId("new-dialog");
    const form = byId("new-form");
    const show = () => {
      for (const node of form.querySelectorAll("[data-kind]")) node.hidden = node.dataset.kind !== form.elements.kind.value;
    };
    byId("new-customer").addEventListener("click", () => { form.reset(); byId("new-error").textContent = ""; show(); dialog.showModal(); });
    byId("new-cancel").addEventListener("click", () => dialog.close());
    form.addEventListener("change", show);
    form.addEventListener("submit", (event) => { event.preventDefault(); this.addCustomer(form, dialog); });
  }

  async addCustomer(form, dialog) {
    const field = (name) => form.elements[name].value.trim() || null;
    const phone = form.elements.kind.value === "phone";
    const customer = { name: field("name"), language: field("language"), wa_id: phone ? field("wa_id")?.replace(/\D/gu, "") || null : null, username: phone ? null : field("username")?.replace(/^@/u, "") ?? null };
    if (phone && !customer.wa_id) { byId("new-error").textContent = "A phone number is needed."; return; }
    try {
      const added = await api.addCustomer(customer);
      this.customers.set(added.id, added);
      dialog.close();
      this.open(added.id);
    } catch (error) {
      byId("new-error").textContent = error.message;
    }
  }

  // Events ------------------------------------------------------------------------------------

  handlers() {
    return {
      customer: (customer) => {
        this.customers.set(customer.id, customer);
        this.phones.find((phone) => phone.customer.id === customer.id)?.update(customer);
        this.drawPeopleSoon();
      },
      message: (message) => {
        this.phones.find((phone) => phone.customer.id === message.customer_id)?.receive(message);
        const customer = this.customers.get(message.customer_id);
        if (customer?.last_message?.id === message.id) { customer.last_message.status = message.status; this.drawPeopleSoon(); }
        this.panel.onMessage(message);
      },
      typing: ({ customer_id, for_s }) => {
        this.phones.find((phone) => phone.customer.id === customer_id)?.typing(for_s);
        const customer = this.customers.get(customer_id);
        if (customer) { customer.typing = true; this.drawPeopleSoon(); }
      },
      webhook: () => this.panel.onWebhook(),
      faults: (faults) => { this.panel.now = faults; if (this.panel.name === "Faults") this.panel.drawFaults(); },
      reset: () => this.load(),
      resync: () => this.load(),
    };
  }

  async onState(connected) {
    byId("connection").replaceChildren(h("span", { class: `dot${connected ? " on" : ""}` }), connected ? "live" : "reconnecting…");
    if (connected && this.wasLost) await this.load();
    this.wasLost = !connected;
  }
}

function preview(customer) {
  const last = customer.last_message;
  if (customer.typing) return h("span", { class: "preview" }, h("span", { class: "typing" }, "typing…"));
  if (!last) return h("span", { class: "preview" }, h("span", {}, customer.phone_hidden ? `@${customer.username ?? "no phone"}` : `+${customer.wa_id}`));
  return h("span", { class: "preview" }, last.direction === "out" ? tick(last.status) : null, h("span", {}, (last.direction === "in" ? "You: " : "") + summary(last).replace(/[*_~`]/gu, "").slice(0, 80)));
}

async function start() {
  try {
    const desk = new Desk(await api.health());
    listen(desk.handlers(), (connected) => desk.onState(connected));
    await desk.load();
  } catch (error) {
    toast(`The simulator cannot be reached: ${error.message}`);
  }
}

start();
