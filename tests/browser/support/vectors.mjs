/** The published vectors. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./programs.mjs";

/** All vectors of one operation. @param {string} folder @param {string} operation */
export function vectors(folder, operation) {
  const path = join(ROOT, "shared/vectors", folder);
  const all = readdirSync(path).filter((name) => name.endsWith(".json")).map((name) => ({ name, ...JSON.parse(readFileSync(join(path, name), "utf8")) }));
  const found = all.filter((vector) => vector.operation === operation);
  if (found.length === 0) throw new Error(`no vectors of ${operation} in ${path}`);
  return found;
}
