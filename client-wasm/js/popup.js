/** Paying in a window of the wallet's own. Messages are {semper: 1, type}; only the wallet's origin and this very window are heard. */
import { PayError, checkedResult } from "./error.js";

const WIDTH = 480;
const HEIGHT = 800;
const LOOK_MS = 400;
const GRACE_MS = 800;

/**
 * @param {string} wallet origin @param {string} offer @param {(deal: string) => void} ordered told while an invoice is to be paid
 * @returns {Promise<import("./index.d.ts").Paid>}
 */
export function payByPopup(wallet, offer, ordered) {
  const left = Math.max(0, Math.round(window.screenX + (window.outerWidth - WIDTH) / 2));
  const top = Math.max(0, Math.round(window.screenY + (window.outerHeight - HEIGHT) / 3));
  const features = `popup,width=${WIDTH},height=${HEIGHT},left=${left},top=${top}`;
  const popup = window.open(`${wallet}/confirm#offer=${encodeURIComponent(offer)}`, "semper-wallet", features);
  if (!popup) return Promise.reject(new PayError("popup-blocked", "the wallet's window was blocked"));
  return new Promise((resolve, reject) => {
    const look = setInterval(() => {
      if (!popup.closed) return;
      clearInterval(look);
      // The answer may still be on its way when the window is gone.
      setTimeout(() => settle(() => reject(new PayError("cancelled", "the wallet's window was closed"))), GRACE_MS);
    }, LOOK_MS);

    /** @param {() => void} act */
    function settle(act) {
      clearInterval(look);
      window.removeEventListener("message", listen);
      act();
    }

    /** @param {MessageEvent} event */
    function listen(event) {
      if (event.origin !== wallet || event.source !== popup || event.data?.semper !== 1) return;
      if (event.data.type === "ready") popup?.postMessage({ semper: 1, type: "offer", offer }, wallet);
      if (event.data.type === "ordered" && typeof event.data.deal === "string") ordered(event.data.deal);
      if (event.data.type === "cancelled") settle(() => reject(new PayError("cancelled", "the buyer cancelled")));
      if (event.data.type === "result") {
        settle(() => {
          try {
            resolve(checkedResult(event.data.result));
          } catch (error) {
            reject(error);
          }
        });
      }
    }

    window.addEventListener("message", listen);
  });
}
