// Payments, what follows where nobody pays, prepaid wallets, plans and subscriptions, as the API tells them.

import { $, ask, doing, logInWith, made, trying } from "./desk.js";

let customer = "";
const names = new Map();

function money(value, currency) {
  try {  // a text, not a number: every digit is shown as it is
    return new Intl.NumberFormat(undefined, { style: "currency", currency, currencyDisplay: "code" }).format(value);
  } catch {
    return `${value} ${currency}`;
  }
}

const day = (text) => new Date(text).toLocaleDateString(undefined, { dateStyle: "medium", timeZone: "UTC" });
const moment = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
const is0 = (text) => !/[1-9]/.test(text);

function joined(...parts) {
  return parts.filter(Boolean).join(" · ");
}

function head(text, figure) {
  const top = made("p", "", "bank-line");
  top.append(made("span", text), made("b", figure));
  return top;
}

function linked(url, words) {
  const a = made("a", words);
  a.href = /^(https?:\/\/|\/)/.test(url) ? url : "#";
  a.rel = "noreferrer";
  return a;
}

async function nameOf(path, ref) {
  if (!names.has(ref)) names.set(ref, ask("GET", `${path}/${ref}`).then((told) => told.name, () => ref));
  return names.get(ref);
}

/** A list that is shown page by page: `path` gives its first page, `item` one of its lines. */
function listing(name, path, item, nothing) {
  const list = $(name);
  const more = $(`more-${name}`);
  let next = null;
  const show = async (after) => {
    const at = path();
    const page = at ? await ask("GET", `${at}${after ? `&after=${encodeURIComponent(after)}` : ""}`) : { data: [] };
    const items = await Promise.all(page.data.map(item));
    if (after) list.append(...items);
    else list.replaceChildren(...items);
    next = page.next ?? null;
    more.hidden = !next;
    const count = list.children.length;
    $(`count-${name}`).textContent = count || next ? `${count}${next ? "+" : ""} shown` : nothing();
    if (after) items[0]?.querySelector("summary, button, a")?.focus();
  };
  more.addEventListener("click", () => trying([more], () => show(next)));
  return show;
}

const of = (path) => `${path}?limit=50${customer ? `&customer_ref=${encodeURIComponent(customer)}` : ""}`;

const lists = [
  listing("payments", () => of("/v1/payments"), payment, () => "No payments yet."),
  listing("unpaid", () => of("/v1/dunning/plan"), planned, () => "Nothing will be done: all is paid, or nothing is under a policy."),
  listing("wallets", () => customer && `/v1/wallets?customer_ref=${encodeURIComponent(customer)}`, wallet,
    () => (customer ? "This customer has no wallet." : "Choose a customer to see its wallets.")),
  listing("plans", () => "/v1/plans?limit=50", plan, () => "No plans yet."),
  listing("subscriptions", () => of("/v1/subscriptions"), subscription, () => "No subscriptions yet."),
];

doing($("log-in").querySelector("form"), async (form) => {
  logInWith(form.get("api_key"));
  $("work").hidden = true;
  customer = "";
  names.clear();
  await find("");
  await Promise.all(lists.map((show) => show()));
  $("work").hidden = false;
});

doing($("find"), (form) => find(form.get("name").trim()));

doing($("choose"), async (form) => {
  customer = form.get("customer");
  await Promise.all(lists.map((show) => show()));
});

async function find(name) {
  const page = await ask("GET", `/v1/customers?limit=100${name ? `&name=${encodeURIComponent(name)}` : ""}`);
  const options = [["", "all"], ...page.data.map((c) => [c.customer_ref, c.name])].map(([ref, words]) => {
    const option = made("option", words);
    option.value = ref;
    return option;
  });
  $("choose").elements.customer.replaceChildren(...options);
  $("found").textContent = page.data.length
    ? `Customers to choose from: ${page.data.length}${page.next ? "+" : ""}` : "No customer has such a name.";
}

function payment(p) {
  const li = made("li");
  li.append(head(joined(day(p.received_at), p.customer_name), money(p.amount, p.currency)));
  const parts = [["unapplied", p.unapplied], ["refunded", p.refunded], ["disputed", p.disputed], ["lost", p.lost]];
  li.append(made("p", joined(p.number, p.state, p.method.replaceAll("_", " "), p.reference,
    ...parts.map(([words, value]) => !is0(value) && `${words} ${money(value, p.currency)}`)), "said"));
  const details = made("details");
  const summary = made("summary", "Details");
  summary.setAttribute("aria-label", `Details of ${p.number}`);
  const body = made("div");
  details.append(summary, body);
  details.addEventListener("toggle", () => {
    if (details.open && !body.children.length) trying([], async () => body.replaceChildren(...(await story(p))));
  });
  li.append(details);
  return li;
}

async function story(p) {
  const all = await ask("GET", `/v1/payments/${p.payment_ref}`);
  const sum = (value) => money(value, p.currency);
  const rows = (title, list, nothing, words) => {
    const ul = made("ul");
    ul.append(...list.map((x) => made("li", words(x))));
    return [made("h3", title), list.length ? ul : made("p", nothing)];
  };
  return [
    ...rows("Allocations", all.allocations, "It settles nothing yet.",
      (a) => joined(moment(a.at), a.number, sum(a.amount), a.why)),
    ...rows("Refunds", all.refunds, "Nothing was given back.",
      (r) => joined(moment(r.created_at), sum(r.amount), r.state, r.reason)),
    ...rows("Disputes", all.disputes, "Nobody disputes it.",
      (d) => joined(moment(d.opened_at), sum(d.amount), d.state, d.reason, d.closed_at && `closed ${moment(d.closed_at)}`)),
    made("h3", "Receipt"), await receipt(all),
  ];
}

async function receipt(p) {
  if (!p.receipt_ref) return made("p", "It has no receipt.");
  try {
    const line = made("p");
    line.append(linked((await ask("GET", `/v1/receipts/${p.receipt_ref}`)).page, `Receipt of ${p.number}`));
    return line;
  } catch (error) {
    return made("p", error.message);
  }
}

const STEPS = {
  mail: (s) => `mail${s.letter ? ` (${s.letter})` : ""}`, retry: () => "charge again", cancel: () => "cancel the contract",
  state: (s) => `state ${s.state}`, pause: () => "pause the contract",
};

function planned(d) {
  const li = made("li");
  li.dataset.document = d.document_ref;
  li.append(head(joined(d.document_number, d.customer_name), money(d.open, d.currency)));
  const paused = d.state === "paused" && (d.paused_until ? `paused until ${day(d.paused_until)}` : "paused");
  li.append(made("p", joined(`due ${day(d.due_on)}`, d.policy, paused || d.state, d.why), "said"));
  if (d.steps.length) {
    const steps = made("ul");
    steps.append(...d.steps.map((s) => made("li", joined(moment(s.at), STEPS[s.kind]?.(s) ?? s.kind, s.why))));
    li.append(steps);
  }
  li.append(d.state === "paused" ? resuming(d, li) : pausing(d, li));
  return li;
}

async function moved(d, li, verb, body) {
  const told = await ask("POST", `/v1/documents/${d.document_ref}/dunning/${verb}`, body, body && "application/json");
  const now = planned(told);
  li.replaceWith(now);
  now.querySelector("button").focus();
}

function pausing(d, li) {
  const form = made("form", "", "aside");
  const field = (words, name, type) => {
    const label = made("label", words);
    const input = made("input");
    input.name = name;
    input.type = type;
    input.maxLength = 200;
    label.append(input);
    return label;
  };
  form.append(field("Pause until", "until", "date"), field("Because", "reason", "text"),
    labelled("Pause", `Pause ${d.document_number}`));
  doing(form, (said) => moved(d, li, "pause", JSON.stringify({ until: said.get("until") || null, reason: said.get("reason") })));
  return form;
}

function resuming(d, li) {
  const button = labelled("Resume", `Resume ${d.document_number}`);
  button.addEventListener("click", () => trying([button], () => moved(d, li, "resume")));
  return button;
}

function labelled(words, label) {
  const button = made("button", words);
  button.setAttribute("aria-label", label);
  return button;
}

function wallet(w) {
  const li = made("li");
  const top = w.top_up && `topped up with ${money(w.top_up.amount, w.currency)} below ${money(w.top_up.below, w.currency)}`;
  li.append(head(w.name || "Wallet", money(w.balance, w.currency)), made("p", joined(
    `since ${moment(w.created_at)}`, w.closed_at && `closed ${moment(w.closed_at)}`, top,
    !is0(w.held) && `held ${money(w.held, w.currency)}`), "said"));
  return li;
}

function plan(p) {
  const li = made("li");
  const { unit, cycle } = p.billing_cycle;
  li.append(head(p.name, p.currency), made("p", joined(
    p.external_id, p.description, `${cycle === 1 || !cycle ? "" : `${cycle} × `}${unit.toLowerCase()}`,
    p.trial_days && `${p.trial_days} days of trial`), "said"));
  const line = made("p");
  if (p.checkout_url) line.append(linked(p.checkout_url, `Checkout of ${p.name}`));
  else line.textContent = "It has no checkout link.";
  li.append(line);
  return li;
}

async function subscription(s) {
  const [who, what] = await Promise.all([
    nameOf("/v1/customers", s.customer_ref), s.plan_ref ? nameOf("/v1/plans", s.plan_ref) : "no plan"]);
  const li = made("li");
  li.append(head(joined(who, what, s.quantity !== null && `${s.quantity} ×`), s.state), made("p", joined(
    `contract ${s.contract_number}`, `since ${moment(s.created_at)}`, s.trial_ends_on && `trial until ${day(s.trial_ends_on)}`,
    s.last_day && `last day ${day(s.last_day)}`, s.next && `${s.next.quantity} × from ${day(s.next.since)}`), "said"));
  return li;
}
