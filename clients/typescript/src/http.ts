import { ApiError, NoAnswer, UnexpectedAnswer, errorOf } from "./errors.js";

export interface Options {
  /** An API key. Default: the environment's COUNTERFOIL_KEY. */
  apiKey?: string;
  /** The server. Default: the environment's COUNTERFOIL_URL, else http://localhost:8080. */
  baseUrl?: string;
  /** Milliseconds for each try. */
  timeout?: number;
  /** How often a request is sent again after 408, 429, 5xx or no answer. */
  maxRetries?: number;
  /** Another fetch, as of a test or a proxy. */
  fetch?: typeof globalThis.fetch;
}

/** What a write may say besides its body. */
export interface WriteOptions {
  /** Makes it safe to repeat: the same key and body are done once. Without one, each call gets a new key, the same on every
   * retry. */
  idempotencyKey?: string;
}

export type Query = Record<string, string | number | boolean | null | undefined>;
type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

const DEFAULT_URL = "http://localhost:8080";
const AGAIN = new Set([408, 429, 500, 502, 503, 504]);
const BEING_DONE = new Set(["IDEMPOTENCY_IN_PROGRESS", "IDEMPOTENCY_PENDING"]);
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;

/** Sends requests to one server with one key. */
export class Http {
  readonly #root: string;
  readonly #headers: Record<string, string>;
  readonly #timeout: number;
  readonly #maxRetries: number;
  readonly #fetch: typeof globalThis.fetch;

  constructor(options: Options, ending: string, headers: (key: string) => Record<string, string>) {
    const root = (options.baseUrl ?? environment("COUNTERFOIL_URL") ?? DEFAULT_URL).replace(/\/+$/, "");
    if (!/^https?:\/\/[^/]/.test(root)) throw new TypeError(`baseUrl must be an http or https address, not ${root}`);
    this.#root = root.endsWith(ending) ? root : root + ending;
    const key = options.apiKey ?? environment("COUNTERFOIL_KEY") ?? "";
    if (!/^[!-~]+$/.test(key)) throw new TypeError("give an API key, or set COUNTERFOIL_KEY");
    this.#headers = { Accept: "application/json", ...headers(key) };
    this.#timeout = options.timeout ?? 60_000;
    this.#maxRetries = options.maxRetries ?? 2;
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  }

  /** The JSON of an answer. The caller says, by the description of the API, what it is. */
  async call<T>(
    method: Method,
    path: string,
    { query, body, idempotencyKey }: { query?: Query; body?: unknown; idempotencyKey?: string | undefined } = {},
  ): Promise<T> {
    const headers: Record<string, string> = { ...this.#headers };
    if (method !== "GET") {
      headers["Content-Type"] = "application/json";
      headers["Idempotency-Key"] = idempotencyKey ?? crypto.randomUUID();
    }
    const url = this.#root + path + search(query);
    const content = method === "GET" ? null : JSON.stringify(body ?? {});
    const answer = await this.#send(`${method} ${path}`, url, { method, headers, body: content });
    try {
      return (answer === "" ? null : JSON.parse(answer)) as T;
    } catch {
      throw new UnexpectedAnswer(`${method} ${path}: the answer is not JSON: ${answer.slice(0, 80)}`);
    }
  }

  async #send(what: string, url: string, request: RequestInit): Promise<string> {
    for (let tries = 0; ; tries += 1) {
      const last = tries >= this.#maxRetries;
      let refused: ApiError;
      let after: string | null = null;
      try {
        const answer = await this.#fetch(url, { ...request, signal: AbortSignal.timeout(this.#timeout) });
        const text = await answer.text();
        if (answer.ok) return text;
        refused = errorOf(answer.status, text);
        after = answer.headers.get("Retry-After");
      } catch (error) {
        if (last) throw new NoAnswer(`${what}: no answer from ${this.#root}: ${String(error)}`, { cause: error });
        await pause(tries, null);
        continue;
      }
      if (last || !(AGAIN.has(refused.status) || BEING_DONE.has(refused.code))) throw refused;
      await pause(tries, after);
    }
  }
}

/** A path of these parts, each percent-encoded. */
export function path(...parts: string[]): string {
  if (parts.some((part) => part === "")) throw new TypeError("an id must not be empty");
  return parts.map((part) => `/${encodeURIComponent(part)}`).join("");
}

/** What stands in the envelope of every answer about balances. */
export function unwrapped<T>(answer: unknown, what: string): T {
  if (typeof answer === "object" && answer !== null && "data" in answer && "success" in answer && answer.success === true) {
    return answer.data as T;
  }
  throw new UnexpectedAnswer(`${what}: the answer has no data`);
}

function search(query: Query | undefined): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === "" ? "" : `?${text}`;
}

function pause(tries: number, after: string | null): Promise<void> {
  const asked = after !== null && /^\d+$/.test(after) ? Number(after) * 1000 : FIRST_WAIT * 2 ** tries * (0.75 + Math.random() / 2);
  return new Promise((done) => setTimeout(done, Math.min(asked, LONGEST_WAIT)));
}

function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name];
}
