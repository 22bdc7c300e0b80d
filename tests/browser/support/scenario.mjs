/** A test that ends: what hangs fails, and says which scenario it was. */
import { test } from "node:test";

const PATIENCE_MS = 120_000;

/** @param {string} name @param {(context: import("node:test").TestContext) => Promise<void>} play */
export function scenario(name, play) {
  test(name, { timeout: PATIENCE_MS }, play);
}
