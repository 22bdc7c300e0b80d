/**
 * What was bought, in the origin's private file system: the ciphertext as it came, under its digest (`content/{digest}`, while it is
 * incomplete `content/{digest}.part`). Plaintext is made when a part is opened: small ones in memory, large ones in `open/`, which is
 * emptied when the wallet locks.
 */
import { decryptContent } from "./content.js";
import { coded, isCoded } from "./http.js";

const IN_MEMORY_BYTES = 24 * 1024 * 1024;
const ATTEMPTS = 4;

/**
 * @typedef {import("./content.js").ContentAccess & {url: string, ciphertext: string, media_type: string, name: string}} PartAccess
 * @typedef {(progress: {step: "download" | "check" | "open", done: number, total: number}) => void} Report
 */

/** @param {string} folder */
async function directory(folder) {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(folder, { create: true });
}

/** @param {string} digest @returns {Promise<FileSystemFileHandle | null>} */
async function complete(digest) {
  return (await directory("content")).getFileHandle(digest).catch(() => null);
}

/** Whether the part with this address is here, whole. @param {string} url */
export async function isDownloaded(url) {
  const digest = new URL(url, self.location.href).pathname.split("/").at(-1) ?? "";
  return digest !== "" && (await complete(digest)) !== null;
}

/**
 * Fetches the ciphertext, continuing where an earlier attempt stopped, and checks it against the offer's promise.
 * @param {PartAccess} access @param {Report} report @param {AbortSignal} signal
 */
export async function download(access, report, signal) {
  if (await complete(access.ciphertext)) return;
  const folder = await directory("content");
  const partial = await folder.getFileHandle(`${access.ciphertext}.part`, { create: true });
  const file = await openExclusively(partial);
  try {
    await fetchInto(file, access.url, report, signal);
    await check(file, access, report, signal);
  } catch (error) {
    if (isCoded(error) && error.code === "content-invalid") file.truncate(0);
    throw error;
  } finally {
    file.close();
  }
  await /** @type {any} */ (partial).move(access.ciphertext);
}

/** @param {FileSystemFileHandle} handle @returns {Promise<FileSystemSyncAccessHandle>} */
async function openExclusively(handle) {
  try {
    return await handle.createSyncAccessHandle();
  } catch {
    throw coded("in-progress", "another window is downloading or opening this");
  }
}

/** @param {FileSystemSyncAccessHandle} file @param {string} url @param {Report} report @param {AbortSignal} signal */
async function fetchInto(file, url, report, signal) {
  for (let attempt = 1; ; attempt += 1) {
    const before = file.getSize();
    try {
      await fetchRest(file, url, report, signal);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (isCoded(error)) throw error;
      // A connection that brought something may be tried again at once; one that brought nothing only a few times.
      if (file.getSize() > before) attempt = 0;
      if (attempt >= ATTEMPTS) throw coded("network-failed", "the download was interrupted");
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt));
    }
  }
}

/** @param {FileSystemSyncAccessHandle} file @param {string} url @param {Report} report @param {AbortSignal} signal */
async function fetchRest(file, url, report, signal) {
  let have = file.getSize();
  const headers = have > 0 ? { range: `bytes=${have}-` } : undefined;
  const answer = await fetch(url, { headers, credentials: "omit", referrerPolicy: "no-referrer", signal });
  if (answer.status === 416) return;
  if (answer.status === 200) {
    file.truncate(0);
    have = 0;
  } else if (answer.status !== 206) {
    throw coded(answer.status === 404 ? "not-found" : "peer-invalid", `the shop answered ${answer.status}`);
  }
  const total = have + Number(answer.headers.get("content-length") ?? 0);
  if (!answer.body) return;
  for await (const chunk of /** @type {AsyncIterable<Uint8Array<ArrayBuffer>>} */ (/** @type {unknown} */ (answer.body))) {
    file.write(chunk, { at: have });
    have += chunk.length;
    report({ step: "download", done: have, total });
  }
  file.flush();
  if (have < total) throw new Error("the connection ended early");
}

/** @param {FileSystemSyncAccessHandle} file @param {PartAccess} access @param {Report} report @param {AbortSignal} signal */
async function check(file, access, report, signal) {
  const total = file.getSize();
  await decryptContent(reader(file), total, access, {
    sink: () => {},
    progress: (done) => report({ step: "check", done, total }),
    signal,
  });
}

/**
 * Reads into the same memory again and again: fresh memory costs more than the reading.
 * @param {FileSystemSyncAccessHandle} file @returns {import("./content.js").ReadAt}
 */
function reader(file) {
  let buffer = new Uint8Array(0);
  return (offset, length) => {
    if (buffer.length < length) buffer = new Uint8Array(length);
    return buffer.subarray(0, file.read(buffer.subarray(0, length), { at: offset }));
  };
}

/**
 * The part's plaintext, checked once more, as a blob that need not be in memory.
 * @param {PartAccess} access @param {Report} report @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
export async function open(access, report, signal) {
  const handle = await complete(access.ciphertext);
  if (!handle) throw coded("not-found", "not downloaded yet");
  const file = await openExclusively(handle);
  try {
    const total = file.getSize();
    const progress = (/** @type {number} */ done) => report({ step: "open", done, total });
    if (total > IN_MEMORY_BYTES) return await openToDisk(file, total, access, progress, signal);
    /** @type {Uint8Array<ArrayBuffer>[]} */
    const pieces = [];
    await decryptContent(reader(file), total, access, { sink: (plain) => pieces.push(...plain), progress, signal });
    return new Blob(pieces, { type: access.media_type });
  } finally {
    file.close();
  }
}

/**
 * @param {FileSystemSyncAccessHandle} file @param {number} total @param {PartAccess} access
 * @param {(done: number) => void} progress @param {AbortSignal} signal
 */
async function openToDisk(file, total, access, progress, signal) {
  const folder = await directory("open");
  const handle = await folder.getFileHandle(access.ciphertext, { create: true });
  const plainFile = await openExclusively(handle);
  try {
    // Space is asked for once: growing write by write asks the browser each time.
    plainFile.truncate(access.size);
    let at = 0;
    // One large write takes a quarter of the time of many small ones.
    let joined = new Uint8Array(0);
    const sink = (/** @type {Uint8Array<ArrayBuffer>[]} */ plain) => {
      const length = plain.reduce((sum, piece) => sum + piece.length, 0);
      if (joined.length < length) joined = new Uint8Array(length);
      let end = 0;
      for (const piece of plain) {
        joined.set(piece, end);
        end += piece.length;
      }
      at += plainFile.write(joined.subarray(0, end), { at });
    };
    await decryptContent(reader(file), total, access, { sink, progress, signal });
  } catch (error) {
    plainFile.truncate(0);
    throw error;
  } finally {
    plainFile.close();
  }
  return (await handle.getFile()).slice(0, undefined, access.media_type);
}

/** Removes the plaintext of large parts that were opened. */
export async function forgetOpened() {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry("open", { recursive: true }).catch(() => {
    // There is none, or a player in another window still holds it; it goes with the next lock.
  });
}

/** Removes a part from this device; it can be downloaded again. @param {string} digest */
export async function remove(digest) {
  await (await directory("content")).removeEntry(digest).catch(() => {});
}
