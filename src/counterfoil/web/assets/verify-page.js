// The verify page: files are checked in this browser, and nothing of them leaves it.
// Texts are set with textContent alone: what a bundle says is never markup.

const $ = (id) => document.getElementById(id);
const page = $("verify");
const TYPES = {
  "invoice/v1": "Invoice", "credit-note/v1": "Credit note", "debit-note/v1": "Debit note", "balance-receipt/v1": "Balance receipt",
  "payment-receipt/v1": "Payment receipt", "value-receipt/v1": "Value receipt",
};
const LARGEST = 256 * 1024 * 1024;

// In the downloaded verifier the verifier is part of the file; on the page it runs beside it, loaded before it is needed.
function verifierOf() {
  if (globalThis.counterfoilVerifier) return globalThis.counterfoilVerifier;
  const waiting = [];
  const worker = new Worker(page.dataset.worker, { type: "module" });
  worker.onmessage = ({ data }) => {
    const [resolve, reject] = waiting.shift();
    if (data.error) reject(new Error(data.error));
    else resolve(data.verdict ?? data.together ?? data);
  };
  worker.onerror = (event) => waiting.splice(0).forEach(([, reject]) => reject(new Error(event.message || "it did not start")));
  const ask = (question) => new Promise((resolve, reject) => {
    waiting.push([resolve, reject]);
    worker.postMessage({ verifier: page.dataset.verifier, ...question });
  });
  const ready = ask({});
  return {
    ready,
    verifyBundle: (bytes, { trustedKeys }) => ask({ bytes, trustedKeys }),
    verifyTogether: (files) => ask({ files }),
  };
}

const verifier = verifierOf();

function add(parent, tag, text, className) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (className) made.className = className;
  parent.append(made);
  return made;
}

function listed(parent, rows) {
  const list = add(parent, "ul");
  for (const { ok, name, says } of rows) {
    const li = add(list, "li", "", ok ? "ok" : "bad");
    add(li, "b", ok ? "Holds" : "Wrong");
    li.append(" ");
    add(li, "strong", name);
    li.append(" ");
    add(li, "span", says);
  }
}

function limited(box, notProved) {
  if (!notProved.length) return;
  const limits = add(box, "div", "", "limits");
  add(limits, "h3", "What was not proved");
  const list = add(limits, "ul");
  notProved.forEach((limit) => add(list, "li", limit));
}

const text = (value) => (typeof value === "string" ? value : "");

// What the record says of itself, for the reader to see which receipt it is. It is no part of the proof.
function about(bytes) {
  let record;
  try {
    ({ record } = JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return [];
  }
  if (record === null || typeof record !== "object") return [];
  const facts = [
    ["What", TYPES[record.type] ?? text(record.type)],
    ["Number", text(record.number)],
    ["From", text(record.issuer?.name) || text(record.seller?.name)],
    ["To", text(record.customer?.name) || text(record.buyer?.name)],
    ["Starts", text(record.window?.start) || text(record.period?.start)],
    ["Ends", text(record.window?.end) || text(record.period?.end)],
    ["Balance", record.type === "balance-receipt/v1" ? `${text(record.ending_balance)} ${text(record.unit)}` : ""],
    ["Value", record.type === "value-receipt/v1" ? `${text(record.total)} ${text(record.currency)}` : ""],
  ];
  return facts.filter(([, value]) => value.trim());
}

function draw(name, bytes, { ok, checks, notProved, webCrypto }) {
  const bad = checks.filter((check) => !check.ok);
  const good = checks.filter((check) => check.ok);
  const holds = ok === true && good.length > 0 && bad.length === 0;
  const box = document.createElement("article");
  box.className = "sheet proof verdict";
  const heading = add(box, "h2", name);
  heading.tabIndex = -1;
  const badge = add(box, "p", "", "badge");
  badge.dataset.state = holds ? "ok" : "bad";
  add(badge, "span", "", "dot").setAttribute("aria-hidden", "true");
  add(badge, "span", holds ? `${checks.some((c) => c.name === "usage") ? "Proved" : "Proved to be in the log"}: all ${good.length} checks hold` : `Not proved: ${bad.length} of ${checks.length} checks do not hold`);
  const facts = about(bytes);
  if (facts.length) {
    const list = add(box, "dl", "", "said");
    for (const [label, value] of facts) {
      const row = add(list, "div");
      add(row, "dt", label);
      add(row, "dd", value);
    }
  }
  if (bad.length) {
    add(box, "h3", "What is wrong");
    listed(add(box, "div", "", "checks"), bad);
  }
  const details = add(box, "details", "", "checks");
  details.open = holds && good.length <= 12;
  add(details, "summary", `What was proved (${good.length})`);
  listed(details, good);
  if (webCrypto) add(details, "p", "Hash and signatures were confirmed by this browser's own cryptography (WebCrypto).");
  limited(box, notProved);
  return { box, heading, holds };
}

function drawTogether({ checks, notProved }) {
  const box = document.createElement("article");
  box.className = "sheet proof verdict";
  add(box, "h2", "Together");
  const holds = checks.every((check) => check.ok);
  const badge = add(box, "p", "", "badge");
  badge.dataset.state = !holds ? "bad" : checks.length ? "ok" : "idle";
  add(badge, "span", "", "dot").setAttribute("aria-hidden", "true");
  add(badge, "span", !holds ? "These receipts contradict each other" : checks.length ? "These receipts join" : "Nothing joins them");
  if (checks.length) listed(add(box, "div", "", "checks"), checks);
  limited(box, notProved);
  return box;
}

const keysGiven = () => ($("keys")?.value ?? page.dataset.keys ?? "").split(/\s+/).filter(Boolean);

async function check(files) {
  const results = $("results");
  const status = $("status");
  results.replaceChildren();
  const trustedKeys = keysGiven();
  const proved = [];
  let wrong = 0;
  let first = null;
  for (const [name, read] of files) {
    status.textContent = `Checking ${name}…`;
    await new Promise((resolve) => setTimeout(resolve));
    try {
      const bytes = await read();
      if (bytes.length > LARGEST) throw new Error("the file is too large for a bundle");
      const drawn = draw(name, bytes, await verifier.verifyBundle(bytes, { trustedKeys }));
      results.append(drawn.box);
      first ??= drawn.heading;
      if (drawn.holds) proved.push([name, bytes]);
      else wrong += 1;
    } catch (error) {
      wrong += 1;
      const verdict = { ok: false, checks: [{ name: "file", ok: false, says: String(error?.message ?? error) }], notProved: [] };
      const drawn = draw(name, new Uint8Array(), verdict);
      results.append(drawn.box);
      first ??= drawn.heading;
    }
  }
  const together = proved.length > 1 ? await verifier.verifyTogether(proved) : { checks: [], notProved: [] };
  if (together.checks.length + together.notProved.length) results.append(drawTogether(together));
  const count = files.length === 1 ? "1 file" : `${files.length} files`;
  status.textContent = `${count} checked: ${proved.length} proved, ${wrong} not.`;
  page.dataset.state = "done";
  first?.focus();
}

const fromFiles = (list) => Array.from(list, (file) => [file.name, async () => new Uint8Array(await file.arrayBuffer())]);
let busy = Promise.resolve();
const queue = (files) => {
  if (!files.length) return;
  page.dataset.state = "checking";
  busy = busy.then(() => check(files));
};

const drop = $("drop");
if (drop) {
  const input = $("files");
  input.addEventListener("change", () => {
    queue(fromFiles(input.files));
    input.value = "";
  });
  for (const kind of ["dragenter", "dragover"]) {
    addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    queue(fromFiles(event.dataTransfer.files));
  });
}

// A page about one proof root brings its own bundle.
if (page.dataset.bundle) {
  const read = async () => {
    const answer = await fetch(page.dataset.bundle);
    if (!answer.ok) throw new Error(`the proof is not there: HTTP ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  Promise.resolve(verifier.ready).then(() => queue([[page.dataset.name, read]]));
}
Promise.resolve(verifier.ready).then(() => { page.dataset.ready = "yes"; });
