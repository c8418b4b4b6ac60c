/** Anything that this client throws. */
export class CounterfoilError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The server was not reached, or did not answer in time, after every retry. Whether it did anything is not known: the same
 * call with the same idempotency key finds out. */
export class NoAnswer extends CounterfoilError {}

/** The answer is not what the API says it is: another server, a proxy, or another version. */
export class UnexpectedAnswer extends CounterfoilError {}

/** The server refused. `status`: of HTTP; `code`: stable, for programs; `body`: all that it said. */
export class ApiError extends CounterfoilError {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly body: unknown,
  ) {
    super(message);
  }
}

/** 400 or 422: something in the request is wrong; the message names it. */
export class BadRequest extends ApiError {}
/** 401: the key is missing, unknown or revoked. */
export class NotAuthenticated extends ApiError {}
/** 403: the key is good, but its role may not do this. */
export class NotAllowed extends ApiError {}
/** 404: there is no such thing for this key. */
export class NotFound extends ApiError {}
/** 409: the state of things does not allow it. */
export class Conflict extends ApiError {}
/** 429, after every retry. */
export class TooManyRequests extends ApiError {}
/** 5xx, after every retry. */
export class ServerError extends ApiError {}

const BY_STATUS: Record<number, typeof ApiError> = {
  400: BadRequest, 401: NotAuthenticated, 403: NotAllowed, 404: NotFound, 409: Conflict, 422: BadRequest,
  429: TooManyRequests,
};

/** The error that an answer stands for, whichever of our dialects it is spelled in. */
export function errorOf(status: number, text: string): ApiError {
  let body: unknown = text.slice(0, 500);
  try {
    body = JSON.parse(text);
  } catch {
    // a page of a proxy: the text is all there is
  }
  const [code, message] = said(body);
  const kind = BY_STATUS[status] ?? (status >= 500 ? ServerError : ApiError);
  return new kind(status, code, message || `the server answered ${status}`, body);
}

function said(body: unknown): [string, string] {
  if (!isObject(body)) return ["", typeof body === "string" ? body : ""];
  const { error } = body;
  if (isObject(error)) return [text(error.code), text(error.message)];
  return [text(body.code), text(error) || text(body.detail) || text(body.message)];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
