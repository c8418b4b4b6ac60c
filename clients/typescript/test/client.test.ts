// Against a server that listens at COUNTERFOIL_URL, with the key in COUNTERFOIL_KEY of a test tenant whose clock stands in April
// 2026. Node runs it as it is.
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { test } from "node:test";

import { ApiError, Conflict, NoAnswer, NotFound, PacSpace, Paid, UnexpectedAnswer } from "counterfoil";

const month = "2026-04"; // by the clock of the test tenant

test("the snippet of the guide runs as it is written, but for its import", async () => {
  const pac = new PacSpace();
  await pac.balance.emit("cust_acme_001", 100, "top_up");
  const checkpoint = await pac.balance.checkpoint('cust_acme_001', {
    period: '2026-04',
  });

  const receipts = await pac.balance.receipts.list('cust_acme_001', { limit: 1 });
  const receipt = await pac.balance.receipts.get(receipts[0].receiptId, {
    customerDisplayName: true,
    timezone: 'UTC',
  });

  const invoiceEmailBody = pac.balance.receipts.emailBody(receipt);

  assert.ok(Array.isArray(receipts) && receipts.length === 1);
  assert.equal(receipt.receiptId, checkpoint.checkpointId);
  assert.equal(receipt.period, "2026-04");
  assert.equal(receipt.customer.customerId, "cust_acme_001");
  assert.ok(invoiceEmailBody.includes(receipt.links.permalink));
  assert.ok(invoiceEmailBody.includes("2026-04"));
});

test("deltas add up, and two views are held beside them", async () => {
  const pac = new PacSpace();
  const customer = "globex.eu:1";
  const first = await pac.balance.emit(customer, 1000, "top_up", { referenceId: "t-1", idempotencyKey: "globex-t-1" });
  const again = await pac.balance.emit(customer, 1000, "top_up", { referenceId: "t-1", idempotencyKey: "globex-t-1" });
  assert.equal(again.recordId, first.recordId, "the same key is done once");
  await pac.balance.emit(customer, -12.75, "gpu_minutes", { metadata: { gpu_kind: "a" } });
  const batch = await pac.balance.emitBatch([
    { customerId: customer, delta: -0.1, reason: "calls", referenceId: "c-1" },
    { customerId: customer, delta: -0.2, reason: "calls", referenceId: "c-2" },
  ]);
  assert.deepEqual([batch.totalQueued, batch.totalFailed], [2, 0]);
  const known = await pac.balance.status(first.recordId);
  assert.equal(known.delta, 1000);
  const balance = await pac.balance.derive(customer);
  assert.equal(balance.computedBalance, 986.95);
  assert.equal(balance.deltaCount, 4);
  const compared = await pac.balance.compare(customer, { yourBalance: 986.95, theirBalance: 987 });
  assert.deepEqual([compared.matchesYours, compared.matchesTheirs], [true, false]);
});

test("a sealed window has a root that anyone can look up", async () => {
  const pac = new PacSpace();
  await pac.balance.emit("initech", 5, "top_up");
  const sealed = await pac.balance.checkpoint("initech");
  const again = await pac.balance.checkpoint("initech", { period: month });
  assert.equal(again.checkpointId, sealed.checkpointId, "a sealed window is sealed for good");
  const verified = await new PacSpace({ apiKey: "nobody" }).verify(sealed.proofRoot);
  assert.equal(verified.verified, true);
  assert.equal(verified.summary.recordCount, 1);
  const scoped = await pac.balance.receipt("initech", { period: month });
  assert.ok(scoped.verifyUrl.startsWith("http"));
});

test("a value receipt lives", async () => {
  const paid = new Paid();
  const customer = await paid.customers.create({ name: "Initech", externalId: "initech-paid", defaultCurrency: "EUR" });
  assert.equal((await paid.customers.getByExternalId("initech-paid")).id, customer.id);
  const taken = await paid.signals.send([
    { eventName: "claim_reviewed", customer: { externalCustomerId: "initech-paid" }, timestamp: new Date("2026-02-01T12:00:00Z"),
      data: { minutes_saved: 35 }, idempotencyKey: "claim-1" },
  ]);
  assert.equal(taken.ingested, 1);
  const made = await paid.valueReceipts.sync({
    externalCustomerId: "initech-paid", startDate: "2026-01-01T00:00:00Z", endDate: new Date("2026-03-31T23:59:59Z"),
  });
  assert.equal(made.status, "draft");
  await paid.valueReceipts.seal(made.id);
  await assert.rejects(paid.valueReceipts.refresh(made.id), Conflict);
  const published = await paid.valueReceipts.publish(made.id);
  assert.equal(published.isPublished, true);
  assert.equal((await fetch(published.publicUrl.replace(/^https?:\/\/[^/]+/, process.env.COUNTERFOIL_URL ?? ""))).status, 200);
  const page = await paid.valueReceipts.list({ externalCustomerId: "initech-paid" });
  assert.deepEqual(page.data.map((r) => r.id), [made.id]);
  assert.equal((await paid.valueReceipts.unpublish(made.id)).isPublished, false);
  await paid.valueReceipts.archive(made.id);
  assert.equal((await paid.valueReceipts.list({ externalCustomerId: "initech-paid" })).total, 0);
  assert.equal((await paid.valueReceipts.list({ externalCustomerId: "initech-paid", archived: true })).total, 1);
  await paid.valueReceipts.unarchive(made.id);
});

test("what is refused says why, under a name", async () => {
  const pac = new PacSpace();
  await assert.rejects(pac.balance.receipts.get("chk_nobody"), (error) => error instanceof NotFound && error.name === "NotFound");
  await assert.rejects(pac.balance.emit("initech", 0, "nothing"), (error) => error instanceof ApiError && error.status === 400);
  await assert.rejects(new PacSpace("pk_test_x.y").balance.derive("initech"), { status: 401 });
  assert.throws(() => new PacSpace({ apiKey: "bad\nkey" }), TypeError);
  assert.throws(() => new PacSpace({ apiKey: "k", baseUrl: "file:///etc" }), TypeError);
});

async function scripted(
  answers: Array<[number, string]>,
  run: (address: string, seen: IncomingMessage[]) => Promise<void>,
): Promise<void> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    seen.push(request);
    const [status, body] = answers.shift() ?? [500, ""];
    response.writeHead(status, { "Content-Type": "application/json", "Retry-After": "0" }).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const where = server.address();
  assert.ok(where !== null && typeof where === "object");
  try {
    await run(`http://127.0.0.1:${where.port}`, seen);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("a write that is sent again carries the same key", async () => {
  await scripted([[503, "{}"], [429, "{}"], [201, '{"success":true,"data":{"recordId":"r"}}']], async (baseUrl, seen) => {
    const delta = await new PacSpace({ apiKey: "k", baseUrl }).balance.emit("acme", 1, "x");
    assert.equal(delta.recordId, "r");
    assert.equal(seen.length, 3);
    assert.equal(new Set(seen.map((r) => r.headers["idempotency-key"])).size, 1);
  });
});

test("an answer of another shape is no success", async () => {
  await scripted([[200, "{}"], [200, "<html>"], [404, "gone"]], async (baseUrl, seen) => {
    const pac = new PacSpace({ apiKey: "k", baseUrl });
    await assert.rejects(pac.balance.derive("acme"), UnexpectedAnswer);
    await assert.rejects(pac.balance.derive("acme"), UnexpectedAnswer);
    await assert.rejects(pac.balance.derive("../x"), NotFound);
    assert.equal(seen[2]?.url, "/api/v1/balance/derive/..%2Fx");
  });
});

test("no answer is told apart from a refusal", async () => {
  const pac = new PacSpace({ apiKey: "k", baseUrl: "http://127.0.0.1:1", maxRetries: 0 });
  await assert.rejects(pac.balance.derive("acme"), NoAnswer);
});
