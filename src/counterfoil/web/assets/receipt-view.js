// Draws a receipt from the `display` part of its public JSON. Texts are set with textContent alone: what a receipt says is
// never markup.

function made(tag, className, ...content) {
  const found = document.createElement(tag);
  if (className) found.className = className;
  found.append(...content.filter((part) => part !== null && part !== undefined && part !== ""));
  return found;
}

function figure({ label, value }, note, className) {
  return made("div", className, made("p", "label", label), made("p", "figure", value), note && made("p", "quiet", note));
}

function facts(rows, className) {
  return made("dl", className, ...rows.map(({ label, value }) => made("div", "", made("dt", "", label), made("dd", "", value))));
}

function withRole(element, role) {
  element.setAttribute("role", role);
  return element;
}

function cell(text, n, columns) {
  const last = n === columns.length - 1;
  const kind = n === 0 ? "item" : last ? "num amount" : columns[n].is_figure ? "num" : "";
  const td = withRole(made("td", kind, n === 0 ? made("strong", "", text) : text), "cell");
  if (n > 0) td.dataset.label = columns[n].label;
  return td;
}

function table({ title, columns, rows }, empty) {
  const heads = columns.map((column) => {
    const th = withRole(made("th", column.is_figure ? "num" : "", column.label), "columnheader");
    th.scope = "col";
    return th;
  });
  const lines = rows.map((row) => withRole(made("tr", "", ...row.map((text, n) => cell(text, n, columns))), "row"));
  if (!lines.length) {
    const td = withRole(made("td", "quiet", empty), "cell");
    td.colSpan = columns.length;
    lines.push(withRole(made("tr", "", td), "row"));
  }
  return withRole(
    made(
      "table", "lines", made("caption", "", title),
      withRole(made("thead", "", withRole(made("tr", "", ...heads), "row")), "rowgroup"),
      withRole(made("tbody", "", ...lines), "rowgroup"),
    ),
    "table",
  );
}

function computed(view) {
  const steps = view.how.map((step) =>
    made("div", "", made("dt", step.of ? "" : "only", step.of || view.title), made("dd", "", step.is_code ? made("code", "", step.says) : step.says)));
  return made(
    "section", "how",
    steps.length ? made("h2", "", view.words.receipt_how) : null,
    steps.length ? made("dl", "steps", ...steps) : null,
    ...view.roots.map((root) => made("p", "about", `${view.words.receipt_root} `, made("code", "", root))),
    view.layout.footer.length ? made("p", "note quiet", view.layout.footer.join("\n")) : null,
  );
}

function heading(view, tag) {
  const logo = view.layout.logo ? made("img", "logo") : null;
  if (logo) {
    logo.alt = "";
    logo.src = view.layout.logo;
  }
  return made(
    "header", "top",
    made("div", "", logo, made("p", "seller", view.issuer), made(tag, "", view.title), made("p", "about", view.number)),
    made("p", `chip chip-${view.state_class}`, view.state),
  );
}

function actions(view, files) {
  const buttons = files.map(({ label, get }, n) => {
    const button = made("button", n ? "button" : "button main", label);
    button.type = "button";
    button.addEventListener("click", get);
    return button;
  });
  const nav = made("nav", "actions", ...buttons);
  nav.setAttribute("aria-label", view.words.downloads);
  return nav;
}

/** The receipt as an element `main` (or another `tag`, inside a page that has a main part of its own). `files`: what can be
 *  downloaded, each a label and a function that gets it. */
export function drawn(view, { tag = "main", title = "h1", files = [] } = {}) {
  const figures = made("div", "figures", figure(view.headline, "", ""), view.beside && figure(view.beside, view.beside_note, "beside"));
  const customer = made("p", "", made("strong", "", view.customer), ...view.customer_rows.flatMap((row) => [made("br"), row]));
  const sums = facts(view.sums, "sums");
  sums.append(made("div", "due", made("dt", "", view.due.label), made("dd", "", view.due.value)));
  const sheet = made(
    tag, "sheet receipt",
    heading(view, title),
    made("section", "headline", figures, files.length ? actions(view, files) : null),
    view.note ? made("p", "notice", view.note) : null,
    made(
      "section", "parties",
      made("div", "", made("h2", "", view.words.from), made("p", "", made("strong", "", view.issuer))),
      made("div", "", made("h2", "", view.words.receipt_for), customer),
      facts(view.facts, "facts"),
    ),
    ...view.tables.map((one) => table(one, view.words.receipt_empty)),
    made("div", "closing", computed(view), sums),
  );
  sheet.lang = view.language;
  return sheet;
}
