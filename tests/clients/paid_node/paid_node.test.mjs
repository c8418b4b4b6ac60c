// The published client @paid-ai/paid-node 1.7.1, unchanged, against the server at COUNTERFOIL_URL.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const { PaidClient, PaidError, Paid } = createRequire(process.env.NODE_MODULES_OF)("@paid-ai/paid-node");

const client = new PaidClient({ token: process.env.COUNTERFOIL_KEY, baseUrl: `${process.env.COUNTERFOIL_URL}/api/v2` });
const once = { maxRetries: 0 };
const quarter = { externalCustomerId: "northwind", startDate: "2026-01-01T00:00:00Z", endDate: "2026-03-31T23:59:59Z" };

test("customers are made, found, changed, listed and deleted", async () => {
  const made = await client.customers.createCustomer({
    name: "Northwind", externalId: "northwind", email: "ap@northwind.test", defaultCurrency: "EUR",
    billingAddress: { line1: "Harbour 1", city: "Oslo", country: "NO" }, metadata: { tier: "gold" },
  });
  assert.match(made.id, /^cus_/);
  assert.equal((await client.customers.getCustomerByExternalId({ externalId: "northwind" })).id, made.id);
  const changed = await client.customers.updateCustomerById({ id: made.id, body: { phone: "+47 1" } });
  assert.deepEqual([changed.phone, changed.name, changed.metadata], ["+47 1", "Northwind", { tier: "gold" }]);
  const spare = await client.customers.createCustomer({ name: "Spare" });
  assert.equal((await client.customers.listCustomers({ limit: 1 })).pagination.total, 2);
  await client.customers.deleteCustomerById({ id: spare.id });
  await assert.rejects(client.customers.getCustomerById({ id: spare.id }, once), { statusCode: 404 });
});

test("products and orders are made", async () => {
  const product = await client.products.createProduct({ name: "Claims agent", externalId: "claims-agent", active: true });
  assert.equal((await client.products.getProductByExternalId({ externalId: "claims-agent" })).id, product.id);
  const customer = await client.customers.getCustomerByExternalId({ externalId: "northwind" });
  const order = await client.orders.createOrder({
    customerId: customer.id, name: "Claims 2026", startDate: "2026-01-01T00:00:00Z", currency: "EUR",
    lines: [{ productId: product.id, name: "Claims" }],
  });
  assert.equal((await client.orders.getOrderById({ id: order.id })).name, "Claims 2026");
  assert.equal((await client.orders.getOrderLines({ id: order.id })).data[0].productId, product.id);
});

test("signals are taken once", async () => {
  const signals = Array.from({ length: 20 }, (_, n) => ({
    eventName: "claim_reviewed", customer: { externalCustomerId: "northwind" },
    attribution: { externalProductId: "claims-agent" }, timestamp: `2026-02-0${1 + (n % 9)}T12:00:00Z`,
    data: { minutes_saved: 35 }, idempotencyKey: `claim-${n}`,
  }));
  assert.deepEqual(plain(await client.signals.createSignals({ signals })), { ingested: 20, duplicates: 0, failed: 0 });
  assert.deepEqual(plain(await client.signals.createSignals({ signals })), { ingested: 0, duplicates: 20, failed: 0 });
});

test("a value receipt is synced, listed, refreshed, sealed, published, archived", async () => {
  const made = await client.valueReceipts.syncValueReceipt(quarter);
  assert.equal(made.status, "draft");
  assert.equal((await client.valueReceipts.syncValueReceipt(quarter)).id, made.id, "the same customer and period");
  assert.equal((await client.valueReceipts.refreshValueReceipt({ id: made.id })).status, "draft");
  const listed = await client.valueReceipts.listValueReceipts({ externalCustomerId: "northwind", limit: 1 });
  assert.deepEqual([listed.total, listed.data[0].id, listed.data[0].customerName], [1, made.id, "Northwind"]);
  assert.equal((await client.valueReceipts.sealValueReceipt({ id: made.id })).success, true);
  await assert.rejects(client.valueReceipts.refreshValueReceipt({ id: made.id }, once), Paid.ConflictError);
  const published = await client.valueReceipts.publishValueReceipt({ id: made.id, publishExpiresAt: "2190-01-01T00:00:00Z" });
  assert.deepEqual([published.isPublished, published.status], [true, "posted"]);
  const here = (url) => url.replace(/^https?:\/\/[^/]+/, process.env.COUNTERFOIL_URL);
  assert.equal((await fetch(here(published.publicUrl))).status, 200, "anyone opens it");
  assert.equal((await client.valueReceipts.unpublishValueReceipt({ id: made.id })).isPublished, false);
  assert.notEqual((await fetch(here(published.publicUrl), { redirect: "manual" })).status, 200, "nobody opens it");
  await client.valueReceipts.archiveValueReceipt({ id: made.id });
  assert.equal((await client.valueReceipts.listValueReceipts()).total, 0);
  assert.equal((await client.valueReceipts.listValueReceipts({ archived: "true" })).total, 1);
  await client.valueReceipts.unarchiveValueReceipt({ id: made.id });
  assert.equal((await client.valueReceipts.getValueReceiptById({ id: made.id })).archivedAt ?? null, null);
});

test("refusals are the client's own errors", async () => {
  await assert.rejects(client.valueReceipts.getValueReceiptById({ id: "vr_nobody" }, once), Paid.NotFoundError);
  await assert.rejects(
    client.valueReceipts.syncValueReceipt({ ...quarter, endDate: "2025-01-01T00:00:00Z" }, once), Paid.BadRequestError,
  );
  const stranger = new PaidClient({ token: "pk_test_x.y", baseUrl: `${process.env.COUNTERFOIL_URL}/api/v2` });
  await assert.rejects(stranger.customers.listCustomers({}, once), (e) => e instanceof PaidError && e.statusCode === 401);
});

function plain(value) {
  return JSON.parse(JSON.stringify(value));
}
