/** Why a payment did not come about. */
export class PayError extends Error {
  /** @param {import("./index.d.ts").PayErrorCode} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "PayError";
    this.code = code;
  }
}

/**
 * Holds a wallet's answer against its shape, since it crossed an origin.
 * @param {unknown} answer @returns {import("./index.d.ts").Paid}
 */
export function checkedResult(answer) {
  const { deal, state, receipt } = /** @type {any} */ (answer ?? {});
  const sound = typeof deal === "string" && typeof state === "string" && (receipt === null || typeof receipt === "string");
  if (!sound) throw new PayError("wallet-failed", "the wallet's answer is not one");
  return { deal, state, receipt };
}
