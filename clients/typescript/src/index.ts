export * from "./errors.js";
export type { Options, WriteOptions } from "./http.js";
export * from "./pacspace.js";
export * from "./paid.js";
export type * as wire from "./wire.js";
