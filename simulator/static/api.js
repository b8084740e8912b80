// The simulator's REST interface and its stream of events.

async function call(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(reason(data, answer.status));
  return data;
}

function reason(data, status) {
  if (typeof data.detail === "string") return data.detail;
  if (Array.isArray(data.detail)) return data.detail.map((d) => `${d.loc.at(-1)}: ${d.msg}`).join("; ");
  return `the simulator answered ${status}`;
}

const at = (id) => `/sim/customers/${encodeURIComponent(id)}`;

export const api = {
  health: () => call("GET", "/sim/health"),
  customers: () => call("GET", "/sim/customers?recent=true&limit=300"),
  addCustomer: (customer) => call("POST", "/sim/customers", customer),
  chat: (id) => call("GET", `${at(id)}/messages?limit=300`),
  act: (id, action) => call("POST", `${at(id)}/messages`, action),
  open: (id) => call("POST", `${at(id)}/open`),
  faults: () => call("GET", "/sim/faults"),
  presets: () => call("GET", "/sim/faults/presets"),
  changeFaults: (change) => call("PATCH", "/sim/faults", change),
  replaceFaults: (faults) => call("PUT", "/sim/faults", faults),
  deliveries: () => call("GET", "/sim/webhooks?limit=60&body=true"),
  setWebhook: (url) => call("PUT", "/sim/webhook", { url }),
  verify: () => call("POST", "/sim/webhook/verify"),
  reset: () => call("POST", "/sim/reset"),
};

export function listen(handlers, onState) {
  const source = new EventSource("/sim/events");
  for (const [kind, handle] of Object.entries(handlers)) {
    source.addEventListener(kind, (event) => handle(JSON.parse(event.data)));
  }
  source.addEventListener("open", () => onState(true));
  source.addEventListener("error", () => onState(false));
}
