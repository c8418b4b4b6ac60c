import { Http, path, unwrapped, type Options, type Query, type WriteOptions } from "./http.js";
import type { pacspace } from "./wire.js";

type Operation = keyof pacspace.Operations;
type Body<O extends Operation> = pacspace.Operations[O]["body"];
type Asked<O extends Operation> = pacspace.Operations[O]["query"];
type Data<O extends Operation> = pacspace.Operations[O]["answer"] extends { data: infer D } ? D : never;

export type Delta = Data<"POST /api/v1/balance/delta">;
export type Batch = Data<"POST /api/v1/balance/delta/batch">;
export type Balance = Data<"GET /api/v1/balance/derive/{}">;
export type Comparison = Data<"POST /api/v1/balance/compare">;
export type Checkpoint = Data<"POST /api/v1/balance/checkpoint">;
export type ScopedReceipt = Extract<Data<"GET /api/v1/balance/receipt/{}">, { verifyUrl: string }>;
export type ListedReceipt = Data<"GET /api/v1/balance/customers/{}/receipts">[number];
export type Receipt = Data<"GET /api/v1/balance/receipts/{}">;
export type Verification = Data<"GET /api/v1/verify/{}">;

/** What a delta may say besides its customer, amount and reason. */
export interface DeltaOptions extends WriteOptions {
  referenceId?: string;
  metadata?: Record<string, unknown>;
  /** The committed delta that this one corrects. */
  adjusts?: { referenceId: string } | { recordId: string };
}

/** A window: a month, or both dates (the end does not belong to it). Without one: the current month, UTC. */
export interface Window {
  period?: string;
  startDate?: string;
  endDate?: string;
}

/** Balances by deltas, sealed windows of them, and receipts of these. */
export class PacSpace {
  readonly balance: Balances;
  readonly #http: Http;

  /** `new PacSpace("pk_test_….…")`, or with `{ apiKey, baseUrl, timeout, maxRetries }`. */
  constructor(options: string | Options = {}) {
    const given = typeof options === "string" ? { apiKey: options } : options;
    this.#http = new Http(given, "", (key) => ({ "X-Api-Key": key }));
    this.balance = new Balances(this.#http);
  }

  /** What a proof root stands for, as the server says; `source: "chain"` answers from the published log. */
  verify(proofRoot: string, query: { source?: "db" | "chain" | "both" } = {}): Promise<Verification> {
    return get(this.#http, `/api/v1/verify${path(proofRoot)}`, query);
  }
}

class Balances {
  readonly receipts: Receipts;
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
    this.receipts = new Receipts(http);
  }

  /** Record a change of a balance: positive raises it, negative lowers it. */
  emit(customerId: string, delta: number, reason: string, options: DeltaOptions = {}): Promise<Delta> {
    const { idempotencyKey, ...more } = options;
    return this.#write("delta", { customerId, delta, reason, ...more }, idempotencyKey);
  }

  /** Record up to 100 deltas. */
  emitBatch(deltas: Array<Body<"POST /api/v1/balance/delta">>, options: WriteOptions = {}): Promise<Batch> {
    return this.#write("delta/batch", { deltas }, options.idempotencyKey);
  }

  /** What became of a delta. */
  status(recordId: string): Promise<Delta> {
    return get(this.#http, `/api/v1/balance/delta${path(recordId)}`);
  }

  /** Compute a balance from its verified deltas. */
  derive(customerId: string, query: Asked<"GET /api/v1/balance/derive/{}"> = {}): Promise<Balance> {
    return get(this.#http, `/api/v1/balance/derive${path(customerId)}`, query);
  }

  /** Hold two views of a balance beside the one that the deltas give. */
  compare(
    customerId: string,
    views: { yourBalance: number; theirBalance: number; startingBalance?: number; granularity?: "day" | "week" | "month" } & Window,
  ): Promise<Comparison> {
    return this.#write("compare", { customerId, ...views });
  }

  /** Seal a window for good. The same window again gives the same checkpoint. */
  checkpoint(customerId: string, options: Window & WriteOptions = {}): Promise<Checkpoint> {
    const { idempotencyKey, ...window } = options;
    return this.#write("checkpoint", { customerId, ...window }, idempotencyKey);
  }

  /** The receipt of a window: its `verifyUrl` belongs on invoices and in mails. */
  receipt(customerId: string, window: Window): Promise<ScopedReceipt> {
    return get(this.#http, `/api/v1/balance/receipt${path(customerId)}`, { ...window });
  }

  async #write<T>(name: string, body: object, idempotencyKey?: string): Promise<T> {
    const where = `/api/v1/balance/${name}`;
    return unwrapped(await this.#http.call("POST", where, { body, idempotencyKey }), `POST ${where}`);
  }
}

class Receipts {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** A customer's receipts, newest first. */
  list(customerId: string, query: { limit?: number } = {}): Promise<ListedReceipt[]> {
    return get(this.#http, `/api/v1/balance/customers${path(customerId)}/receipts`, query);
  }

  /** A receipt. The customer's name is in it only when `customerDisplayName` asks for it. */
  get(
    receiptId: string,
    query: { customerDisplayName?: boolean; locale?: string; timezone?: string; unit?: string } = {},
  ): Promise<Receipt> {
    return get(this.#http, `/api/v1/balance/receipts${path(receiptId)}`, query);
  }

  /** Plain text for a mail that delivers a receipt, around its permalink. */
  emailBody(receipt: Receipt): string {
    return emailBody(receipt);
  }
}

/** Plain text for a mail that delivers a receipt, around its permalink. */
export function emailBody(receipt: Receipt): string {
  const name = receipt.customer.displayName;
  const unit = receipt.unit ? ` ${receipt.unit}` : "";
  const from = receipt.issuer.name ? ` from ${receipt.issuer.name}` : "";
  const window = receipt.period ?? `${receipt.startDate.slice(0, 10)} to ${receipt.endDate.slice(0, 10)}`;
  return [
    name ? `Hello ${name},` : "Hello,",
    "",
    `your receipt${from} for ${window} is here:`,
    "",
    receipt.links.permalink,
    "",
    `Starting balance: ${receipt.startingBalance}${unit}`,
    `Final balance: ${receipt.finalBalance}${unit}`,
    `Changes: ${receipt.deltaCount}`,
    "",
    `Its numbers can be verified by anyone: ${receipt.links.verify}`,
    "",
  ].join("\n");
}

async function get<T>(http: Http, where: string, query: Query = {}): Promise<T> {
  return unwrapped(await http.call("GET", where, { query }), `GET ${where}`);
}
