/**
 * Reading RFC 8188 content (aes128gcm) with WebCrypto, a few records in memory at a time, and holding it against the Merkle root that the
 * offer promised (RFC 6962 hashing over the records' plaintexts). Of RFC 8188 only the one form that the offer's promise allows is read:
 * no key id and no padding. The digest of the ciphertext is not recomputed, since WebCrypto hashes nothing piece by piece; the promise
 * about the plaintext is what is bought, and it is checked whole.
 */
import { coded } from "./http.js";

/** Records that WebCrypto works on side by side; a power of two, so that they are a whole branch of the tree. */
const BATCH = 32;
/** Batches under way at once: while one is hashed and handed on, the next is read and decrypted. */
const UNDER_WAY = 3;
const TAG_BYTES = 16;
const HEADER_BYTES = 21;
const NOT_LAST = 1;
const LAST = 2;
const encoder = new TextEncoder();

/**
 * @typedef {(offset: number, length: number) => Uint8Array<ArrayBuffer>} ReadAt reads up to `length` bytes, which stay until the next reading
 * @typedef {{content_key: string, plaintext_root: string, record_size: number, size: number}} ContentAccess
 */

/**
 * Decrypts the whole content into `sink`, which gets many records at a time, and checks it. What the sink has been given may be used only after this has returned.
 * @param {ReadAt} readAt
 * @param {number} size of the ciphertext
 * @param {ContentAccess} access
 * @param {{sink: (plain: Uint8Array<ArrayBuffer>[]) => void, progress?: (done: number) => void, signal?: AbortSignal}} options
 */
export async function decryptContent(readAt, size, access, { sink, progress, signal }) {
  const header = readHeader(readAt, access);
  const { key, nonce } = await deriveKeys(decodeBase64Url(access.content_key), header.salt);
  const tree = new MerkleTree();
  let offset = header.length;
  let sequence = 0;
  let length = 0;
  const begin = () => {
    const block = readAt(offset, BATCH * header.recordSize);
    if (block.length === 0) throw invalid();
    offset += block.length;
    const done = offset;
    const records = split(block, header.recordSize);
    const first = sequence;
    sequence += records.length;
    // WebCrypto takes its copy of a record when it is called, before the next block is read over it.
    const opened = records.map(async (record, index) => {
      const last = done >= size && index === records.length - 1;
      const leaf = await openRecord(key, nonceFor(nonce, first + index), record, last);
      return { leaf, hash: new Uint8Array(await crypto.subtle.digest("SHA-256", leaf)) };
    });
    const leaves = Promise.all(opened);
    // It is waited for below; until then its failure is nobody's.
    leaves.catch(() => {});
    return { leaves, done };
  };
  const underWay = [];
  while (offset < size || underWay.length > 0) {
    signal?.throwIfAborted();
    while (offset < size && underWay.length < UNDER_WAY) underWay.push(begin());
    const next = underWay.shift();
    if (!next) break;
    const leaves = await next.leaves;
    await tree.add(leaves.map(({ hash }) => hash));
    for (const { leaf } of leaves) length += leaf.length - 1;
    sink(leaves.map(({ leaf }) => leaf.subarray(1)));
    progress?.(next.done);
  }
  if (length !== access.size || encodeBase64Url(await tree.root()) !== access.plaintext_root) throw invalid();
}

/** @param {ReadAt} readAt @param {ContentAccess} access */
function readHeader(readAt, access) {
  const fixed = readAt(0, HEADER_BYTES);
  if (fixed.length < HEADER_BYTES) throw invalid();
  const recordSize = new DataView(fixed.buffer, fixed.byteOffset).getUint32(16);
  if (recordSize !== access.record_size || fixed[20] !== 0) throw invalid();
  return { salt: fixed.slice(0, 16), recordSize, length: HEADER_BYTES };
}

/** @param {Uint8Array<ArrayBuffer>} contentKey @param {Uint8Array<ArrayBuffer>} salt */
async function deriveKeys(contentKey, salt) {
  const base = await crypto.subtle.importKey("raw", contentKey, "HKDF", false, ["deriveBits", "deriveKey"]);
  /** @param {string} label */
  const hkdf = (label) => ({ name: "HKDF", hash: "SHA-256", salt, info: encoder.encode(`Content-Encoding: ${label}\0`) });
  const key = await crypto.subtle.deriveKey(hkdf("aes128gcm"), base, { name: "AES-GCM", length: 128 }, false, ["decrypt"]);
  const nonce = new Uint8Array(await crypto.subtle.deriveBits(hkdf("nonce"), base, 96));
  return { key, nonce };
}

/** @param {Uint8Array} nonce @param {number} sequence */
function nonceFor(nonce, sequence) {
  const result = new Uint8Array(nonce);
  const view = new DataView(result.buffer);
  view.setUint32(8, view.getUint32(8) ^ sequence);
  return result;
}

/**
 * The record's plaintext as the tree hashes it, with a zero before it.
 * @param {CryptoKey} key
 * @param {Uint8Array<ArrayBuffer>} iv
 * @param {Uint8Array<ArrayBuffer>} record
 * @param {boolean} last
 */
async function openRecord(key, iv, record, last) {
  if (record.length <= TAG_BYTES) throw invalid();
  const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, record).catch(() => {
    throw invalid();
  });
  const delimited = new Uint8Array(opened);
  const end = delimited.length - 1;
  if (delimited[end] !== (last ? LAST : NOT_LAST)) throw invalid();
  // The delimiter's place makes room for the zero, so that nothing is copied elsewhere.
  delimited.copyWithin(1, 0, end);
  delimited[0] = 0;
  return delimited;
}

/** @param {Uint8Array<ArrayBuffer>} block @param {number} recordSize */
function split(block, recordSize) {
  const records = [];
  for (let at = 0; at < block.length; at += recordSize) records.push(block.subarray(at, at + recordSize));
  return records;
}

/** The root over all leaves; keeps one hash for each level, never the leaves. */
class MerkleTree {
  /** Subtrees of 2^level leaves, from the largest to the smallest. @type {{level: number, hash: Uint8Array<ArrayBuffer>}[]} */
  #peaks = [];

  /** Takes the next leaves' hashes: whole batches, and at the end what is left. @param {Uint8Array<ArrayBuffer>[]} leaves */
  async add(leaves) {
    if (leaves.length < BATCH) {
      for (const leaf of leaves) await this.#addBranch(leaf, 0);
      return;
    }
    let level = 0;
    let branches = leaves;
    for (; branches.length > 1; level += 1) {
      const pairs = branches.filter((_, index) => index % 2 === 0);
      const half = branches;
      branches = await Promise.all(pairs.map((left, index) => sha256(1, left, /** @type {Uint8Array} */ (half[2 * index + 1]))));
    }
    for (const branch of branches) await this.#addBranch(branch, level);
  }

  /** @param {Uint8Array<ArrayBuffer>} branch @param {number} branchLevel */
  async #addBranch(branch, branchLevel) {
    let hash = branch;
    let level = branchLevel;
    for (let top = this.#peaks.at(-1); top?.level === level; top = this.#peaks.at(-1)) {
      hash = await sha256(1, top.hash, hash);
      level += 1;
      this.#peaks.pop();
    }
    this.#peaks.push({ level, hash });
  }

  async root() {
    let right = this.#peaks.at(-1)?.hash;
    if (!right) return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array()));
    for (const peak of this.#peaks.slice(0, -1).reverse()) right = await sha256(1, peak.hash, right);
    return right;
  }
}

/** @param {number} prefix @param {...Uint8Array} parts */
async function sha256(prefix, ...parts) {
  const input = new Uint8Array(1 + parts.reduce((sum, part) => sum + part.length, 0));
  input[0] = prefix;
  let offset = 1;
  for (const part of parts) {
    input.set(part, offset);
    offset += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", input));
}

function invalid() {
  return coded("content-invalid", "the content is not what the offer promised");
}

/** @param {string} text */
function decodeBase64Url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** @param {Uint8Array} bytes */
function encodeBase64Url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
