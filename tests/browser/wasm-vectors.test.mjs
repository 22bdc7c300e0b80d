/** Every published vector, run by the wallet's own code in WebAssembly and called from JavaScript. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "./support/programs.mjs";

const BUILT = process.env.SEMPER_VECTORS_WASM ?? join(ROOT, "target/vectors-wasm");
/** Fewer means that the vectors were not found, not that there are fewer. */
const AT_LEAST = 300;

test("every vector holds in WebAssembly", () => {
  const run = runner();
  const vectors = all();
  assert.ok(vectors.length > AT_LEAST, `only ${vectors.length} vectors`);
  const failed = vectors.flatMap(({ module, name, text }) => {
    try {
      run(module, text);
      return [];
    } catch (error) {
      return [`${name}: ${error}`];
    }
  });
  assert.equal(failed.length, 0, `${failed.length} of ${vectors.length} vectors failed:\n${failed.join("\n")}`);
});

test("no vector holds in WebAssembly with another outcome or another output", () => {
  const run = runner();
  for (const { module, name, text } of all()) {
    const vector = JSON.parse(text);
    const refuses = (change) => {
      // Refused for the difference: a module that broke down would throw a RuntimeError.
      const differs = { name: "Error", message: /^(gives|is refused with) / };
      assert.throws(() => run(module, JSON.stringify({ ...vector, ...change })), differs, `${name} with ${JSON.stringify(change)}`);
    };
    refuses({ expect: vector.expect === "ok" ? "internal" : "ok" });
    if (vector.expect === "ok") refuses({ output: "another" });
  }
});

/** Runs one vector, and throws what differs. @returns {(module: string, text: string) => void} */
function runner() {
  const path = join(BUILT, "semper_wallet.js");
  assert.ok(existsSync(path), `${path} is missing; \`cargo xtask test --only browser\` builds it`);
  return createRequire(import.meta.url)(path).run_vectors;
}

/** The vectors of all modules, each a folder, as they are written. */
function all() {
  const folder = join(ROOT, "shared/vectors");
  const modules = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return modules.flatMap(({ name: module }) =>
    readdirSync(join(folder, module)).map((file) => ({ module, name: `${module}/${file}`, text: readFileSync(join(folder, module, file), "utf8") })),
  );
}
