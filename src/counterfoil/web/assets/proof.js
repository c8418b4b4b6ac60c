// The proof badge of a hosted document: fetches the bundle, has it verified in this browser, shows each check.
// Texts are set with textContent alone: what a bundle says is never markup.

const box = document.getElementById("proof");
const words = JSON.parse(box.dataset.words);
const badge = box.querySelector(".badge");
const checked = box.querySelector(".checks");
const limits = box.querySelector(".limits");
const again = box.querySelector("button");

function say(state, text) {
  badge.hidden = false;
  badge.dataset.state = state;
  badge.querySelector(".says").textContent = text;
}

function item(parent, className, ...texts) {
  const li = document.createElement("li");
  if (className) li.className = className;
  for (const [tag, text] of texts) {
    const part = document.createElement(tag);
    part.textContent = text;
    li.append(part, " ");
  }
  parent.append(li);
}

function show({ ok, checks, notProved, webCrypto }) {
  const good = checks.filter((check) => check.ok);
  const bad = checks.filter((check) => !check.ok);
  const holds = ok === true && good.length > 0 && bad.length === 0;
  say(holds ? "ok" : "bad", holds ? words.proof_ok : words.proof_bad);
  checked.querySelector("summary").textContent = words.checks
    .replace("{good}", good.length).replace("{all}", checks.length) + (webCrypto ? ` · ${words.web_crypto}` : "");
  checked.open = !holds;
  for (const check of [...bad, ...good]) {
    item(checked.querySelector("ul"), check.ok ? "ok" : "bad", ["b", check.ok ? words.passed : words.failed], ["strong", check.name],
      ["span", check.says]);
  }
  for (const text of notProved) item(limits.querySelector("ul"), "", ["span", text]);
  checked.hidden = false;
  limits.hidden = notProved.length === 0;
}

function verified(bytes) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(box.dataset.worker, { type: "module" });
    const end = (settle) => (value) => {
      worker.terminate();
      settle(value);
    };
    worker.onerror = end((event) => reject(new Error(event.message || "the verifier did not start")));
    worker.onmessage = end(({ data }) => (data.verdict ? resolve(data.verdict) : reject(new Error(data.error))));
    worker.postMessage({ bytes, trustedKeys: JSON.parse(box.dataset.keys), verifier: box.dataset.verifier });
  });
}

// A proof of another document holds as well, so the record must also be the one that this page shows.
function pageCheck(bytes) {
  const shown = JSON.parse(box.dataset.shown);
  const { record } = JSON.parse(new TextDecoder().decode(bytes));
  const proved = { ...record, lines: record.lines?.map((line) => line.amount_minor) };
  const other = Object.keys(shown).filter((key) => JSON.stringify(shown[key]) !== JSON.stringify(proved[key]));
  return {
    name: "this page",
    ok: other.length === 0,
    says: other.length ? `shows something else than the record: ${other.join(", ")}` : "shows the document of the record",
  };
}

async function run() {
  say("running", words.proof_running);
  again.hidden = true;
  for (const part of [checked, limits]) {
    part.querySelector("ul").replaceChildren();
    part.hidden = true;
  }
  try {
    const answer = await fetch(box.dataset.bundle, { headers: { Accept: "application/octet-stream, */*" } });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const verdict = await verified(bytes);
    if (verdict.ok) {
      const page = pageCheck(bytes);
      verdict.checks.push(page);
      verdict.ok = page.ok;
    }
    show(verdict);
  } catch (error) {
    say("failed", `${words.proof_failed}: ${error.message}`);
  }
  again.hidden = false;
}

again.addEventListener("click", run);
run();
