/** Paying through the browser's own payment sheet (Payment Request and Payment Handler), where there is one. */
import { PayError, checkedResult } from "./error.js";

/** Whether the browser can hand a payment to this wallet. @param {string} wallet origin */
export async function sheetAvailable(wallet) {
  if (!("PaymentRequest" in window)) return false;
  try {
    const probe = new PaymentRequest(method(wallet, ""), total({ currency: "EUR", minor: 0 }));
    return await probe.canMakePayment();
  } catch {
    return false;
  }
}

/** @param {string} wallet origin @param {string} offer @returns {Promise<import("./index.d.ts").Paid>} */
export async function payBySheet(wallet, offer) {
  const request = new PaymentRequest(method(wallet, offer), total(await offeredTotal(offer)));
  try {
    const response = await request.show();
    const cancelled = response.details.cancelled === true;
    await response.complete(cancelled ? "unknown" : "success");
    if (cancelled) throw new PayError("cancelled", "the buyer cancelled");
    return checkedResult(response.details);
  } catch (error) {
    if (error instanceof PayError) throw error;
    const aborted = error instanceof DOMException && error.name === "AbortError";
    throw aborted ? new PayError("cancelled", "the buyer cancelled") : new PayError("wallet-failed", String(error));
  }
}

/** @param {string} wallet @param {string} offer */
function method(wallet, offer) {
  return [{ supportedMethods: `${wallet}/pay`, data: { offer } }];
}

/** @param {{currency: string, minor: number}} amount */
function total({ currency, minor }) {
  const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const figures = String(minor).padStart(digits + 1, "0");
  const value = digits === 0 ? figures : `${figures.slice(0, -digits)}.${figures.slice(-digits)}`;
  return { total: { label: document.title, amount: { currency, value } } };
}

/**
 * What the browser's sheet says in passing. The wallet verifies the offer and shows its own figures; these are for the frame around it.
 * @param {string} offer
 */
async function offeredTotal(offer) {
  try {
    const answer = await fetch(offer);
    const payload = (await answer.text()).split(".")[1] ?? "";
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
    const amount = JSON.parse(new TextDecoder().decode(bytes)).total;
    if (answer.ok && typeof amount.currency === "string" && Number.isSafeInteger(amount.minor)) return amount;
  } catch {
    // Said below, as for an offer without a total.
  }
  throw new PayError("offer-invalid", "the offer could not be read");
}
