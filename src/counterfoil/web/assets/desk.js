// What the pages of the desk share: a key that lives in the page alone, calls of the API, faults in words.

export const $ = (id) => document.getElementById(id);
let token = "";

export function logInWith(key) {
  token = key.trim();
}

export function say(text) {
  $("fault").textContent = text;
  $("fault").hidden = !text;
}

export async function ask(method, path, body, type) {
  const headers = { Authorization: `Bearer ${token}`, ...(type ? { "Content-Type": type } : {}) };
  const answer = await fetch(path, { method, headers, body, cache: "no-store", credentials: "omit" });
  const told = await answer.json().catch(() => null);
  if (answer.ok) return told;
  throw new Error(told?.detail ?? `the server answered ${answer.status}`);
}

export async function trying(buttons, work) {
  buttons.forEach((b) => { b.disabled = true; });
  say("");
  try {
    await work();
  } catch (error) {
    say(error.message);
  } finally {
    buttons.forEach((b) => { b.disabled = false; });
  }
}

export function doing(form, work) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    trying(form.querySelectorAll("button"), () => work(new FormData(form)));
  });
}

export function made(kind, text, name) {
  const element = document.createElement(kind);
  if (text) element.textContent = text;
  if (name) element.className = name;
  return element;
}
