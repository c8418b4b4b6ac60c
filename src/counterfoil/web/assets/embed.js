// A receipt in a frame: says when it is ready and how tall it is, takes tokens from the page around it, and from nobody else.
// Without the origin of that page it neither says nor hears anything.

const box = document.getElementById("embed");
const { parent: parentOrigin, refresh, from, drawing } = box.dataset;
const framed = window.parent !== window && parentOrigin !== "";
let timer = 0;
let turn = 0;

function say(message) {
  if (framed) window.parent.postMessage(message, parentOrigin);
}

function askAgain() {
  say(refresh ? { type: "paid-embed:token-expired", refreshUrl: refresh } : { type: "paid-embed:token-expired" });
}

/** Seconds since 1970 at which a token ends, as it says itself; whoever checks it is the server. */
function endOf(token) {
  try {
    const text = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return Number(JSON.parse(atob(text)).exp) || 0;
  } catch {
    return 0;
  }
}

function wait(text) {
  const says = document.createElement("p");
  says.className = "quiet";
  says.setAttribute("role", "status");
  says.textContent = text;
  const main = document.createElement("main");
  main.className = "sheet receipt";
  main.append(says);
  box.replaceChildren(main);
}

function expireAt(seconds) {
  clearTimeout(timer);
  if (!seconds) return;
  timer = setTimeout(() => {
    wait("This view has expired.");
    askAgain();
  }, Math.min(Math.max(seconds * 1000 - Date.now(), 0), 2 ** 31 - 1));
}

function dress(style) {
  if (!style || document.querySelector(`link[href="${CSS.escape(style)}"]`)) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = style;
  document.head.append(link);
}

/** Download a file of the receipt: a link could not carry the token. */
async function save(name, token) {
  const answer = await fetch(`${from.replace(/^\/api/, "")}/${name}`, { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" });
  if (answer.status === 401) {
    wait("This view has expired.");
    askAgain();
  }
  if (!answer.ok) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `value-${name}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function filesOf({ display, links }, token) {
  if (!links.pdf) return [];
  const named = [[display.words.get_pdf, "receipt.pdf"], [display.words.get_bundle, "bundle.json"]];
  return named.map(([label, name]) => ({ label, get: () => save(name, token) }));
}

async function open(token) {
  turn += 1;
  const mine = turn;
  const answer = await fetch(from, { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" });
  if (mine !== turn) return;
  if (answer.status === 401) {
    wait("This view has expired.");
    askAgain();
    return;
  }
  if (!answer.ok) {
    wait(answer.status === 403 ? "This may not be shown here." : "This cannot be shown right now.");
    return;
  }
  const receipt = await answer.json();
  const { display } = receipt;
  const { drawn } = await import(drawing);
  if (mine !== turn) return;
  document.documentElement.lang = display.language;
  dress(display.layout.style);
  box.replaceChildren(drawn(display, { files: filesOf(receipt, token) }));
  expireAt(endOf(token));
}

// A token that came with the address has no place in the history or in a link that is copied.
const address = new URL(location.href);
const given = address.searchParams.get("token");
if (given !== null) {
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

if (framed) {
  addEventListener("message", (event) => {
    if (event.source !== window.parent || event.origin !== parentOrigin) return;
    const { type, token } = event.data ?? {};
    if (type === "paid-embed:token" && typeof token === "string" && from) {
      open(token).catch(() => wait("This cannot be shown right now."));
    }
  });
  new ResizeObserver(() => say({ type: "paid-embed:height", px: Math.ceil(box.getBoundingClientRect().height) })).observe(box);
  say({ type: "paid-embed:ready" });
  if (box.dataset.expired) askAgain();
}
if (given && box.dataset.private && !box.dataset.expired) expireAt(endOf(given));
