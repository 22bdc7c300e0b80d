/**
 * The wallet's dedicated Worker: the only place where keys are. Pages send {id, method, params} and get {id, result} or
 * {id, error: {code, message}}; long work sends {id, progress}. {cancel: id} ends a download.
 */
import init, { WalletCore, take_words } from "/pkg/semper_wallet.js";
import { download, forgetOpened, isDownloaded, open, remove } from "./worker/files.js";
import { coded, http, isCoded } from "./worker/http.js";
import * as session from "./worker/session.js";
import * as store from "./worker/store.js";

const LOCK = "semper-vault";
const WAIT_SHOWN_MS = 300;
const IDLE_CHECK_MS = 20_000;

/** Calls that make sense before there is a session, or that end it. */
const WITHOUT_SESSION = new Set(["status", "make_words", "create", "restore", "unlock", "import_backup", "lock"]);

/** Calls that make or read recovery words. */
const WITH_WORDS = new Set(["make_words", "create", "restore"]);

/** Calls that only look something up. */
const LOOKING = new Set(["status", "balance", "purses", "holdings", "policy", "read_policy", "deals", "deal", "evidence", "library", "part_access", "transfers", "cards"]);

/** Calls after which other windows should look again. */
const CHANGING = new Set([
  "create", "restore", "unlock", "lock", "change_passphrase", "confirm_backup", "add_cash", "pay", "refresh", "resume", "take_over", "import_backup",
  "send_person", "request_person", "receive_link", "pay_link", "cancel_transfer", "abandon", "add_card", "remove_card", "approve", "set_policy",
]);

/** Calls that leave change behind. */
const PAYING = new Set(["pay", "send_person", "pay_link"]);

/** @typedef {(progress: object) => void} Report */

const windows = new BroadcastChannel("semper-wallet");
windows.onmessage = ({ data }) => {
  if (data.type === "locked") forgetKeys();
};

/** @type {Map<number, AbortController>} */
const running = new Map();

const started = init();
const ports = { http, store, session, now: () => Math.floor(Date.now() / 1000) };

/**
 * Two cores over one store: one looks things up, the other works, so that the library opens while a payment waits for the network.
 * @type {Promise<{looking: WalletCore, working: WalletCore}>}
 */
const cores = started.then(() => ({ looking: new WalletCore(ports), working: new WalletCore(ports) }));

/**
 * What the worker answers itself, since bytes stay in JavaScript: WebCrypto decrypts many times faster than wasm.
 * @type {Record<string, (params: any, report: Report, signal: AbortSignal) => Promise<unknown>>}
 */
const own = {
  async library() {
    const deals = /** @type {any[]} */ (await call("library", {}, () => {}));
    for (const part of deals.flatMap((deal) => deal.parts)) part.downloaded = await isDownloaded(part.url);
    return deals;
  },
  async download({ deal, part }, report, signal) {
    await download(await call("part_access", { deal, part }, report), report, signal);
    return {};
  },
  async open_part({ deal, part }, report, signal) {
    const access = await call("part_access", { deal, part }, report);
    await download(access, report, signal);
    return { blob: await open(access, report, signal), name: access.name, media_type: access.media_type };
  },
  async fetch_text({ url }) {
    const { status, body } = await http({ method: "GET", url, headers: [], body: null });
    if (status !== 200) throw coded("not-found", `status ${status}`);
    return { text: new TextDecoder().decode(body) };
  },
  async remove_part({ deal, part }, report) {
    await remove((await call("part_access", { deal, part }, report)).ciphertext);
    return {};
  },
};

/**
 * One call into a core. What looks something up does so at once; what works is alone among all windows of this wallet, so that two of
 * them never spend the same coin.
 * @param {string} method @param {object} params @param {Report} report
 * @returns {Promise<any>}
 */
async function call(method, params, report) {
  const { looking, working } = await cores;
  if (WITH_WORDS.has(method)) await takeWords();
  if (LOOKING.has(method)) return lookUp(looking, method, params);
  const waiting = setTimeout(() => report({ step: "waiting" }), WAIT_SHOWN_MS);
  return navigator.locks.request(LOCK, async () => {
    clearTimeout(waiting);
    if (!WITHOUT_SESSION.has(method)) await needSession(working);
    const result = await working.call(method, params, report);
    if (method === "lock") await forgetKeys();
    const found = method === "check_refunds" && result.length > 0;
    if (CHANGING.has(method) || found) windows.postMessage({ type: method === "lock" ? "locked" : "changed" });
    return result;
  });
}

let hasWords = false;

/** Fetches the list of recovery words, once; the core sees to it that it is the right one. */
async function takeWords() {
  if (hasWords) return;
  const { status, body } = await http({ method: "GET", url: "/words.txt", headers: [], body: null });
  if (status !== 200) throw coded("network-failed", "the list of recovery words is not there");
  take_words(new TextDecoder().decode(body));
  hasWords = true;
}

/** @type {Promise<unknown>} */
let lastLookUp = Promise.resolve();

/** @param {WalletCore} core @param {string} method @param {object} params */
function lookUp(core, method, params) {
  const answer = lastLookUp.then(async () => {
    if (!WITHOUT_SESSION.has(method)) await needSession(core);
    return core.call(method, params, () => {});
  });
  lastLookUp = answer.catch(() => {});
  return answer;
}

/** Lets the idle time begin again, or says what has to come first. @param {WalletCore} core */
async function needSession(core) {
  if (await session.touch()) return;
  const { state } = await core.call("status", {}, () => {});
  if (state === "unlocked") await core.call("lock", {}, () => {});
  throw coded(state === "empty" ? "wallet-empty" : "wallet-locked", "the wallet has to be opened first");
}

/** Locks what this window still has in memory. */
async function forgetKeys() {
  const { looking, working } = await cores;
  await Promise.all([looking, working].map((core) => core.call("lock", {}, () => {})));
  await forgetOpened();
}

setInterval(async () => {
  if (await session.expired()) await call("lock", {}, () => {});
}, IDLE_CHECK_MS);

self.onmessage = async ({ data }) => {
  if ("cancel" in data) {
    running.get(data.cancel)?.abort();
    return;
  }
  const { id, method, params } = data;
  const aborter = new AbortController();
  running.set(id, aborter);
  const report = (/** @type {object} */ progress) => self.postMessage({ id, progress });
  try {
    const answer = Object.hasOwn(own, method) ? own[method]?.(params, report, aborter.signal) : call(method, params, report);
    self.postMessage({ id, result: await answer });
    // Change is exchanged behind the buyer's back, so that the next purchase need not wait for it; what fails is resumed later.
    if (PAYING.has(method)) call("refresh", {}, () => {}).catch(() => {});
  } catch (error) {
    self.postMessage({ id, error: asError(error) });
  } finally {
    running.delete(id);
  }
};

/** @param {unknown} error */
function asError(error) {
  if (isCoded(error) && typeof error.code === "string") return { code: error.code, message: error.message };
  if (error instanceof DOMException) {
    if (error.name === "AbortError") return { code: "cancelled", message: "cancelled" };
    if (error.name === "QuotaExceededError") return { code: "store-failed", message: error.message };
  }
  return { code: "internal", message: error instanceof Error ? error.message : String(error) };
}
