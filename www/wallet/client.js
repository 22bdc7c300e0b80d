/** The page's end of the wallet Worker. */

/** @typedef {{step?: string, done?: number, total?: number, [key: string]: unknown}} CallProgress */

/** What the worker reports when a call fails; `code` is one of the published error codes. */
export class WalletError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "WalletError";
    this.code = code;
  }
}

/** The stable code of anything that was thrown. @param {unknown} error @returns {string} */
export function codeOf(error) {
  return error instanceof WalletError ? error.code : "internal";
}

const scripts = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("semper-wallet", {
  /** @param {string} url */
  createScriptURL(url) {
    if (url === "/worker.js" || url === "/sw.js") return url;
    throw new TypeError("not a script of this wallet");
  },
});

/** The address of one of the wallet's own scripts, in the form that Trusted Types ask for. @param {string} url */
export function ownScript(url) {
  return scripts ? scripts.createScriptURL(url) : url;
}

/** Fires `locked` and `changed` when this or another window locked or changed the wallet. */
export class WalletClient extends EventTarget {
  #worker = new Worker(ownScript("/worker.js"), { type: "module" });
  #next = 1;
  /** @type {Map<number, {resolve: (result: any) => void, reject: (error: Error) => void, onProgress?: (progress: CallProgress) => void}>} */
  #calls = new Map();

  constructor() {
    super();
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = () => this.#fail();
    new BroadcastChannel("semper-wallet").onmessage = ({ data }) => this.dispatchEvent(new Event(data.type));
  }

  /**
   * @param {string} method
   * @param {object} [params]
   * @param {{onProgress?: (progress: CallProgress) => void, signal?: AbortSignal}} [options]
   * @returns {Promise<any>}
   */
  call(method, params = {}, { onProgress, signal } = {}) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject, onProgress });
      this.#worker.postMessage({ id, method, params });
      signal?.addEventListener("abort", () => this.#worker.postMessage({ cancel: id }), { once: true });
    });
  }

  /** @param {{id: number, result?: unknown, error?: {code: string, message: string}, progress?: CallProgress}} message */
  #receive({ id, result, error, progress }) {
    const call = this.#calls.get(id);
    if (!call) return;
    if (progress) {
      call.onProgress?.(progress);
      return;
    }
    this.#calls.delete(id);
    if (error) call.reject(new WalletError(error.code, error.message));
    else call.resolve(result);
  }

  #fail() {
    for (const call of this.#calls.values()) call.reject(new WalletError("internal", "the wallet could not start"));
    this.#calls.clear();
  }
}
