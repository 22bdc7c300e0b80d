/** Where the programs under test are. */
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../../..");

const BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The server: `SEMPER_BIN`, or what cargo built last. */
export function semper() {
  return built("SEMPER_BIN", "semper");
}

/** The command-line wallet: `SEMPER_WALLET_BIN`, or what cargo built last. */
export function semperWallet() {
  return built("SEMPER_WALLET_BIN", "semper-wallet");
}

/** The browser: `CHROMIUM`, or the first on the PATH. */
export function chromium() {
  const named = process.env.CHROMIUM;
  if (named) return executable(named) ? named : fail(`CHROMIUM names ${named}, which cannot be run: point it at a Chromium, or unset it`);
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = BROWSERS.flatMap((name) => folders.map((folder) => join(folder, name))).find(executable);
  return found ?? fail("no Chromium for the browser tests: run `sudo apt-get install -y chromium`, or set CHROMIUM to the path of one");
}

function built(variable, name) {
  const path = process.env[variable] ?? join(ROOT, "target/debug", name);
  if (existsSync(path)) return path;
  return fail(`${path} is not there: run \`cargo build -p semper-server -p semper-wallet --bins\`, or \`cargo xtask test\``);
}

function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function fail(message) {
  throw new Error(message);
}
