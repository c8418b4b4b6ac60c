// Renders a receipt from its public JSON, as an application of one's own would: in its own elements, with textContent alone.

function made(tag, className, ...content) {
  const found = document.createElement(tag);
  if (className) found.className = className;
  found.append(...content);
  return found;
}

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 12 });

function rows(receipt) {
  if (receipt.metrics) return receipt.metrics.map((x) => [x.name, x.occurrences, x.value]);
  return receipt.lines.map((x) => [x.reason, x.deltaCount, x.amount]);
}

function card(receipt) {
  const isValue = Boolean(receipt.metrics);
  const unit = isValue ? receipt.currency : receipt.unit;
  const total = isValue ? receipt.totalDeliveredValue : receipt.finalBalance;
  const day = (text) => new Date(text).toLocaleDateString(undefined, { dateStyle: "medium", timeZone: "UTC" });
  const span = isValue ? `${day(receipt.startDate)} – ${day(receipt.endDate)} (UTC)` : receipt.period ?? day(receipt.startDate);
  const named = (td, label) => Object.assign(td.dataset, { label }) && td;
  const body = made("tbody", "", ...rows(receipt).map(([name, count, amount]) =>
    made(
      "tr", "", made("td", "item", name), named(made("td", "num", number.format(count)), "Count"),
      named(made("td", "num amount", number.format(amount)), unit),
    )));
  const head = made("tr", "", ...[isValue ? "Delivered" : "Reason", "Count", unit].map((text, n) => {
    const th = made("th", n ? "num" : "", text);
    th.scope = "col";
    return th;
  }));
  return made(
    "div", "app",
    made("header", "", `${isValue ? "Value delivered" : "Closing balance"}: ${number.format(total)} ${unit}`),
    made(
      "div", "sheet",
      made("p", "quiet", span),
      made("table", "lines", made("thead", "", head), body),
    ),
  );
}

const live = document.getElementById("headless-live");
if (live) {
  try {
    const answer = await fetch(live.dataset.json, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const said = await answer.json();
    live.replaceChildren(card(said.data ?? said));
  } catch (error) {
    live.replaceChildren(made("p", "fault", `The receipt could not be fetched: ${error.message}`));
  }
  live.removeAttribute("aria-busy");
}

// A frame is as tall as the receipt in it says.
const frame = document.getElementById("frame");
if (frame) {
  addEventListener("message", ({ source, origin, data }) => {
    if (source === frame.contentWindow && origin === location.origin && data?.type === "paid-embed:height") {
      frame.style.height = `${data.px}px`;
    }
  });
}
