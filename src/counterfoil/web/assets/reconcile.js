// The page to reconcile bank lines.

import { $, ask, doing, logInWith, made, trying } from "./desk.js";

let state = "open";
let next = null;

doing($("log-in").querySelector("form"), async (form) => {
  logInWith(form.get("api_key"));
  await show();
  $("send").hidden = false;
  $("work").hidden = false;
});

doing($("send").querySelector("form"), async (form) => {
  const file = form.get("file");
  const said = new URLSearchParams({ file_name: file.name });
  if (form.get("account").trim()) said.set("account", form.get("account").trim());
  if (form.get("currency").trim()) said.set("currency", form.get("currency").trim().toUpperCase());
  const done = await ask("POST", `/v1/bank/statements?${said}`, file, "application/octet-stream");
  const posted = done.matching ? done.matching.posted : 0;
  $("imported").textContent = `${done.new_lines} new lines, ${done.known_lines} there already; ${posted} posted by themselves.`;
  $("notes").replaceChildren(...done.statements.flatMap((s) => s.notes.map((n) => made("li", `${s.account} ${s.number}: ${n}`))));
  await show();
});

doing($("work").querySelector("form"), async (form) => {
  state = form.get("state");
  await show();
});

$("more").addEventListener("click", () => trying([$("more")], () => show(next)));

async function show(after) {
  const page = await ask("GET", `/v1/bank/lines?state=${state}&limit=50${after ? `&after=${encodeURIComponent(after)}` : ""}`);
  const items = page.data.map(item);
  if (after) $("lines").append(...items);
  else $("lines").replaceChildren(...items);
  next = page.next;
  $("more").hidden = !next;
  const count = $("lines").children.length;
  $("count").textContent = count ? `${count}${next ? "+" : ""} lines` : "Nothing here.";
}

function item(line) {
  const li = made("li");
  li.dataset.line = line.line_ref;
  const top = made("p", "", "bank-line");
  top.append(made("span", `${line.booked_on} · ${line.party_name || line.party_account || "unknown"}`),
    made("b", `${line.amount} ${line.currency}`));
  li.append(top, made("p", [line.text, line.end_to_end, ...line.references].filter(Boolean).join(" · "), "said"));
  if (line.state === "open") {
    line.suggestions.forEach((s, n) => li.append(suggestion(line, s, n)));
    li.append(aside(line, "Set aside because", "ignore", "reason", "Set aside"));
  } else {
    const last = line.decisions.at(-1);
    if (last) li.append(made("p", `${last.by}: ${last.why.join("; ")}`, "said"));
    li.append(aside(line, "Take back because", "undo", "why", "Take back"));
  }
  return li;
}

function suggestion(line, s, n) {
  const row = made("div", "", "may-pay");
  row.append(made("span", `${Math.round(Number(s.confidence) * 100)} %: ${s.why.join("; ")}`));
  if (s.to.length || s.customer_ref) {
    const button = made("button", "Match");
    button.setAttribute("aria-label", `Match ${line.amount} ${line.currency}: ${s.why[0]}`);
    button.addEventListener("click", () => trying([button], async () => {
      await ask("POST", `/v1/bank/lines/${line.line_ref}/match`, JSON.stringify({ suggestion: n }), "application/json");
      await show();
    }));
    row.append(button);
  }
  return row;
}

function aside(line, label, verb, field, words) {
  const form = made("form", "", "aside");
  const name = made("label", label);
  const input = made("input");
  input.name = field;
  input.maxLength = 200;
  input.required = verb === "ignore";
  name.append(input);
  const button = made("button", words);
  button.setAttribute("aria-label", `${words}: ${line.amount} ${line.currency} of ${line.booked_on}`);
  form.append(name, button);
  doing(form, async (said) => {
    await ask("POST", `/v1/bank/lines/${line.line_ref}/${verb}`, JSON.stringify({ [field]: said.get(field) }), "application/json");
    await show();
  });
  return form;
}
