// Checks a proof bundle in the browser: signature, inclusion, usage roots, quantities and amounts (docs/formats/bundle.md).
//
// No dependencies and no network. SHA-256, SHA-512 and Ed25519 are written out below rather than taken from WebCrypto,
// which is missing on pages served over plain HTTP and does not refuse every second spelling of a signature. Amounts are
// exact fractions of BigInt. What is not computed again here is named in `notProved`, never passed over.

// ---------------------------------------------------------------------------------------------------------- bytes

const utf8 = new TextEncoder();

function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);
const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

function fromHex(text) {
  need(typeof text === "string" && text.length % 2 === 0 && /^[0-9a-f]*$/.test(text), "expected lower-case hex digits");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function fromBase64(text) {
  const binary = atob(text);
  need(btoa(binary) === text, "not the one base64 spelling");
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
const bigEndian = (bytes) => BigInt("0x" + (toHex(bytes) || "0"));
const littleEndian = (bytes) => bigEndian(Uint8Array.from(bytes).reverse());

class Wrong extends Error {}

function need(holds, otherwise) {
  if (!holds) throw new Wrong(otherwise);
}

// RFC 8785 for strings, integers, booleans, null, arrays and objects.
function canonical(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    need(Number.isSafeInteger(value), "decimals are strings, integers are at most 2^53 - 1");
    return String(value);
  }
  if (typeof value === "string") {
    need(!/\p{Surrogate}/u.test(value), "a lone surrogate has no UTF-8 form");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${canonical(key)}:${canonical(value[key])}`).join(",")}}`;
}

function parseCanonical(bytes) {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  const value = JSON.parse(text);
  need(canonical(value) === text, "not in canonical form (RFC 8785)");
  return value;
}

// --------------------------------------------------------------------------------------------------------- hashes

// The constants of SHA-2 are what they are called: fractions of the roots of the first primes (FIPS 180-4 §4.2, §5.3).
function primes(count) {
  const found = [];
  for (let n = 2; found.length < count; n++) if (found.every((p) => n % p)) found.push(n);
  return found.map(BigInt);
}

function rootFraction(prime, power) {
  const target = prime << (64n * power);
  let low = 0n;
  let high = 1n << 70n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** power <= target) low = middle;
    else high = middle;
  }
  return low & 0xffffffffffffffffn;
}

const K512 = primes(80).map((p) => rootFraction(p, 3n));
const H512 = primes(8).map((p) => rootFraction(p, 2n));
const K256 = Int32Array.from(K512.slice(0, 64), (k) => Number(k >> 32n));
const H256 = Int32Array.from(H512, (h) => Number(h >> 32n));

function padded(data, block, lengthBytes) {
  const size = Math.ceil((data.length + 1 + lengthBytes) / block) * block;
  const message = new Uint8Array(size);
  message.set(data);
  message[data.length] = 0x80;
  new DataView(message.buffer).setBigUint64(size - 8, BigInt(data.length) * 8n);
  return new DataView(message.buffer);
}

const W256 = new Int32Array(64);

export function sha256(data) {
  const view = padded(data, 64, 8);
  const hash = Int32Array.from(H256);
  const rotated = (x, n) => (x >>> n) | (x << (32 - n));
  for (let start = 0; start < view.byteLength; start += 64) {
    for (let i = 0; i < 16; i++) W256[i] = view.getInt32(start + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = W256[i - 15];
      const y = W256[i - 2];
      const low = rotated(x, 7) ^ rotated(x, 18) ^ (x >>> 3);
      W256[i] = (W256[i - 16] + low + W256[i - 7] + (rotated(y, 17) ^ rotated(y, 19) ^ (y >>> 10))) | 0;
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      const t1 = (h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) + K256[i] + W256[i]) | 0;
      const t2 = ((rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((x, i) => (hash[i] = (hash[i] + x) | 0));
  }
  const out = new DataView(new ArrayBuffer(32));
  hash.forEach((x, i) => out.setInt32(4 * i, x));
  return new Uint8Array(out.buffer);
}

export function sha512(data) {
  const view = padded(data, 128, 16);
  const hash = [...H512];
  const cut = (x) => BigInt.asUintN(64, x);
  const rotated = (x, n) => (x >> n) | cut(x << (64n - n));
  for (let start = 0; start < view.byteLength; start += 128) {
    const w = Array.from({ length: 16 }, (_, i) => view.getBigUint64(start + 8 * i));
    for (let i = 16; i < 80; i++) {
      const low = rotated(w[i - 15], 1n) ^ rotated(w[i - 15], 8n) ^ (w[i - 15] >> 7n);
      const high = rotated(w[i - 2], 19n) ^ rotated(w[i - 2], 61n) ^ (w[i - 2] >> 6n);
      w.push(cut(w[i - 16] + low + w[i - 7] + high));
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 80; i++) {
      const choice = (e & f) ^ (cut(~e) & g);
      const t1 = h + (rotated(e, 14n) ^ rotated(e, 18n) ^ rotated(e, 41n)) + choice + K512[i] + w[i];
      const t2 = (rotated(a, 28n) ^ rotated(a, 34n) ^ rotated(a, 39n)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, cut(d + t1), c, b, a, cut(t1 + t2)];
    }
    [a, b, c, d, e, f, g, h].forEach((x, i) => (hash[i] = cut(hash[i] + x)));
  }
  const out = new DataView(new ArrayBuffer(64));
  hash.forEach((x, i) => out.setBigUint64(8 * i, x));
  return new Uint8Array(out.buffer);
}

// ------------------------------------------------------------------------------------------- Ed25519 (RFC 8032 §5.1)

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const mod = (x) => ((x % P) + P) % P;

function power(base, exponent) {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = (b * b) % P) if (e & 1n) result = (result * b) % P;
  return result;
}

const inverse = (x) => power(x, P - 2n);
const D = mod(-121665n * inverse(121666n));
const ROOT_OF_MINUS_ONE = power(2n, (P - 1n) / 4n);

function xOf(y, sign) {
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  if (square === 0n) return sign ? null : 0n;
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x - square)) x = (x * ROOT_OF_MINUS_ONE) % P;
  if (mod(x * x - square)) return null;
  return (x & 1n) === sign ? x : P - x;
}

function decodePoint(bytes) {
  const number = littleEndian(bytes);
  const y = number & (2n ** 255n - 1n);
  if (y >= P) return null;
  const x = xOf(y, number >> 255n);
  return x === null ? null : [x, y, 1n, (x * y) % P];
}

function encodePoint([X, Y, Z]) {
  const z = inverse(Z);
  const number = mod(Y * z) | ((mod(X * z) & 1n) << 255n);
  return fromHex(number.toString(16).padStart(64, "0")).reverse();
}

function add(p, q) {
  const a = mod((p[1] - p[0]) * (q[1] - q[0]));
  const b = mod((p[1] + p[0]) * (q[1] + q[0]));
  const c = mod(2n * p[3] * q[3] * D);
  const d = mod(2n * p[2] * q[2]);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

const BASE_Y = mod(4n * inverse(5n));
const BASE = [xOf(BASE_Y, 0n), BASE_Y, 1n, mod(xOf(BASE_Y, 0n) * BASE_Y)];

export function verifyEd25519(publicKey, message, signature) {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const key = decodePoint(publicKey);
  const s = littleEndian(signature.slice(32));
  if (key === null || s >= L) return false;
  const h = littleEndian(sha512(concat(signature.slice(0, 32), publicKey, message))) % L;
  const negated = [mod(-key[0]), key[1], key[2], mod(-key[3])];
  const table = [null, BASE, negated, add(BASE, negated)];
  let result = [0n, 1n, 1n, 0n];
  for (let bit = 253n; bit >= 0n; bit--) {
    result = add(result, result);
    const step = table[Number(((s >> bit) & 1n) | (((h >> bit) & 1n) << 1n))];
    if (step) result = add(result, step);
  }
  const holds = same(encodePoint(result), signature.slice(0, 32));
  if (holds) accepted?.push({ publicKey, message, signature });
  return holds;
}

// Signatures that were accepted while a bundle is looked at.
let accepted = null;

// Whether the browser's own cryptography agrees: null where it has none (pages without TLS, or no Ed25519).
async function agrees(bytes, hash, signatures) {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return null;
  try {
    if (!same(new Uint8Array(await subtle.digest("SHA-256", bytes)), hash)) return false;
    for (const { publicKey, message, signature } of signatures) {
      const key = await subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
      if (!(await subtle.verify({ name: "Ed25519" }, key, signature, message))) return false;
    }
    return true;
  } catch (error) {
    if (error?.name === "NotSupportedError" || error?.name === "SyntaxError") return null;
    throw error;
  }
}

// ---------------------------------------------------------------------------------------------- the log (RFC 9162)

const leafHash = (data) => sha256(concat([0], data));
const nodeHash = (left, right) => sha256(concat([1], left, right));

function rootOf(leaves) {
  let row = leaves;
  if (!row.length) return sha256(new Uint8Array());
  while (row.length > 1) {
    const above = [];
    for (let i = 0; i < row.length; i += 2) above.push(i + 1 < row.length ? nodeHash(row[i], row[i + 1]) : row[i]);
    row = above;
  }
  return row[0];
}

function verifyInclusion(leaf, index, size, proof, root) {
  let [at, last, result] = [BigInt(index), size - 1n, leaf];
  if (at < 0n || at > last) return false;
  for (const step of proof) {
    if (last === 0n || step.length !== 32) return false;
    if (at & 1n || at === last) {
      result = nodeHash(step, result);
      while (!(at & 1n) && at) [at, last] = [at >> 1n, last >> 1n];
    } else result = nodeHash(result, step);
    [at, last] = [at >> 1n, last >> 1n];
  }
  return last === 0n && same(result, root);
}

function verifyConsistency(oldSize, size, oldRoot, root, proof) {
  if (oldSize <= 0n || oldSize > size || proof.some((p) => p.length !== 32)) return false;
  if (oldSize === size) return !proof.length && same(oldRoot, root);
  const steps = (oldSize & (oldSize - 1n)) === 0n ? [oldRoot, ...proof] : [...proof];
  if (!steps.length) return false;
  let [at, last] = [oldSize - 1n, size - 1n];
  while (at & 1n) [at, last] = [at >> 1n, last >> 1n];
  let [oldResult, result] = [steps[0], steps[0]];
  for (const step of steps.slice(1)) {
    if (last === 0n) return false;
    if (at & 1n || at === last) {
      [oldResult, result] = [nodeHash(step, oldResult), nodeHash(step, result)];
      while (!(at & 1n) && at) [at, last] = [at >> 1n, last >> 1n];
    } else result = nodeHash(result, step);
    [at, last] = [at >> 1n, last >> 1n];
  }
  return last === 0n && same(oldResult, oldRoot) && same(result, root);
}

// --------------------------------------------------------------- signed notes and checkpoints (C2SP, docs/formats/log.md)

const ED25519 = 1;
const COSIGNATURE_V1 = 4;

function readKey(text) {
  const [, name, id, material] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? [];
  need(name && !/[\s\0-\x1f]/u.test(name), "not a verifier key");
  const bytes = fromBase64(material);
  need(bytes.length === 33 && [ED25519, COSIGNATURE_V1].includes(bytes[0]), "not an Ed25519 verifier key");
  need(toHex(sha256(concat(utf8.encode(name + "\n"), bytes)).slice(0, 4)) === id, "the id of the key does not fit");
  return { text, name, id, algorithm: bytes[0], publicKey: bytes.slice(1) };
}

function readNote(text) {
  need(!/[\0-\x09\x0b-\x1f]/.test(text), "a note has no control characters");
  const split = text.lastIndexOf("\n\n");
  need(split >= 0 && text.endsWith("\n") && text.length > split + 2, "a note ends with an empty line and signatures");
  const lines = text.slice(split + 2, -1).split("\n");
  need(lines.length <= 100, "the note has too many signatures");
  const signatures = lines.map((line) => {
    const [, name, blob] = /^— ([^\s+]+) ([A-Za-z0-9+/=]+)$/u.exec(line) ?? [];
    need(name, "not a signature line");
    const bytes = fromBase64(blob);
    need(bytes.length >= 5, "not a signature line");
    return { name, id: toHex(bytes.slice(0, 4)), signature: bytes.slice(4) };
  });
  return { text: text.slice(0, split + 1), signatures };
}

function keyVerifies(key, text, signature) {
  if (key.algorithm === ED25519) return verifyEd25519(key.publicKey, utf8.encode(text), signature);
  need(signature.length === 72, "a cosignature has 8 bytes of time and 64 of signature");
  const time = bigEndian(signature.slice(0, 8));
  need(time < 2n ** 63n, "the time of the cosignature is out of range");
  return verifyEd25519(key.publicKey, utf8.encode(`cosignature/v1\ntime ${time}\n${text}`), signature.slice(8));
}

// The note and the keys that signed it; every signature must be by one of the keys, and hold.
function openNote(noteText, keys) {
  const note = readNote(noteText);
  const by = [];
  for (const signature of note.signatures) {
    const key = keys.find((k) => k.name === signature.name && k.id === signature.id && !by.includes(k));
    need(key, "there is a signature by a key that the bundle does not name");
    need(keyVerifies(key, note.text, signature.signature), `the signature of ${key.name} does not hold`);
    by.push(key);
  }
  return { ...readCheckpoint(note.text), by };
}

function readCheckpoint(text) {
  const lines = text.slice(0, -1).split("\n");
  need(text.endsWith("\n") && lines.length >= 3 && lines.every(Boolean), "not a checkpoint");
  need(/^(0|[1-9][0-9]{0,18})$/.test(lines[1]) && BigInt(lines[1]) < 2n ** 63n, "not a tree size");
  const root = fromBase64(lines[2]);
  need(root.length === 32, "not a root");
  return { origin: lines[0], size: BigInt(lines[1]), root };
}

// --------------------------------------------------------------------------------------------- the bundle and its log

const FIELDS = "checkpoint,consistency,index,proof,record,salt,type,usage,verifier_key,witness_keys";

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const listOf = (value, holds) => Array.isArray(value) && value.every(holds);
const isText = (value) => typeof value === "string";

const INCLUSION = "counterfoil-inclusion/v1"; // a bundle without its record

function readInclusion(bundle) {
  const fields = "checkpoint,index,leaf,proof,type,verifier_key,witness_keys";
  need(Object.keys(bundle).sort().join() === fields, "a bundle has other fields");
  need(Number.isInteger(bundle.index) && Array.isArray(bundle.proof), "a field is of a wrong type");
  need(isText(bundle.checkpoint) && isText(bundle.verifier_key), "a field is of a wrong type");
  need(listOf(bundle.witness_keys, isText), "witness_keys is of a wrong type");
  [bundle.leaf, ...bundle.proof].forEach(fromHex);
  return { ...bundle, consistency: null };
}

function readBundle(bytes) {
  const bundle = parseCanonical(bytes);
  if (isObject(bundle) && bundle.type === INCLUSION) return readInclusion(bundle);
  need(isObject(bundle) && bundle.type === "counterfoil-bundle/v1", "not a counterfoil-bundle/v1");
  need(Object.keys(bundle).sort().join() === FIELDS, "a bundle has other fields");
  need(isObject(bundle.record) && isObject(bundle.usage) && Number.isInteger(bundle.index), "a field is of a wrong type");
  need(Object.values(bundle.usage).every(Array.isArray), "usage is of a wrong type");
  need(isText(bundle.checkpoint) && isText(bundle.verifier_key), "a field is of a wrong type");
  need(listOf(bundle.witness_keys, isText), "witness_keys is of a wrong type");
  const older = bundle.consistency;
  if (older !== null) {
    need(isObject(older) && Object.keys(older).sort().join() === "checkpoint,proof", "consistency has other fields");
    need(isText(older.checkpoint) && Array.isArray(older.proof), "consistency is of a wrong type");
  }
  need(Array.isArray(bundle.proof), "proof is of a wrong type");
  fromHex(bundle.salt);
  [...bundle.proof, ...(older?.proof ?? [])].forEach(fromHex);
  return bundle;
}

function logKey(bundle) {
  const key = readKey(bundle.verifier_key);
  need(key.algorithm === ED25519, "the log's key is a witness's key");
  return key;
}

function bundleKeys(bundle) {
  const witnesses = bundle.witness_keys.map(readKey);
  need(witnesses.every((w) => w.algorithm === COSIGNATURE_V1), "a witness's key is of another signature type");
  return [logKey(bundle), ...witnesses];
}

function checkKey(bundle, trustedKeys) {
  const log = logKey(bundle);
  if (!trustedKeys.length) return `${log.text}, taken from the bundle itself`;
  need(trustedKeys.includes(log.text), `${log.text} is not a key that you trust`);
  return `${log.text}, which you trust`;
}

function checkCheckpoint(bundle) {
  const keys = bundleKeys(bundle);
  const head = openNote(bundle.checkpoint, keys);
  need(head.by.length === keys.length, "a key that the bundle names did not sign the checkpoint");
  need(head.origin === keys[0].name, `the checkpoint is of ${head.origin}, the key of ${keys[0].name}`);
  const witnesses = keys.slice(1).map((k) => k.name);
  const cosigned = witnesses.length ? `, cosigned by ${witnesses.join(", ")}` : "";
  return `${head.origin} signed its head at ${head.size} records${cosigned}`;
}

function recordLeaf(bundle) {
  const salt = fromHex(bundle.salt);
  need(salt.length >= 16 && salt.length <= 32, "a salt has 16 to 32 bytes");
  return leafHash(sha256(concat([salt.length], salt, utf8.encode(canonical(bundle.record)))));
}

function checkInclusion(bundle) {
  const head = readCheckpoint(readNote(bundle.checkpoint).text);
  const leaf = bundle.type === INCLUSION ? fromHex(bundle.leaf) : recordLeaf(bundle);
  need(leaf.length === 32, "a leaf hash has 32 bytes");
  const holds = verifyInclusion(leaf, bundle.index, head.size, bundle.proof.map(fromHex), head.root);
  need(holds, `the record is not record ${bundle.index} of that log: one of record, salt, index and proof was changed`);
  return `the record is number ${bundle.index + 1} of ${head.size}`;
}

function checkConsistency(bundle) {
  const keys = bundleKeys(bundle);
  const older = openNote(bundle.consistency.checkpoint, keys);
  need(older.by.includes(keys[0]), "the older checkpoint is not signed by the log");
  const head = readCheckpoint(readNote(bundle.checkpoint).text);
  need(older.origin === head.origin, "the older checkpoint is of another log");
  const proof = bundle.consistency.proof.map(fromHex);
  const holds = verifyConsistency(older.size, head.size, older.root, head.root, proof);
  need(holds, `the log at ${head.size} records does not continue the log at ${older.size}: its history was rewritten`);
  return `the log at ${head.size} records continues the log at ${older.size}`;
}

// ------------------------------------------------------------------------------------------- exact numbers: n over d

const gcd = (a, b) => (b ? gcd(b, a % b) : a < 0n ? -a : a);

function ratio(n, d = 1n) {
  need(d !== 0n, "a share has a denominator of zero");
  const g = gcd(n, d) * (d < 0n ? -1n : 1n);
  return { n: n / g, d: d / g };
}

function decimal(text) {
  need(isText(text) && text.length <= 120 && /^(?!-0$)-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$/.test(text), "not a plain decimal");
  return reported(text);
}

// A number as a reporter spelled it in an event's property (core/usage/reading.py).
function reported(text) {
  const found = isText(text) && /^([+-]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?$/.exec(text);
  need(found, "not a decimal number");
  const [, sign, whole, places = "", exponent = "0"] = found;
  const shift = Number(exponent) - places.length;
  const digits = BigInt(sign.replace("+", "") + whole + places);
  return shift < 0 ? ratio(digits, 10n ** BigInt(-shift)) : ratio(digits * 10n ** BigInt(shift));
}

const ZERO = ratio(0n);
const plus = (a, b) => ratio(a.n * b.d + b.n * a.d, a.d * b.d);
const minus = (a, b) => ratio(a.n * b.d - b.n * a.d, a.d * b.d);
const times = (a, b) => ratio(a.n * b.n, a.d * b.d);
const over = (a, b) => ratio(a.n * b.d, a.d * b.n);
const compare = (a, b) => Number(a.n * b.d > b.n * a.d) - Number(a.n * b.d < b.n * a.d);
const least = (a, b) => (compare(a, b) <= 0 ? a : b);
const most = (a, b) => (compare(a, b) >= 0 ? a : b);
const floor = (a) => (a.n >= 0n || a.n % a.d === 0n ? a.n / a.d : a.n / a.d - 1n);
const sum = (values) => values.reduce(plus, ZERO);

function rounded(a) {
  const size = a.n < 0n ? -a.n : a.n;
  const whole = (2n * size + a.d) / (2n * a.d); // half away from zero
  return a.n < 0n ? -whole : whole;
}

// ISO 4217 exponents other than 2, as in core/basis/money.py.
const EXPONENTS = {
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0, VUV: 0,
  XAF: 0, XOF: 0, XPF: 0, BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3, CLF: 4, UYW: 4,
};
const scale = (currency) => ratio(10n ** BigInt(EXPONENTS[currency] ?? 2));
const toMinor = (major, currency) => rounded(times(major, scale(currency)));

function integer(value) {
  need(Number.isSafeInteger(value), "an amount is not an integer");
  return BigInt(value);
}

function money(minor, currency) {
  const places = EXPONENTS[currency] ?? 2;
  const digits = String(minor < 0n ? -minor : minor).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${minor < 0n ? "-" : ""}${whole}${places ? "." + digits.slice(-places) : ""} ${currency}`;
}

function splitMinor(total, weights) {
  const whole = weights.reduce((a, b) => a + b, 0n);
  if (whole === 0n) return weights.map((_, i) => (i ? 0n : total));
  const parts = weights.map((w) => (total * w) / whole);
  const left = total - parts.reduce((a, b) => a + b, 0n);
  const rests = weights.map((w, i) => [i, (total * w) % whole]);
  rests.sort((a, b) => (a[1] === b[1] ? a[0] - b[0] : a[1] > b[1] ? -1 : 1));
  for (const [i] of rests.slice(0, Number(left))) parts[i] += 1n;
  return parts;
}

// ---------------------------------------------------------------------------------------------------------- the usage

class NotHere extends Error {} // what is computed in Python only

function checkSealed(proof, events) {
  const root = toHex(rootOf(events.map((event) => leafHash(utf8.encode(canonical(event))))));
  need(root === proof.root, `the events give the root ${root.slice(0, 16)}…, the line says ${String(proof.root).slice(0, 16)}…`);
  need(events.length === proof.count, `there are ${events.length} events, the line says ${proof.count}`);
  return `${events.length} events have the root ${root.slice(0, 16)}…`;
}

function micros(text) {
  const [, to, fraction = ""] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z$/.exec(text) ?? [];
  const at = Date.parse(`${to}Z`);
  need(Number.isInteger(at), "not an instant");
  return BigInt(at) * 1000n + BigInt(fraction.padEnd(6, "0"));
}

function checkMeasured(line, events) {
  const { meter, window } = line.usage;
  need(isObject(line.terms) && isObject(line.terms.model), "the line has no terms that say what to measure");
  const stated = line.inputs.measured;
  need(new Set(events.map((e) => e.event_ref)).size === events.length, "an event is there twice");
  const keys = events.map((e) => e.key).filter(Boolean);
  need(new Set(keys).size === keys.length, "two events have the same idempotency key");
  if (meter.parts) throw new NotHere();
  const stream = meter.source_ref ?? meter.ref;
  need(events.every((e) => e.type === "usage-event/v1" && e.usage_product_ref === stream), "some events are of another usage product");
  const inputs = Object.keys(line.inputs).filter((name) => !["measured", "share", "before_minor", "after_minor"].includes(name));
  const field = meter.field ?? null;
  if (meter.carry_over || meter.prorated || (meter.signed_by ?? meter.decimals ?? null) !== null) throw new NotHere();
  if (inputs.length || events.some((e) => e.supersedes !== null)) throw new NotHere();
  const [start, end] = [micros(window.start), micros(window.end)];
  const holds = (filter, event) => filter.values.includes(event.properties[filter.property]);
  const counted = events.filter((event) => {
    const at = micros(event.at);
    if (at < start || at >= end || (field !== null && !Object.hasOwn(event.properties, field))) return false;
    if (!(meter.include ?? []).every((filter) => holds(filter, event))) return false;
    return !(meter.exclude_any_of ?? []).some((set) => set.every((filter) => holds(filter, event)));
  });
  const values = () => counted.map((e) => reported(field === null ? e.quantity : e.properties[field]));
  const reducers = {
    count: () => ratio(BigInt(counted.length)),
    sum: () => sum(values()),
    max: () => (counted.length ? values().reduce(most) : ZERO),
    min: () => (counted.length ? values().reduce(least) : ZERO),
    unique_count: () => ratio(BigInt(new Set(counted.map((e) => e.properties[field])).size)),
  };
  if (!Object.hasOwn(reducers, meter.aggregation)) throw new NotHere();
  const again = reducers[meter.aggregation]();
  const [count, quantity] = [stated.count ?? 0, stated.quantity ?? "0"];
  need(counted.length === count, `${counted.length} events count, the line says ${count}`);
  need(!compare(again, decimal(quantity)), `the events do not measure ${quantity}`);
  return `${meter.aggregation} of ${events.length} events is ${quantity} ${meter.unit}`;
}

// -------------------------------------------------------------------------------------------------------- the amounts

const within = (x, low, high) => (high !== null && compare(x, high) > 0 ? high : compare(x, low) < 0 ? low : x);
const optional = (text) => (text === null || text === undefined ? null : decimal(text));

const MODELS = {
  per_unit: (model, units) => times(units, decimal(model.unit_price)),
  flat: (model) => decimal(model.amount),
  package: (model, units) => {
    const size = decimal(model.package_size);
    need(compare(size, ZERO) > 0, "a package has a size");
    const packs = over(most(minus(units, optional(model.free_units) ?? ZERO), ZERO), size);
    const whole = floor(packs);
    const count = (model.partial_package ?? "up") === "up" && packs.d !== 1n ? whole + 1n : whole;
    return times(ratio(count), decimal(model.package_price));
  },
  graduated: (model, units) => {
    let [amount, lower] = [ZERO, ZERO];
    for (const [i, tier] of model.tiers.entries()) {
      const upper = optional(tier.up_to);
      if (i && compare(units, lower) <= 0) break;
      const here = i ? minus(within(units, lower, upper), lower) : upper === null ? units : least(units, upper);
      const fee = plus(times(here, optional(tier.unit_price) ?? ZERO), (optional(tier.flat_fee) ?? ZERO));
      const cap = optional(tier.cap);
      amount = plus(amount, cap === null ? fee : least(fee, cap));
      if (upper === null) return amount;
      lower = upper;
    }
    need(compare(units, lower) <= 0, "there is no price for so many units");
    return amount;
  },
  volume: (model, units) => {
    const tier = model.tiers.find((t) => (t.up_to ?? null) === null || compare(units, decimal(t.up_to)) <= 0);
    need(tier, "there is no price for so many units");
    const fee = plus(times(units, optional(tier.unit_price) ?? ZERO), (optional(tier.flat_fee) ?? ZERO));
    const cap = optional(tier.cap);
    return cap === null ? fee : least(fee, cap);
  },
};

// The steps of core/pricing/rate.py for a period that is billed at once.
function rated(line) {
  const { terms, inputs } = line;
  const { model } = terms;
  const measured = inputs.measured;
  need(["one_time", "recurring", "usage"].includes(terms.kind), "terms are one_time, recurring or usage");
  need(["day", "second", "none", undefined].includes(terms.prorate), "terms are prorated by day, second or none");
  const simple = !["previously_billed", "position"].some((name) => Object.hasOwn(inputs, name));
  if (!Object.hasOwn(MODELS, model.kind) || (terms.conversion ?? null) !== null || !simple) throw new NotHere();
  if (measured && Object.keys(measured).some((name) => !["quantity", "count"].includes(name))) throw new NotHere();
  const quantity = decimal(measured ? measured.quantity ?? "0" : inputs.quantity);
  const free = decimal(terms.included_units ?? "0");
  let amount = MODELS[model.kind](model, free.n ? minus(quantity, within(quantity, ZERO, free)) : quantity);
  const share = terms.prorate === "none" ? ratio(1n) : shareOf(inputs);
  if (terms.kind !== "usage") amount = times(amount, share);
  const minimum = optional(terms.minimum_fee);
  if (minimum !== null) amount = most(amount, times(minimum, share));
  const maximum = optional(terms.maximum_fee);
  if (maximum !== null && compare(amount, ZERO) > 0) amount = minus(amount, most(ZERO, least(minus(amount, maximum), amount)));
  return { quantity, amount };
}

function shareOf(inputs) {
  const [numerator, denominator] = inputs.share ?? [1, 1];
  return ratio(integer(numerator), integer(denominator));
}

function checkAmount(record, line, stated) {
  const { currency } = record;
  const { inputs } = line;
  const said = integer(line.amount_minor);
  if (line.correction !== null || line.kind === "correction") return checkCorrection(record, line, stated);
  if (inputs === null) {
    stated.push(`Line ${line.n} has no inputs: its amount is taken as stated.`);
    return `${money(said, currency)}, as stated`;
  }
  let amount;
  if (line.kind === "minimum") amount = trueUp(record, line, stated);
  else if (line.kind === "ad_hoc") {
    need(!compare(decimal(inputs.quantity), decimal(line.quantity)), `the quantity is ${inputs.quantity}`);
    amount = toMinor(times(decimal(inputs.quantity), decimal(inputs.unit_price)), currency);
  } else {
    const again = rated(line);
    need(!compare(again.quantity, decimal(line.quantity)), "the billed quantity is not what was measured");
    amount = toMinor(again.amount, currency);
  }
  need(amount === said, `computed again it is ${money(amount, currency)}, the line says ${money(said, currency)}`);
  need(Array.isArray(line.parts), "parts are no list");
  if (line.parts.length) {
    const parts = sum(line.parts.map((part) => decimal(part.amount)));
    need(toMinor(parts, currency) === said, "its parts do not add up to its amount");
  }
  return `${money(amount, currency)}, computed again`;
}

function trueUp(record, line, stated) {
  const { billed_minor: billed, lines } = line.inputs;
  const total = (list) => list.reduce((a, other) => a + integer(other.amount_minor), 0n);
  if (lines === undefined) {
    const others = record.lines.filter((x) => x.n !== line.n && x.product_ref === line.product_ref);
    if (total(others) !== integer(billed)) {
      stated.push(`Line ${line.n} is a minimum fee: what counts towards it is taken as stated.`);
    }
  } else {
    const named = [...new Set(lines)];
    need(named.every((n) => n !== line.n && record.lines[n - 1]), "a minimum counts lines that are not there");
    need(total(named.map((n) => record.lines[n - 1])) === integer(billed), "the lines do not add up to what was billed");
  }
  return missing(record, line.inputs);
}

function missing(record, inputs) {
  const minimum = toMinor(times(decimal(inputs.minimum), shareOf(inputs)), record.currency);
  const left = minimum - integer(inputs.billed_minor);
  return left > 0n ? left : 0n;
}

function checkCorrection(record, line, stated) {
  const { currency } = record;
  const { inputs } = line;
  const told = [line.correction, inputs].filter((x) => x !== null);
  const [before, after] = [integer(told[0].before_minor), integer(told[0].after_minor)];
  const once = told.every((x) => integer(x.before_minor) === before && integer(x.after_minor) === after);
  need(once, "before and after are told in two ways");
  const amount = record.type === "credit-note/v1" ? before - after : after - before;
  need(amount === integer(line.amount_minor), `the difference is ${money(amount, currency)}`);
  let computed = null;
  if (inputs !== null && line.terms !== null) computed = toMinor(rated(line).amount, currency);
  else if (inputs !== null && Object.hasOwn(inputs, "minimum")) computed = missing(record, inputs);
  if (computed === null) {
    stated.push(`Line ${line.n} changes an amount without measuring again: before and after are as stated.`);
  } else {
    need(computed === after, `its terms give ${money(computed, currency)}, not ${money(after, currency)}`);
    stated.push(`Line ${line.n} corrects an earlier document: what it billed before is taken as stated.`);
  }
  return `${money(before, currency)} before, ${money(after, currency)} after, difference ${money(amount, currency)}`;
}

function checkDiscounts(record) {
  const { currency, lines, discounts } = record;
  const left = lines.map((line) => integer(line.amount_minor));
  const off = lines.map(() => 0n);
  for (const { percent, fixed } of discounts) need((percent === null) !== (fixed === null), "a discount is of two kinds");
  const order = [...discounts.filter((d) => d.percent !== null), ...discounts.filter((d) => d.percent === null)];
  for (const { percent, fixed, lines: only } of order) {
    const value = decimal(percent ?? fixed);
    need(compare(value, ZERO) >= 0 && (percent === null || compare(value, ratio(100n)) <= 0), "a discount is out of range");
    need(only === null || only.every((n) => Number.isInteger(n) && n > 0 && n <= lines.length), "a discount is on no line");
    const weights = left.map((amount, i) => (amount > 0n && (only === null || only.includes(i + 1)) ? amount : 0n));
    const base = weights.reduce((a, b) => a + b, 0n);
    let taken;
    if (percent === null) {
      const minor = toMinor(value, currency);
      taken = minor < base ? minor : base;
    } else taken = rounded(over(times(ratio(base), value), ratio(100n)));
    if (!taken) continue;
    splitMinor(taken, weights).forEach((part, i) => {
      left[i] -= part;
      off[i] += part;
    });
  }
  need(lines.every((line, i) => integer(line.discount_minor) === off[i]), "the discounts of the lines are others");
  return `${discounts.length} discounts take ${money(off.reduce((a, b) => a + b, 0n), currency)}`;
}

function checkTaxes(record, stated) {
  const bases = new Map();
  for (const line of record.lines) {
    const percent = decimal(line.tax_percent);
    const key = JSON.stringify([line.tax_category, String(percent.n), String(percent.d)]);
    const [, , before] = bases.get(key) ?? [line.tax_category, percent, 0n];
    bases.set(key, [line.tax_category, percent, before + integer(line.amount_minor) - integer(line.discount_minor)]);
  }
  const rows = [...bases.values()].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : compare(a[1], b[1])));
  const others = "the taxes by rate are not those of the lines";
  need(rows.length === record.taxes.length, others);
  rows.forEach(([category, percent, base], i) => {
    const said = record.taxes[i];
    need(said.category === category && !compare(decimal(said.percent), percent), others);
    need(integer(said.base_minor) === base, others);
    const tax = rounded(over(times(ratio(base), percent), ratio(100n)));
    if (integer(said.tax_minor) === tax) return;
    need(record.type === "credit-note/v1", others);
    const told = `${money(integer(said.tax_minor), record.currency)} where its base gives ${money(tax, record.currency)}`;
    stated.push(`Tax at ${said.percent} % is ${told}: a last credit note takes what is left of the invoice's tax.`);
  });
  return `${money(record.taxes.reduce((a, t) => a + integer(t.tax_minor), 0n), record.currency)} over ${rows.length} rates`;
}

function checkTotals(record) {
  const all = (rows, field) => rows.reduce((a, row) => a + integer(row[field]), 0n);
  const [gross, off] = [all(record.lines, "amount_minor"), all(record.lines, "discount_minor")];
  const tax = all(record.taxes, "tax_minor");
  const total = gross - off + tax - integer(record.credits_minor);
  const again = { sub_total_minor: gross, total_discount_minor: off, total_tax_minor: tax, total_minor: total };
  for (const [name, value] of Object.entries(again)) need(integer(record[name]) === value, `${name} is ${value}`);
  return `total ${money(total, record.currency)}`;
}

// ------------------------------------------------------------------------------------------------------- the receipts

// Fields and their kinds as in core/receipts/shapes.py: each is there, each of its one spelling.
const KINDS = {
  text: [isText, "a text"],
  integer: [Number.isSafeInteger, "an integer"],
  count: [(value) => Number.isSafeInteger(value) && value >= 0, "a count"],
  decimal: [(value) => isText(value) && DECIMAL.test(value), "a decimal in its one spelling"],
  instant: [isInstant, "an instant in its one spelling"],
  ref: [(value) => isText(value) && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value), "a reference"],
  root: [(value) => isText(value) && /^[0-9a-f]{64}$/.test(value), "a root of 64 hex digits"],
  currency: [(value) => isText(value) && /^[A-Z]{3}$/.test(value), "a currency"],
  properties: [(value) => isObject(value) && Object.values(value).every(isText), "an object of texts"],
  texts: [(value) => listOf(value, isText), "a list of texts"],
  number: [isNumber, "a plain decimal in its one spelling"],
  numbers: [(value) => isObject(value) && Object.values(value).every(isNumber), "an object of plain decimals"],
};
const DECIMAL = /^(?!-0$)-?(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{0,11}[1-9])?$/;

const NUMBER = /^(?!-0$)-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?$/;

function isNumber(value) {
  return isText(value) && value.length <= 120 && NUMBER.test(value);
}

function isInstant(value) {
  const [, to] = (isText(value) && /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{0,5}[1-9])?Z$/.exec(value)) || [];
  const at = to && !to.startsWith("0000") ? new Date(`${to}Z`) : null;
  return at !== null && !Number.isNaN(at.valueOf()) && at.toISOString().startsWith(to);
}

const BALANCE = {
  type: "text", receipt_ref: "ref", issuer: { name: "text" }, customer: { ref: "ref", id: "text", name: "text" },
  window: { start: "instant", end: "instant" }, period: "text?", unit: "text", starting_balance: "decimal",
  ending_balance: "decimal", first_sequence: "count", last_sequence: "count", delta_count: "count", root: "root",
  lines: [{ reason: "text", count: "count", amount: "decimal" }], sealed_at: "instant",
};
const DELTA = {
  type: "text", delta_ref: "ref", customer_ref: "ref", sequence: "count", amount: "decimal", reason: "text",
  recorded_at: "instant", counts_at: "instant", reference_id: "text?", metadata: "text", adjusts: "ref?",
};
const PAYMENT = {
  type: "text", receipt_ref: "ref", revision: "count", supersedes: "ref?", number: "text", issuer: { name: "text" },
  customer: { ref: "ref", name: "text", email: "text", tax_id: "text" }, amount_minor: "count", currency: "currency",
  issued_at: "instant", state: "text", description: "text?", method: "text?", metadata: "text",
  documents: [{ ref: "ref", number: "text", amount_minor: "integer" }],
  items: [{ description: "text", quantity: "decimal", unit_price: "decimal", amount: "decimal" }],
};
const WHEN = [{ field: "text", operator: "text", value: "text", then: "text" }];
const RULE = {
  event: "text", metric: "text", name: "text", unit: "text", from: "instant?", until: "instant?",
  variables: [{
    id: "text", property: "text", divided_by: "number", rows: [{ segment: "properties", value: "number" }],
    otherwise: "number?", default: "text?",
  }],
  quantity: { when: WHEN, expression: "text" }, money: { "?": { when: WHEN, expression: "text", constants: "numbers" } },
};
const VALUE = {
  type: "text", receipt_ref: "ref", issuer: { name: "text" }, customer: { ref: "ref", id: "text?", name: "text" },
  period: { start: "instant", end: "instant" }, currency: "currency", model_version: "count?",
  scope: { "?": { kind: "text", ref: "ref", name: "text", product_refs: "texts", external_ids: "texts" } },
  model: { currency: "text?", streams: "properties", rules: [RULE] }, events: { root: "root", count: "count" },
  total: "decimal", billed: [{ ref: "ref", number: "text", net_minor: "integer" }],
  metrics: [{
    slug: "text", name: "text", unit: "text", occurrences: "count", unvalued: "count", quantity: "decimal", value: "decimal",
  }],
  generated_at: "instant", sealed_at: "instant",
};
const EVENT = {
  type: "text", event_ref: "ref", customer_ref: "ref", usage_product_ref: "ref", at: "instant", quantity: "decimal",
  properties: "properties", key: "text", supersedes: "ref?",
};

function shaped(value, shape, where = "") {
  need(isObject(value), `${where || "the record"} is not an object`);
  const missing = Object.keys(shape).filter((name) => !Object.hasOwn(value, name)).map((name) => `${name} is missing`);
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(shape, name))
    .map((name) => `${name.slice(0, 60)} is not of its format`);
  need(!missing.length && !unknown.length, `${where ? `${where}: ` : ""}${[...missing, ...unknown].join(", ")}`);
  for (const [name, kind] of Object.entries(shape)) {
    const [field, at] = [value[name], where ? `${where}.${name}` : name];
    if (Array.isArray(kind)) {
      need(Array.isArray(field), `${at} is not a list`);
      field.forEach((item, n) => shaped(item, kind[0], `${at}.${n}`));
    } else if (isObject(kind)) {
      if (!kind["?"] || field !== null) shaped(field, kind["?"] ?? kind, at);
    } else if (field !== null || !kind.endsWith("?")) {
      const [holds, what] = KINDS[kind.replace("?", "")];
      need(holds(field), `${at} is not ${what}`);
    }
  }
}

function checkShape(record, shape) {
  shaped(record, shape);
  return `has exactly the fields of ${record.type}`;
}

function checkRoot(root, usage) {
  const given = Object.keys(usage);
  need(given.length === 1 && given[0] === root, "what the record commits to is not in the bundle, or something else is");
  return `${usage[root].length} under the root ${root.slice(0, 16)}…`;
}

function checkUnder(root, count, items, shape, what) {
  const found = toHex(rootOf(items.map((item) => leafHash(utf8.encode(canonical(item))))));
  need(found === root, `the ${what} give the root ${found.slice(0, 16)}…, the record says ${root.slice(0, 16)}…`);
  need(items.length === count, `there are ${items.length} ${what}, the record says ${count}`);
  items.forEach((item, n) => shaped(item, shape, `${what}.${n}`));
  return `${count} ${what} have the root ${root.slice(0, 16)}…`;
}

// Amounts of deltas have at most 12 places: as whole numbers of the last one they are added exactly, and quickly.
const PLACES = 12;

function fixed(text) {
  const [, sign, whole, places = ""] = /^(-?)([0-9]+)(?:\.([0-9]+))?$/.exec(text);
  return BigInt(sign + whole + places.padEnd(PLACES, "0"));
}

function fixedText(value) {
  const digits = String(value < 0n ? -value : value).padStart(PLACES + 1, "0");
  const places = digits.slice(-PLACES).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -PLACES)}${places ? `.${places}` : ""}`;
}

function checkSequence(record, deltas) {
  const { first_sequence: first, last_sequence: last } = record;
  need(first >= 1, "numbers begin with 1");
  need(last - first + 1 === deltas.length, `numbers ${first} to ${last} are not ${deltas.length} deltas`);
  deltas.forEach((delta, i) => {
    const n = first + i;
    need(delta.type === "balance-delta/v1", `number ${n} is not a delta`);
    need(delta.customer_ref === record.customer.ref, `delta ${n} is of another customer`);
    need(delta.sequence === n, `delta ${n} is missing: number ${delta.sequence} is in its place`);
    need(delta.amount !== "0", `delta ${n} changes nothing`);
  });
  need(new Set(deltas.map((delta) => delta.delta_ref)).size === deltas.length, "a delta is there twice");
  return `numbers ${first} to ${last} without a gap, all of this customer`;
}

function checkWindow(record, deltas) {
  const [start, end] = [micros(record.window.start), micros(record.window.end)];
  need(start < end, "the window ends before it starts");
  let before = start;
  for (const { sequence, counts_at: counts, recorded_at: recorded } of deltas) {
    const at = micros(counts);
    need(at >= start && at < end, `delta ${sequence} counts at ${counts}, outside of the window`);
    need(at >= before, `delta ${sequence} counts earlier than the one before it`);
    need(at >= micros(recorded), `delta ${sequence} counts before it was recorded`);
    before = at;
  }
  return `all count from ${record.window.start} up to ${record.window.end}, in their order`;
}

function checkBalance(record, deltas) {
  const { starting_balance: start, ending_balance: end, unit } = record;
  need(record.first_sequence > 1 || start === "0", `the first delta of all starts from 0, not from ${start}`);
  const change = deltas.reduce((a, delta) => a + fixed(delta.amount), 0n);
  const again = fixedText(fixed(start) + change);
  need(again === end, `${start} and deltas of ${fixedText(change)} give ${again} ${unit}, the record says ${end}`);
  return `${start} and deltas of ${fixedText(change)} give ${end} ${unit}`;
}

function checkReasons(record, deltas) {
  const lines = new Map();
  for (const { reason, amount } of deltas) {
    const [count, together] = lines.get(reason) ?? [0, 0n];
    lines.set(reason, [count + 1, together + fixed(amount)]);
  }
  [...lines].slice(0, record.lines.length).forEach(([reason, [count, amount]], i) => {
    const told = record.lines[i];
    const same = told.reason === reason && told.count === count && told.amount === fixedText(amount);
    need(same, `'${reason.slice(0, 60)}' has ${count} deltas of ${fixedText(amount)}, the record says ${told.count} of ` +
      `${told.amount} for '${told.reason.slice(0, 60)}'`);
  });
  need(lines.size === record.lines.length, `there are ${lines.size} reasons, the record says ${record.lines.length}`);
  return `${lines.size} reasons, each with its count and sum`;
}

function checkItems({ currency, amount_minor: said, items }) {
  need(said > 0, "a receipt is over more than nothing");
  if (!items.length) return `${money(BigInt(said), currency)}, without items`;
  const step = 10n ** BigInt(PLACES);
  items.forEach(({ quantity, unit_price: price, amount }, i) => {
    const again = rounded(ratio(fixed(quantity) * fixed(price), step));
    need(again === fixed(amount), `item ${i + 1}: ${quantity} × ${price} is ${fixedText(again)}, the record says ${amount}`);
  });
  const together = toMinor(ratio(items.reduce((a, item) => a + fixed(item.amount), 0n), step), currency);
  need(together === BigInt(said), `the items give ${money(together, currency)}, the record says ${money(BigInt(said), currency)}`);
  return `${items.length} items give ${money(together, currency)}`;
}

function checkDocuments({ currency, amount_minor: paid, documents }) {
  need(documents.every((x) => x.amount_minor > 0), "a document is paid with nothing, or with less");
  const together = documents.reduce((a, x) => a + BigInt(x.amount_minor), 0n);
  need(together <= BigInt(paid),
    `documents take ${money(together, currency)}, more than the ${money(BigInt(paid), currency)} paid`);
  return documents.length ? `${documents.length} documents take ${money(together, currency)}` : "no documents are named";
}

// A reference that is made of what it names: a UUID of version 8 (core/basis/ids.py).
function derivedRef(...parts) {
  const bytes = sha256(utf8.encode(parts.join("\x1f"))).slice(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x80;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function checkRevision({ revision, receipt_ref: receipt, supersedes, state }) {
  need(revision >= 1, "revisions begin with 1");
  const earlier = revision === 2 ? receipt : derivedRef("payment-receipt", receipt, revision - 1);
  need(supersedes === (revision === 1 ? null : earlier), `revision ${revision} does not supersede the one before it`);
  need(["issued", "sent", "archived", "cancelled"].includes(state), `a sealed receipt is not '${state.slice(0, 60)}'`);
  return `revision ${revision}, ${state}`;
}

function balanceReceipt({ record, usage }, check, notProved) {
  const read = check("record", () => checkShape(record, BALANCE));
  if (!check("usage", () => checkRoot(record.root, usage)) || !read) return;
  const deltas = usage[record.root];
  if (check("deltas", () => checkUnder(record.root, record.delta_count, deltas, DELTA, "deltas"))) {
    check("sequence", () => checkSequence(record, deltas));
    check("window", () => checkWindow(record, deltas));
    check("balance", () => checkBalance(record, deltas));
    check("reasons", () => checkReasons(record, deltas));
  }
  if (record.first_sequence > 1) {
    notProved.push(
      `The starting balance of ${record.starting_balance} ${record.unit} is the sum of deltas 1 to ` +
      `${record.first_sequence - 1}, which are not in this bundle: it is taken as stated. The receipts before this one ` +
      "prove it: check them together.");
  }
  notProved.push(DELTAS_AS_RECORDED);
}

function paymentReceipt({ record, usage }, check, notProved) {
  const read = check("record", () => checkShape(record, PAYMENT));
  const none = "the bundle has events that its record does not commit to";
  if (!check("usage", () => (need(!Object.keys(usage).length, none), "no events, and none are needed")) || !read) return;
  check("items", () => checkItems(record));
  check("documents", () => checkDocuments(record));
  check("revision", () => checkRevision(record));
  notProved.push(MONEY_AS_STATED);
  notProved.push(`This is revision ${record.revision}. A later one may have been issued since: ask for the newest.`);
}

// ------------------------------------------------------------------------------------------ decimals of sixty digits

// What a formula computes with: c × 10^e, rounded to 60 digits after each step, half away from zero, as EXACT of
// core/basis/money.py rounds. Exact fractions would not do: 1/3*3 is not 1 in sixty digits, and a formula may ask.
class NoValue extends Error {} // a formula has none for this event

const PRECISION = 60;
const HIGHEST = 999999;
const ABSENT = "a name has no value";
const tenTo = (n) => 10n ** BigInt(n);
const sized = (c) => (c < 0n ? -c : c);
const digitsOf = (c) => String(sized(c)).length;
const top = ({ c, e }) => e + digitsOf(c) - 1;
const NIL = { c: 0n, e: 0 };
const UNIT = { c: 1n, e: 0 };

function cut(c, places, even) {
  const unit = tenTo(places);
  const [whole, rest] = [sized(c) / unit, (sized(c) % unit) * 2n];
  const up = rest > unit || (rest === unit && (!even || whole & 1n));
  return (c < 0n ? -1n : 1n) * (up ? whole + 1n : whole);
}

function kept(c, e, precision = PRECISION, even = false) {
  if (c === 0n) return NIL;
  const digits = digitsOf(c);
  let drop = digits - precision;
  if (e + digits - 1 < -HIGHEST) drop = Math.max(drop, 1 - HIGHEST - precision - e);
  if (drop > digits) return NIL;
  const result = drop > 0 ? { c: cut(c, drop, even), e: e + drop } : { c, e };
  if (result.c === 0n) return NIL;
  if (top(result) > HIGHEST) throw new NoValue("too large");
  return result;
}

function compareD(a, b) {
  const [s, t] = [Math.sign(Number(a.c > 0n) - Number(a.c < 0n)), Number(b.c > 0n) - Number(b.c < 0n)];
  if (s !== t || s === 0) return s - t;
  if (top(a) !== top(b)) return (top(a) - top(b)) * s;
  const low = Math.min(a.e, b.e);
  const [x, y] = [a.c * tenTo(a.e - low), b.c * tenTo(b.e - low)];
  return Number(x > y) - Number(x < y);
}

function addD(a, b) {
  if (a.c === 0n) return kept(b.c, b.e);
  if (b.c === 0n) return kept(a.c, a.e);
  let [large, small] = top(a) >= top(b) ? [a, b] : [b, a];
  const floor_ = Math.min(large.e - 2, top(large) - PRECISION - 3);
  if (top(small) < floor_) small = { c: small.c < 0n ? -1n : 1n, e: floor_ }; // too small to be more than a direction
  const low = Math.min(large.e, small.e);
  return kept(large.c * tenTo(large.e - low) + small.c * tenTo(small.e - low), low);
}

const negated = ({ c, e }) => kept(-c, e);
const timesD = (a, b) => kept(a.c * b.c, a.e + b.e);

function overD(a, b, precision = PRECISION, even = false) {
  if (b.c === 0n) throw new NoValue("a division by 0");
  if (a.c === 0n) return NIL;
  const shift = Math.max(0, precision + 3 + digitsOf(b.c) - digitsOf(a.c));
  const scaled = sized(a.c) * tenTo(shift);
  let quotient = scaled / sized(b.c);
  if (scaled % sized(b.c) && quotient % 5n === 0n) quotient += 1n; // not exactly half
  return kept((a.c < 0n) === (b.c < 0n) ? quotient : -quotient, a.e - b.e - shift, precision, even);
}

function wholeD(x) {
  const truncated = x.e >= 0 ? x : toWhole(x, 0n);
  if (compareD(truncated, x) || compareD({ c: sized(x.c), e: x.e }, { c: 64n, e: 0 }) > 0) {
    throw new NoValue("must be a whole number of at most 64 in size");
  }
  return Number(truncated.c * tenTo(truncated.e));
}

// As libmpdec computes a whole power: by squaring, in a few digits more.
function powerD(a, b) {
  const n = wholeD(b);
  if (n === 0 && a.c === 0n) throw new NoValue("0 to the power of 0");
  if (n === 0) return UNIT;
  if (a.c === 0n && n < 0) throw new NotHere();
  if (a.c === 0n) return NIL;
  const size = Math.abs(n);
  const precision = PRECISION + String(size).length + 2 + (n < 0 ? 1 : 0);
  const base = n < 0 ? overD(UNIT, a, precision, true) : a;
  let result = base;
  for (const bit of size.toString(2).slice(1)) {
    result = kept(result.c * result.c, 2 * result.e, precision, true);
    if (bit === "1") result = kept(result.c * base.c, result.e + base.e, precision, true);
  }
  return kept(result.c, result.e);
}

// direction: 1n towards plus infinity, -1n towards minus infinity, 0n towards zero
function toWhole({ c, e }, direction) {
  if (e >= 0) return { c, e };
  if (-e > digitsOf(c) + 1) return direction && c && c > 0n === direction > 0n ? { c: direction, e: 0 } : NIL;
  const unit = tenTo(-e);
  const whole = c / unit;
  const more = direction !== 0n && c % unit !== 0n && c > 0n === direction > 0n;
  return { c: more ? whole + direction : whole, e: 0 };
}

function quantized(x, places, precision = PRECISION) {
  if (x.c === 0n) return NIL;
  const shift = x.e + places;
  if (shift > precision || (shift >= 0 ? digitsOf(x.c) + shift : 0) > precision) throw new NoValue("has too many digits");
  const c = shift >= 0 ? x.c * tenTo(shift) : -shift > digitsOf(x.c) ? 0n : cut(x.c, -shift, false);
  if (digitsOf(c) > precision) throw new NoValue("has too many digits");
  return { c, e: -places };
}

function readD(text) {
  const [, sign, whole, places = ""] = /^(-?)([0-9]*)(?:\.([0-9]*))?$/.exec(text);
  return { c: BigInt(`${sign}${whole}${places}`), e: -places.length };
}

function textD({ c, e }) {
  if (c === 0n) return "0";
  const all = String(sized(c)).padStart(1 - e, "0") + (e > 0 ? "0".repeat(e) : "");
  const at = e < 0 ? all.length + e : all.length;
  const places = all.slice(at).replace(/0+$/, "");
  return `${c < 0n ? "-" : ""}${all.slice(0, at)}${places ? `.${places}` : ""}`;
}

// ------------------------------------------------------------------------------- formulas (core/pricing/formula.py)

const truth = (x) => x.c !== 0n;
const oneOr0 = (holds) => (holds ? UNIT : NIL);
const multiple = (direction) => (x, step = UNIT) =>
  truth(step) ? timesD(toWhole(overD(x, step), direction), step) : NIL;
const FUNCTIONS = {
  MIN: [1, 255, (...xs) => xs.reduce((a, b) => (compareD(b, a) < 0 ? b : a))],
  MAX: [1, 255, (...xs) => xs.reduce((a, b) => (compareD(b, a) > 0 ? b : a))],
  SUM: [1, 255, (...xs) => xs.reduce(addD, NIL)],
  ABS: [1, 1, ({ c, e }) => kept(sized(c), e)],
  ROUND: [1, 2, (x, digits = NIL) => quantized(x, wholeD(digits))],
  CEILING: [1, 2, multiple(1n)],
  FLOOR: [1, 2, multiple(-1n)],
  AND: [1, 255, (...xs) => oneOr0(xs.every(truth))],
  OR: [1, 255, (...xs) => oneOr0(xs.some(truth))],
  NOT: [1, 1, (x) => oneOr0(!truth(x))],
};
const BINARY = {
  "+": addD, "-": (a, b) => addD(a, { c: -b.c, e: b.e }), "*": timesD, "/": (a, b) => overD(a, b), "^": powerD,
  "=": (a, b) => oneOr0(!compareD(a, b)), "<>": (a, b) => oneOr0(compareD(a, b)), "<": (a, b) => oneOr0(compareD(a, b) < 0),
  "<=": (a, b) => oneOr0(compareD(a, b) <= 0), ">": (a, b) => oneOr0(compareD(a, b) > 0),
  ">=": (a, b) => oneOr0(compareD(a, b) >= 0),
};

function tokensOf(formula) {
  if (/[^\t\n\v\f\r -~]/.test(formula)) throw new NotHere(); // other digits and spaces than those of ASCII
  const text = formula.trim().replace(/^=/, "").trimEnd();
  const found = [];
  const token = /\s*(?:(\d+(?:\.\d*)?|\.\d+)|([A-Za-z_][A-Za-z_0-9]*)|(<=|>=|<>|[-+*/^%(),;=<>]))/y;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (!match) throw new NoValue("is not a formula");
    found.push(match[1] ? ["number", match[1]] : match[2] ? ["name", match[2]] : ["sign", match[3]]);
  }
  if (!found.length) throw new NoValue("is empty");
  return found;
}

// Recursive descent; every part becomes a function of a lookup of names.
class Parser {
  constructor(tokens, names) {
    this.tokens = tokens;
    this.names = new Map(names.map((name) => [name.toLowerCase(), name]));
    this.at = 0;
  }
  take(...signs) {
    const [kind, text] = this.tokens[this.at] ?? [];
    if (kind !== "sign" || !signs.includes(text)) return null;
    this.at += 1;
    return text;
  }
  chain(operand, depth, ...signs) {
    const first = operand.call(this, depth);
    const rest = [];
    for (let sign = this.take(...signs); sign; sign = this.take(...signs)) rest.push([BINARY[sign], operand.call(this, depth)]);
    return rest.length ? (look) => rest.reduce((result, [apply, node]) => apply(result, node(look)), first(look)) : first;
  }
  comparison(depth) {
    if (depth > 25) throw new NoValue("is nested too deeply");
    return this.chain(this.plus, depth, "=", "<>", "<", "<=", ">", ">=");
  }
  plus(depth) {
    return this.chain(this.times, depth, "+", "-");
  }
  times(depth) {
    return this.chain(this.power, depth, "*", "/");
  }
  power(depth) {
    return this.chain(this.sign, depth, "^");
  }
  sign(depth) {
    let negative = false;
    for (let sign = this.take("+", "-"); sign; sign = this.take("+", "-")) negative = negative !== (sign === "-");
    const node = this.percent(depth);
    return negative ? (look) => negated(node(look)) : node;
  }
  percent(depth) {
    const node = this.atom(depth);
    let hundreds = 0;
    while (this.take("%")) hundreds += 1;
    const shifted = ({ c, e }) => kept(c, e - 2 * hundreds);
    return hundreds ? (look) => shifted(node(look)) : node;
  }
  atom(depth) {
    if (this.take("(")) return this.closed(this.comparison(depth + 1));
    const [kind, text] = this.tokens[this.at] ?? [];
    this.at += 1;
    if (kind === "number") {
      const number = readD(text);
      return () => number;
    }
    if (kind !== "name") throw new NoValue("is not a formula");
    if (this.take("(")) return this.call(text.toUpperCase(), depth);
    if (["TRUE", "FALSE"].includes(text.toUpperCase())) return () => oneOr0(text.toUpperCase() === "TRUE");
    const name = this.names.get(text.toLowerCase());
    if (name === undefined) throw new NoValue(`unknown name ${text}`);
    return (look) => look(name);
  }
  call(name, depth) {
    const given = [];
    if (!this.take(")")) {
      do given.push(this.comparison(depth + 1));
      while (this.take(",", ";"));
      this.closed();
    }
    const [fewest, most_, apply] = name === "IF" ? [2, 3] : Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : [0, -1];
    if (given.length < fewest || given.length > most_) throw new NoValue(`${name} is no function of so many arguments`);
    if (apply) return (look) => apply(...given.map((node) => node(look)));
    return (look) => (truth(given[0](look)) ? given[1](look) : given[2] ? given[2](look) : NIL);
  }
  closed(node) {
    if (!this.take(")")) throw new NoValue("a bracket is not closed");
    return node;
  }
}

const parsed = new Map();

function compiled(text, names) {
  const key = JSON.stringify([text, names]);
  if (!parsed.has(key)) {
    if (text.length > 2000) throw new NoValue("is too long");
    const parser = new Parser(tokensOf(text), names);
    const node = parser.comparison(0);
    if (parser.at < parser.tokens.length) throw new NoValue("is not a formula");
    if (parsed.size > 1000) parsed.clear();
    parsed.set(key, node);
  }
  return parsed.get(key);
}

// --------------------------------------------------------------------------- delivered value (core/value/deliver.py)

const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : null);
const TRUTH = { true: UNIT, false: NIL, 1: UNIT, 0: NIL };
const KEPT = 40; // places of one event's share

function numberD(text) {
  if (text === null) return null;
  if (text === "true" || text === "false") return TRUTH[text];
  return /^-?[0-9]{1,20}(\.[0-9]{1,30})?$/.test(text) ? readD(text) : null;
}

// The names of a quantity's formula: variables, worked out as they are asked for.
function variableNames(variables, properties) {
  const byId = new Map(variables.map((v) => [v.id, v]));
  const known = new Map();
  const find = (name) => {
    const variable = byId.get(name);
    const value = numberD(own(properties, variable.property));
    if (value !== null) return overD(value, readD(variable.divided_by));
    const fits = ({ segment }) => Object.entries(segment).every(([key, wanted]) => own(properties, key) === wanted);
    const row = variable.rows.find(fits);
    if (row) return readD(row.value);
    return variable.otherwise === null ? numberD(variable.default) : readD(variable.otherwise);
  };
  const look = (name) => {
    if (!known.has(name)) {
      const value = find(name);
      if (value === null) throw new NoValue(ABSENT);
      known.set(name, value);
    }
    return known.get(name);
  };
  const text = (field) => {
    const variable = byId.get(field);
    if (!variable) return own(properties, field) || null;
    const given = own(properties, variable.property);
    if (given && !compareD(readD(variable.divided_by), UNIT)) return given;
    const found = find(field);
    return found === null ? variable.default : textD(found);
  };
  return { look, text, names: variables.map((v) => v.id) };
}

function constantNames(quantity, constants, properties) {
  const values = new Map([["unit_value", quantity]]);
  for (const [name, value] of Object.entries(constants)) values.set(name, readD(value));
  const text = (field) => (values.has(field) ? textD(values.get(field)) : own(properties, field) || null);
  return { look: (name) => values.get(name), text, names: [...values.keys()] };
}

function holdsFor({ operator, value: wanted }, text) {
  if (text === null) return false;
  if (operator === "contains") return text.includes(wanted);
  if (operator === "eq_string") return text === wanted;
  if (operator === "eq_bool") {
    return Object.hasOwn(TRUTH, text) && Object.hasOwn(TRUTH, wanted) && TRUTH[text] === TRUTH[wanted];
  }
  const [left, right] = [numberD(text), numberD(wanted)];
  if (left === null || right === null) return operator === "eq" ? text === wanted : operator === "neq" && text !== wanted;
  const order = compareD(left, right);
  return { gte: order >= 0, gt: order > 0, lte: order <= 0, lt: order < 0, eq: order === 0, neq: order !== 0 }[operator];
}

function computedBy(step, names) {
  const chosen = step.when.find((condition) => holdsFor(condition, names.text(condition.field)));
  return compiled(chosen ? chosen.then : step.expression, names.names)(names.look);
}

function keptShare(value) {
  if (compareD({ c: sized(value.c), e: value.e }, { c: 1n, e: 20 }) >= 0) throw new NoValue("too large");
  const share = quantized(value, KEPT);
  return share.c * tenTo(KEPT + share.e);
}

function deliveredBy(rule, properties) {
  const exact = computedBy(rule.quantity, variableNames(rule.variables, properties));
  const worth = rule.money ? computedBy(rule.money, constantNames(exact, rule.money.constants, properties)) : NIL;
  return [keptShare(exact), keptShare(worth)];
}

const OPERATORS = ["gte", "gt", "lt", "lte", "eq", "neq", "contains", "eq_string", "eq_bool"];

function checkCounted(record, events) {
  const { model, scope, period, customer } = record;
  const [start, end] = [micros(period.start), micros(period.end)];
  need(start < end, "the period ends before it starts");
  const steps = model.rules.flatMap((rule) => [rule.quantity, rule.money].filter(Boolean));
  need(steps.every((step) => step.when.every((c) => OPERATORS.includes(c.operator))), "the model has an unknown operator");
  const divisors = model.rules.flatMap((rule) => rule.variables.map((v) => v.divided_by));
  need(!divisors.includes("0"), "a variable is divided by 0");
  need([null, record.currency].includes(model.currency), `the model's money is ${model.currency}`);
  const rules = rulesOf(model);
  for (const event of events) {
    need(event.type === "usage-event/v1", `${event.event_ref} is not a usage event`);
    need(event.customer_ref === customer.ref, `event ${event.event_ref} is of another customer`);
    const at = micros(event.at);
    need(at >= start && at <= end, `event ${event.event_ref} lies outside of the period`);
    const inScope = scope === null || scope.product_refs.includes(own(event.properties, "$product")) ||
      scope.external_ids.includes(own(event.properties, "$external_product"));
    need(inScope && rules(event).length, `event ${event.event_ref} is none that the model and the scope count`);
  }
  need(new Set(events.map((e) => e.event_ref)).size === events.length, "an event is there twice");
  const keys = events.map((e) => e.key).filter(Boolean);
  need(new Set(keys).size === keys.length, "two events have the same idempotency key");
  const narrowed = scope === null ? "" : `, of ${scope.name.slice(0, 60)}`;
  return `each once, of this customer${narrowed}, from ${period.start} to ${period.end}`;
}

// The rules that apply to an event.
function rulesOf({ rules, streams }) {
  const timed = rules.map((rule) => [rule, rule.from && micros(rule.from), rule.until && micros(rule.until)]);
  return (event) => {
    const name = own(streams, event.usage_product_ref);
    const at = micros(event.at);
    const applies = ([rule, from, until]) =>
      rule.event === name && (from === null || at >= from) && (until === null || at < until);
    return timed.filter(applies).map(([rule]) => rule);
  };
}

function metricsOf(model, events) {
  const lines = new Map();
  const keyOf = ({ metric, unit }) => JSON.stringify([metric, unit]);
  const rules = rulesOf(model);
  for (const event of events) {
    for (const rule of rules(event)) {
      const key = keyOf(rule);
      if (!lines.has(key)) {
        lines.set(key, { slug: rule.metric, name: rule.name, unit: rule.unit, occurrences: 0, unvalued: 0, quantity: 0n, value: 0n });
      }
      const line = lines.get(key);
      try {
        const [quantity, value] = deliveredBy(rule, event.properties);
        line.occurrences += 1;
        line.quantity += quantity;
        line.value += value;
      } catch (error) {
        if (!(error instanceof NoValue)) throw error;
        line.unvalued += 1;
      }
    }
  }
  const shown = (total) => fixedText(cut(total, KEPT - PLACES, false));
  const order = [...new Set(model.rules.map(keyOf))].filter((key) => lines.has(key));
  return order.map((key) => {
    const line = lines.get(key);
    return { ...line, quantity: shown(line.quantity), value: shown(line.value) };
  });
}

function checkValues(record, events) {
  const lines = metricsOf(record.model, events);
  lines.slice(0, record.metrics.length).forEach((line, i) => {
    for (const [name, found] of Object.entries(line)) {
      const told = record.metrics[i][name];
      need(told === found, `${name} of '${line.slug.slice(0, 60)}' is ${found}, the record says ${String(told).slice(0, 60)}`);
    }
  });
  need(lines.length === record.metrics.length, `the events give ${lines.length} metrics, not ${record.metrics.length}`);
  const unvalued = lines.reduce((n, line) => n + line.unvalued, 0);
  const none = unvalued ? `; ${unvalued} occurrences have no value and count nothing` : "";
  return `the model gives ${lines.length} metrics from ${events.length} events${none}`;
}

function checkWorth({ metrics, total, currency }) {
  const again = fixedText(metrics.reduce((a, line) => a + fixed(line.value), 0n));
  need(again === total, `the metrics are worth ${again} ${currency}, the record says ${total}`);
  return `total ${total} ${currency}`;
}

function valueReceipt({ record, usage }, check, notProved) {
  const read = check("record", () => checkShape(record, VALUE));
  if (!check("usage", () => checkRoot(record.events.root, usage)) || !read) return;
  const { root, count } = record.events;
  const events = usage[root];
  if (check("events", () => checkUnder(root, count, events, EVENT, "events")) &&
      check("counted", () => checkCounted(record, events))) {
    check("values", () => checkValues(record, events));
    check("total", () => checkWorth(record));
  }
  notProved.push(SIGNALS_AS_REPORTED);
  notProved.push(WORTH_AS_STATED);
  if (record.billed.length) {
    const net = money(record.billed.reduce((a, x) => a + BigInt(x.net_minor), 0n), record.currency);
    notProved.push(`That ${net} was billed in the same time is taken as stated: the documents have bundles of their own.`);
  }
}

const RECEIPTS = {
  "balance-receipt/v1": balanceReceipt, "payment-receipt/v1": paymentReceipt, "value-receipt/v1": valueReceipt,
};

// --------------------------------------------------------------------------------------------------------- the verdict

const SPLIT_VIEW =
  "Without a witness that you trust, or a checkpoint that you kept, an operator can show two histories: this proves " +
  "that the record is in a log that the key signed, not that everybody sees the same log.";
const OWN_KEY =
  "The key was taken from the bundle itself: it shows that one key signed all of this, not whose key it is. Compare it " +
  "with the key that the seller publishes.";
const EVENTS_AS_REPORTED =
  "The events are those that were sealed. That they report what happened, and that none was left out before the seal, " +
  "is not something a signature can show: compare them with your own count.";
const TERMS_AS_STATED =
  "The prices, discounts, tax rates and shares of a partial period are those that the record states: compare them with " +
  "your contract.";
const CONTENT_WITHHELD =
  "The record is not in this file: it proves that an entry stands in the log, and nothing of what the entry says. Ask its " +
  "issuer, or whoever holds the receipt, for the whole bundle.";
const DELTAS_AS_RECORDED =
  "The deltas are those that were sealed. That each of them is right, and that none was left out, is not something a " +
  "signature can show: compare them with your own records.";
const SIGNALS_AS_REPORTED =
  "The events are those that were sealed. That they report what happened, and that none was left out, is not something " +
  "a signature can show: compare them with your own count.";
const WORTH_AS_STATED =
  "What one occurrence is worth is what the issuer's model states, as it was agreed with you or not: its formulas and " +
  "constants are in the record.";
const MONEY_AS_STATED =
  "That the money arrived is what the issuer says: compare it with your bank statement. So are the description, the " +
  "method and the documents that it is said to have paid.";
const DOCUMENTS = ["invoice/v1", "credit-note/v1", "debit-note/v1"];

function checkLines(record) {
  need(record.lines.every((line, i) => line.n === i + 1), "lines are not numbered 1, 2, 3, …");
  record.lines.forEach((line) => [line.amount_minor, line.discount_minor].forEach(integer));
  return `${record.lines.length} lines in order`;
}

function checkUsage(record, usage) {
  const roots = new Set(record.lines.filter((line) => line.usage !== null).map((line) => line.usage.root));
  const given = Object.keys(usage);
  need(given.length === roots.size && given.every((root) => roots.has(root)),
    "the events in the bundle are not those that its lines commit to");
  return `${Object.values(usage).reduce((n, events) => n + events.length, 0)} events for ${roots.size} usage roots`;
}

function windowOf([name, bytes]) {
  const bundle = readBundle(bytes);
  const { record } = bundle;
  if (record?.type !== "balance-receipt/v1") return [];
  return [{ name, record, key: bundle.verifier_key, deltas: bundle.usage[record.root] }];
}

function checkJoined(one, other) {
  const [a, b] = [one.record, other.record];
  need(a.unit === b.unit, `one is in ${a.unit}, the other in ${b.unit}`);
  if (b.first_sequence <= a.last_sequence) {
    const spelled = new Map(one.deltas.map((delta) => [delta.sequence, canonical(delta)]));
    const both = other.deltas.filter((delta) => spelled.has(delta.sequence));
    const parted = both.find((delta) => spelled.get(delta.sequence) !== canonical(delta));
    need(!parted, `number ${parted?.sequence} is one delta in the first and another in the second`);
    return `they share numbers ${both[0].sequence} to ${both.at(-1).sequence}, which are the same deltas in both`;
  }
  need(a.ending_balance === b.starting_balance,
    `the first ends with ${a.ending_balance} ${a.unit}, the second starts from ${b.starting_balance}`);
  return `the second starts from ${b.starting_balance} ${b.unit}, where the first ended, with the next number`;
}

// What bundles that hold by themselves ([name, bytes]) say about each other: whether balance receipts of one customer join,
// or what is missing between them.
export function verifyTogether(files) {
  const groups = new Map();
  for (const window of files.flatMap(windowOf)) {
    const of = `${window.key} ${window.record.customer.ref}`;
    groups.set(of, [...(groups.get(of) ?? []), window]);
  }
  const [checks, notProved] = [[], []];
  for (const windows of groups.values()) {
    windows.sort((a, b) => a.record.first_sequence - b.record.first_sequence || b.record.last_sequence - a.record.last_sequence);
    let furthest = windows[0];
    for (const next of windows.slice(1)) {
      const name = `${furthest.name} and ${next.name}`;
      const [from, to] = [furthest.record.last_sequence + 1, next.record.first_sequence - 1];
      if (from <= to) {
        notProved.push(`${name}: deltas ${from} to ${to} are in neither, so that one leads to the other is not shown. A receipt ` +
          "is missing between.");
      } else try {
        checks.push({ name, ok: true, says: checkJoined(furthest, next) });
      } catch (error) {
        checks.push({ name, ok: false, says: error.message });
      }
      if (next.record.last_sequence > furthest.record.last_sequence) furthest = next;
    }
  }
  return { checks, notProved };
}

// A formula's value in sixty digits, as text; null where it has none. For those who want to try one out.
export function evaluated(text, values = {}) {
  const given = new Map(Object.entries(values).map(([name, value]) => [name, readD(value)]));
  try {
    return textD(compiled(text, [...given.keys()])((name) => given.get(name)));
  } catch (error) {
    if (error instanceof NoValue) return null;
    throw error;
  }
}

// bytes: Uint8Array of the file. trustedKeys: verifier keys that the reader has from elsewhere. What holds is asked of the
// browser's own WebCrypto as well: `webCrypto` is true where it agreed, null where there is none, and a verdict that it
// contradicts fails.
export async function verifyBundle(bytes, { trustedKeys = [] } = {}) {
  accepted = [];
  const signatures = accepted;
  const verdict = verifiedHere(bytes, trustedKeys);
  accepted = null;
  verdict.webCrypto = verdict.ok ? await agrees(bytes, sha256(bytes), signatures) : null;
  if (verdict.webCrypto === false) {
    const says = "the browser's own WebCrypto disagrees over a hash or a signature";
    verdict.checks.push({ name: "cryptography", ok: false, says });
    verdict.ok = false;
  }
  return verdict;
}

function verifiedHere(bytes, trustedKeys) {
  const checks = [];
  const notProved = [];
  const check = (name, what) => {
    try {
      checks.push({ name, ok: true, says: what() });
    } catch (error) {
      if (error instanceof NotHere) {
        notProved.push(`The ${name} was not recomputed in the browser: use the offline verifier.`);
        return true;
      }
      const says = error instanceof Wrong ? error.message : `cannot be read: ${error?.message}`;
      checks.push({ name, ok: false, says });
    }
    return checks.at(-1).ok;
  };
  let bundle;
  const verdict = () => ({ ok: checks.every((c) => c.ok), checks, notProved });
  check("encoding", () => {
    need(bytes.length, "the file is empty");
    need(bytes[0] !== 0x7b || bytes.at(-1) === 0x7d, "the file is cut off, or something was added at its end");
    bundle = readBundle(bytes);
    return `${bytes.length} bytes in their one canonical form`;
  });
  if (!bundle) return verdict();
  check("key", () => checkKey(bundle, trustedKeys));
  check("checkpoint", () => checkCheckpoint(bundle));
  check("inclusion", () => checkInclusion(bundle));
  if (bundle.consistency !== null) check("consistency", () => checkConsistency(bundle));
  if (!trustedKeys.length) notProved.push(OWN_KEY);
  if (!bundle.witness_keys.some((key) => trustedKeys.includes(key))) notProved.push(SPLIT_VIEW);
  if (bundle.type === INCLUSION) {
    notProved.push(CONTENT_WITHHELD);
    return verdict();
  }
  const { record, usage } = bundle;
  if (isText(record.type) && Object.hasOwn(RECEIPTS, record.type)) {
    RECEIPTS[record.type](bundle, check, notProved);
    return verdict();
  }
  if (!DOCUMENTS.includes(record.type)) {
    const none = "only records that commit to events have usage";
    check("usage", () => (need(!Object.keys(usage).length, none), "no events"));
    notProved.push(`What the record says was not computed again: this verifier does not know records of type '${record.type}'.`);
    return verdict();
  }
  check("lines", () => checkLines(record));
  check("usage", () => checkUsage(record, usage));
  if (checks.slice(-2).some((c) => !c.ok)) return verdict();
  for (const line of record.lines) {
    if (line.usage !== null) {
      const events = usage[line.usage.root];
      const sealed = check(`usage of line ${line.n}`, () => checkSealed(line.usage, events));
      if (sealed) check(`quantity of line ${line.n}`, () => checkMeasured(line, events));
    }
    check(`amount of line ${line.n}`, () => checkAmount(record, line, notProved));
  }
  check("discounts", () => checkDiscounts(record));
  check("taxes", () => checkTaxes(record, notProved));
  check("totals", () => checkTotals(record));
  notProved.push(TERMS_AS_STATED);
  if (Object.keys(usage).length) notProved.push(EVENTS_AS_REPORTED);
  return verdict();
}
