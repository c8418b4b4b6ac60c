import { Http, path, type Options, type Query, type WriteOptions } from "./http.js";
import type { paid } from "./wire.js";

type Answer<O extends keyof paid.Operations> = paid.Operations[O]["answer"];

export type SyncedValueReceipt = Answer<"POST /api/v2/value-receipts/sync">;
export type ValueReceiptPage = Answer<"GET /api/v2/value-receipts">;
export type ValueReceipt = Answer<"GET /api/v2/value-receipts/{}">;
export type Ingested = Answer<"POST /api/v2/signals/bulk">;
export type Customer = Answer<"GET /api/v2/customers/{}">;

/** Whose receipt: give one of the two. */
export type OfCustomer = { customerId: string } | { externalCustomerId: string };
/** What it is about: at most one of the two. */
export type Scope = { product?: { productId: string; currency?: string } } | { orderId?: string };
/** A period; both ends belong to it. */
export interface Period {
  startDate: string | Date;
  endDate: string | Date;
}
export interface Signal {
  eventName: string;
  customer: OfCustomer;
  attribution?: { productId: string } | { externalProductId: string };
  timestamp?: string | Date;
  data?: Record<string, unknown>;
  idempotencyKey?: string;
}

/** Value receipts, and what feeds them. */
export class Paid {
  readonly valueReceipts: ValueReceipts;
  readonly customers: Customers;
  readonly signals: Signals;

  /** `new Paid("pk_test_….…")`, or with `{ apiKey, baseUrl, timeout, maxRetries }`. */
  constructor(options: string | Options = {}) {
    const given = typeof options === "string" ? { apiKey: options } : options;
    const http = new Http(given, "/api/v2", (key) => ({ Authorization: `Bearer ${key}` }));
    this.valueReceipts = new ValueReceipts(http);
    this.customers = new Customers(http);
    this.signals = new Signals(http);
  }
}

class ValueReceipts {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Find or make the receipt of a customer and a period, and bring it up to date, unless it is sealed. */
  sync(request: OfCustomer & Scope & Period & WriteOptions): Promise<SyncedValueReceipt> {
    const { idempotencyKey, ...body } = request;
    return this.#http.call("POST", "/value-receipts/sync", { body, idempotencyKey });
  }

  /** Make a new receipt of a period that is over. */
  create(request: OfCustomer & Scope & Period & WriteOptions): Promise<SyncedValueReceipt> {
    const { idempotencyKey, ...body } = request;
    return this.#http.call("POST", "/value-receipts", { body, idempotencyKey });
  }

  /** Receipts, newest first. `archived: true` shows archived ones as well. */
  list(
    query: {
      limit?: number;
      offset?: number;
      customerId?: string;
      externalCustomerId?: string;
      orderId?: string;
      productId?: string;
      archived?: boolean;
    } = {},
  ): Promise<ValueReceiptPage> {
    return this.#http.call("GET", "/value-receipts", { query: query as Query });
  }

  /** A receipt and the state of its link. */
  get(id: string): Promise<ValueReceipt> {
    return this.#http.call("GET", `/value-receipts${path(id)}`);
  }

  /** Compute a draft again from the signals there are now; `Conflict` for a sealed one. */
  refresh(id: string): Promise<SyncedValueReceipt> {
    return this.#do(id, "refresh");
  }

  /** Make it unchangeable, and verifiable offline. */
  seal(id: string): Promise<{ success: boolean }> {
    return this.#do(id, "seal");
  }

  /** Open it to anyone with the link, until `publishExpiresAt` where that is given. */
  publish(id: string, options: { publishExpiresAt?: string | Date | null } = {}): Promise<ValueReceipt> {
    return this.#do(id, "publish", options);
  }

  /** Only holders of a signed token can open it from now on. */
  unpublish(id: string): Promise<ValueReceipt> {
    return this.#do(id, "unpublish");
  }

  /** Take it out of lists. */
  archive(id: string): Promise<{ success: boolean }> {
    return this.#do(id, "archive");
  }

  /** Put it back. */
  unarchive(id: string): Promise<{ success: boolean }> {
    return this.#do(id, "unarchive");
  }

  #do<T>(id: string, action: string, body: object = {}): Promise<T> {
    return this.#http.call("POST", `/value-receipts${path(id, action)}`, { body });
  }
}

class Customers {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Add a customer. */
  create(request: { name: string; externalId?: string; email?: string; defaultCurrency?: string } & WriteOptions): Promise<Customer> {
    const { idempotencyKey, ...body } = request;
    return this.#http.call("POST", "/customers", { body, idempotencyKey });
  }

  /** A customer by its id. */
  get(id: string): Promise<Customer> {
    return this.#http.call("GET", `/customers${path(id)}`);
  }

  /** A customer by your own id. */
  getByExternalId(externalId: string): Promise<Customer> {
    return this.#http.call("GET", `/customers/external${path(externalId)}`);
  }
}

class Signals {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Report up to 1,000 signals. One whose key was there before changes nothing. */
  send(signals: Signal[], options: WriteOptions = {}): Promise<Ingested> {
    return this.#http.call("POST", "/signals/bulk", { body: { signals }, idempotencyKey: options.idempotencyKey });
  }
}
