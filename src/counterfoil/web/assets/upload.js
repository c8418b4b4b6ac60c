// The page to upload usage. The key lives in this module alone.

const $ = (id) => document.getElementById(id);
const FIELDS = ["customer", "usage_product", "at", "quantity", "key"];
const STATES = {
  received: "Received", checking: "Checking…", dry_run: "Checked; nothing is stored yet", running: "Storing…", done: "Stored",
  failed: "Failed",
};
const CONSTANT = "\u0000constant";
let token = "";
let upload = null;
let suggested = null;

function say(text) {
  $("fault").textContent = text;
  $("fault").hidden = !text;
}

async function ask(method, path, body, type) {
  const headers = { Authorization: `Bearer ${token}`, Version: "V0", ...(type ? { "Content-Type": type } : {}) };
  const answer = await fetch(path, { method, headers, body, cache: "no-store", credentials: "omit" });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => null);
  throw new Error(told?.error?.message ?? `the server answered ${answer.status}`);
}

function doing(form, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const buttons = form.querySelectorAll("button");
    buttons.forEach((b) => { b.disabled = true; });
    say("");
    try {
      await work(new FormData(form), event.submitter);
    } catch (error) {
      say(error.message);
    } finally {
      buttons.forEach((b) => { b.disabled = false; });
    }
  });
}

doing($("log-in").querySelector("form"), async (form) => {
  token = form.get("api_key").trim();
  if (form.get("password")) {
    const body = JSON.stringify({ api_key: token, password: form.get("password") });
    token = await (await ask("POST", "/auth/login", body, "application/json")).json();
  }
  await ask("GET", "/api/usage/upload");
  $("choose").hidden = false;
  $("choose").querySelector("input").focus();
});

doing($("choose").querySelector("form"), async (form) => {
  const file = form.get("file");
  const name = encodeURIComponent(file.name);
  upload = await (await ask("POST", `/api/usage/upload?file_name=${name}`, file, "application/octet-stream")).json();
  show(upload.look, form.get("format_name").trim());
  $("read").hidden = false;
  $("far").hidden = true;
});

function show(look, format) {
  suggested = format ? { format_name: format } : look.suggested;
  $("columns").hidden = Boolean(format) || !look.suggested;
  $("notes").textContent = format
    ? `By the format ${format}.`
    : [...look.notes, ...(look.unsettled.length ? [`decide on: ${look.unsettled.join(", ")}`] : [])].join("; ");
  const columns = look.columns.length ? look.columns : [...new Set(look.rows.flatMap(Object.keys))];
  const table = $("sample");
  table.replaceChildren(row("th", columns), ...look.rows.slice(0, 5).map((r) => row("td", columns.map((c) => r[c] ?? ""))));
  if (format || !look.suggested) return;
  for (const field of FIELDS) choices(field, columns);
}

function row(kind, texts) {
  const tr = document.createElement("tr");
  for (const text of texts) {
    const cell = document.createElement(kind);
    cell.textContent = text.length > 60 ? `${text.slice(0, 60)}…` : text;
    tr.append(cell);
  }
  return tr;
}

function choices(field, columns) {
  const select = document.querySelector(`select[name="${field}"]`);
  const constant = document.querySelector(`input[name="${field}-constant"]`);
  const said = suggested[field] ?? {};
  const from = [said.from ?? []].flat()[0];
  const option = (value, text) => new Option(text, value, false, value === (from ?? (said.constant ? CONSTANT : "")));
  select.replaceChildren(option("", select.dataset.needed ? "choose…" : "none"), ...columns.map((c) => option(c, c)),
    option(CONSTANT, "the same for every row"));
  constant.value = said.constant ?? "";
  const toggle = () => { constant.hidden = select.value !== CONSTANT; };
  select.onchange = toggle;
  toggle();
}

function mapping(form) {
  if (suggested?.format_name) return suggested;
  if (!suggested) throw new Error("JSON lines are read by a format: give its name above, and look at the file again");
  const made = { ...suggested };
  for (const field of FIELDS) {
    const column = form.get(field);
    const before = suggested[field] ?? {};
    if (column === CONSTANT) made[field] = { constant: form.get(`${field}-constant`) };
    else if (column) made[field] = [before.from ?? []].flat()[0] === column ? before : { from: column };
    else if (field === "key") delete made.key;
    else throw new Error(`say which column holds: ${field.replace("_", " ")}`);
  }
  return { mapping: made };
}

doing($("read").querySelector("form"), async (form, button) => {
  const dry = button?.name === "dry_run";
  const body = JSON.stringify({ ...mapping(form), dry_run: dry, same_rows: Boolean(form.get("same_rows")) });
  upload = await (await ask("POST", `/api/usage/upload/${upload.upload_ref}/start`, body, "application/json")).json();
  $("far").hidden = false;
  for (let wait = 150; ; wait = Math.min(1.5 * wait, 2000)) {
    progress(upload, dry);
    if (!["checking", "running"].includes(upload.state)) break;
    await new Promise((done) => { setTimeout(done, wait); });
    upload = await (await ask("GET", `/api/usage/upload/${upload.upload_ref}`)).json();
  }
});

function progress(u) {
  $("state").textContent = STATES[u.state] ?? u.state;
  $("bar").value = u.percent;
  for (const key of ["rows", "accepted", "duplicates", "refused", "skipped"]) {
    $(`count-${key}`).textContent = u[key].toLocaleString("en");
  }
  $("problems").replaceChildren(...u.problems.slice(0, 10).map((p) => {
    const item = document.createElement("li");
    item.textContent = `Line ${p.line}: ${p.field ? `${p.field}: ` : ""}${p.message}`;
    return item;
  }));
  $("results").hidden = !["done", "failed"].includes(u.state) || !u.rows;
  if (u.fault) say(u.fault);
}

$("results").addEventListener("click", async () => {
  say("");
  try {
    const blob = await (await ask("GET", upload.results_url)).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `results-${upload.file_name}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    say(error.message);
  }
});
