/**
 * Who asked for the confirmation, and how the answer gets back: the page that opened this popup (postMessage), the browser's payment
 * sheet (through the service worker), or nobody, when the address was opened by hand.
 *
 * Messages are {semper: 1, type, …}: "ready" from here, "offer" {offer} from the shop, "ordered" {deal} while an invoice
 * is to be paid, "result" {result} or "cancelled" from here. The
 * answer goes to the one origin that sent the offer and to no other.
 */

const CLOSE_AFTER_MS = 1200;
const OPENER_WAIT_MS = 3000;

/** @typedef {{offer: string, asker: import("./views/confirm.js").Asker}} Request */

/** @param {{onDone: (deal: string) => void, onCancelled: () => void}} standalone what to do where nobody waits @returns {Promise<Request>} */
export async function waitForRequest(standalone) {
  const handler = new URLSearchParams(location.search).get("handler");
  if (handler) return fromPaymentSheet(handler);
  const offer = new URLSearchParams(location.hash.slice(1)).get("offer") ?? "";
  if (window.opener) {
    const asked = await fromOpener(window.opener);
    if (asked) return asked;
  }
  return {
    offer,
    asker: { host: null, result: ({ deal }) => standalone.onDone(deal), cancel: standalone.onCancelled },
  };
}

/** @param {Window} opener @returns {Promise<Request | null>} `null` when the opener says nothing */
function fromOpener(opener) {
  return new Promise((resolve) => {
    const patience = setTimeout(() => resolve(null), OPENER_WAIT_MS);
    window.addEventListener("message", function listen(event) {
      const { semper, type, offer } = event.data ?? {};
      if (event.source !== opener || semper !== 1 || type !== "offer" || typeof offer !== "string") return;
      window.removeEventListener("message", listen);
      clearTimeout(patience);
      resolve({ offer, asker: openerAsker(opener, event.origin) });
    });
    // Whoever opened this may know that it is open; nothing else is in this message.
    opener.postMessage({ semper: 1, type: "ready" }, "*");
  });
}

/** @param {Window} opener @param {string} origin @returns {import("./views/confirm.js").Asker} */
function openerAsker(opener, origin) {
  let answered = false;
  /** @param {object} message */
  const answer = (message) => {
    if (answered) return;
    answered = true;
    opener.postMessage({ semper: 1, ...message }, origin);
  };
  window.addEventListener("pagehide", () => answer({ type: "cancelled" }));
  return {
    host: new URL(origin).host,
    ordered: (deal) => opener.postMessage({ semper: 1, type: "ordered", deal }, origin),
    result(result) {
      answer({ type: "result", result });
      setTimeout(() => window.close(), CLOSE_AFTER_MS);
    },
    cancel() {
      answer({ type: "cancelled" });
      window.close();
    },
  };
}

/** @param {string} id of the payment request that the service worker holds @returns {Promise<Request>} */
async function fromPaymentSheet(id) {
  const { active } = await navigator.serviceWorker.ready;
  /** @param {object} message @returns {Promise<any>} */
  const ask = (message) =>
    new Promise((resolve) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = ({ data }) => resolve(data);
      active?.postMessage({ id, ...message }, [channel.port2]);
    });
  const { offer, origin } = await ask({ type: "payment-ready" });
  return {
    offer,
    asker: {
      host: new URL(origin).host,
      result: (result) => ask({ type: "payment-result", result }),
      cancel: () => ask({ type: "payment-cancelled" }),
    },
  };
}
