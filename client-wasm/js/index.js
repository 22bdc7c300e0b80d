/** @semper/pay: let a visitor pay for an offer with their own wallet. */
import { PayError } from "./error.js";
import { payBySheet, sheetAvailable } from "./sheet.js";
import { payByPopup } from "./popup.js";

export { PayError } from "./error.js";
export { SemperPay } from "./element.js";

/** @type {string | null} */
let walletOrigin = null;
let bySheet = false;

/** @type {{offer: string, outcome: Promise<import("./index.d.ts").Paid>} | null} */
let running = null;

/** @param {import("./index.d.ts").Options} options */
export function init({ wallet }) {
  walletOrigin = new URL(wallet).origin;
  // Known before the click, since a popup may only be opened in the click itself.
  sheetAvailable(walletOrigin).then((available) => {
    bySheet = available;
  });
}

/** @param {string} offerUrl @param {import("./index.d.ts").Listener} [listener] @returns {Promise<import("./index.d.ts").Paid>} */
export function pay(offerUrl, { ordered = () => {} } = {}) {
  const offer = new URL(offerUrl, document.baseURI).href;
  if (walletOrigin === null) return Promise.reject(new PayError("not-initialised", "call init({ wallet }) first"));
  if (running) {
    if (running.offer === offer) return running.outcome;
    return Promise.reject(new PayError("in-progress", "another purchase is still open"));
  }
  const outcome = (bySheet ? payBySheet(walletOrigin, offer) : payByPopup(walletOrigin, offer, ordered)).finally(() => {
    running = null;
  });
  running = { offer, outcome };
  return outcome;
}
