/**
 * The unlocked state between page loads: the vault key, wrapped by a key that JavaScript can use but never read, until 15 idle
 * minutes have passed. Whoever copies the profile's files gets neither; whoever runs code in this origin could use it while it lasts.
 */
import { committed, database, done } from "./database.js";

export const IDLE_MS = 15 * 60 * 1000;

/** @typedef {{key: CryptoKey, iv: Uint8Array<ArrayBuffer>, wrapped: ArrayBuffer, expires: number}} Session */

/** @param {Uint8Array} vaultKey */
export async function save(vaultKey) {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const wrapped = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, /** @type {BufferSource} */ (vaultKey));
  await put({ key, iv, wrapped, expires: Date.now() + IDLE_MS });
}

/** @returns {Promise<Uint8Array | null>} the vault key, while the session lasts */
export async function load() {
  const session = await read();
  if (!session) return null;
  if (session.expires <= Date.now()) {
    await clear();
    return null;
  }
  const { key, iv, wrapped } = session;
  return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, wrapped));
}

export async function clear() {
  const transaction = (await database()).transaction("session", "readwrite");
  transaction.objectStore("session").delete("current");
  await committed(transaction);
}

/** Lets the idle time begin again. @returns {Promise<boolean>} whether there is a session still */
export async function touch() {
  const session = await read();
  if (!session || session.expires <= Date.now()) return false;
  await put({ ...session, expires: Date.now() + IDLE_MS });
  return true;
}

/** Whether a session was left lying until its time was over. */
export async function expired() {
  const session = await read();
  return session !== undefined && session.expires <= Date.now();
}

/** @returns {Promise<Session | undefined>} */
async function read() {
  return done((await database()).transaction("session", "readonly").objectStore("session").get("current"));
}

/** @param {Session} session */
async function put(session) {
  const transaction = (await database()).transaction("session", "readwrite");
  transaction.objectStore("session").put(session, "current");
  await committed(transaction);
}
