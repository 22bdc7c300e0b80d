/** The vault's storage port: everything is written in one transaction that first checks the generation it was made from. */
import { committed, database, done } from "./database.js";
import { coded } from "./http.js";

/**
 * @typedef {[string, Uint8Array]} Entry
 * @typedef {{generation: number, meta: Uint8Array | null, records: Entry[]}} Stored
 */

/** @returns {Promise<Stored>} */
export async function load() {
  const transaction = (await database()).transaction(["meta", "records"], "readonly");
  const records = transaction.objectStore("records");
  const [generation, meta, keys, values] = await Promise.all([
    done(transaction.objectStore("meta").get("generation")),
    done(transaction.objectStore("meta").get("meta")),
    done(records.getAllKeys()),
    done(records.getAll()),
  ]);
  return { generation: generation ?? 0, meta: meta ?? null, records: keys.map((key, index) => [String(key), values[index]]) };
}

/**
 * Writes all or nothing. `meta` null leaves it as it is.
 * @param {number} expectedGeneration
 * @param {Uint8Array | null} meta
 * @param {Entry[]} puts
 * @param {string[]} deletes
 * @returns {Promise<number>} the new generation
 */
export async function commit(expectedGeneration, meta, puts, deletes) {
  const transaction = (await database()).transaction(["meta", "records"], "readwrite", { durability: "strict" });
  const metaStore = transaction.objectStore("meta");
  const records = transaction.objectStore("records");
  const generation = (await done(metaStore.get("generation"))) ?? 0;
  if (generation !== expectedGeneration) {
    transaction.abort();
    throw coded("store-conflict", "another window changed the wallet");
  }
  const next = generation + 1;
  const finished = committed(transaction);
  metaStore.put(next, "generation");
  if (meta) metaStore.put(meta, "meta");
  for (const key of deletes) records.delete(key);
  for (const [key, value] of puts) records.put(value, key);
  await finished.catch((error) => {
    throw coded("store-failed", String(error));
  });
  return next;
}
