import { h, icon } from "/common/dom.js";
import { codeLine } from "/common/elements.js";
import { hasText, t } from "/common/i18n.js";

/** Codes that say that what was shown is not what its signer promised. Whoever sees one of them must not pay. */
const BROKEN_PROMISES = new Set([
  "signature-invalid", "offer-invalid", "merchant-mismatch", "price-mismatch", "statement-malformed", "statement-too-large",
  "statement-type-mismatch", "algorithm-unsupported", "key-invalid", "mint-mismatch", "coin-invalid", "receipt-invalid",
  "delivery-invalid", "content-invalid", "sealed-invalid",
]);

/** @param {string} code */
export function isBrokenPromise(code) {
  return BROKEN_PROMISES.has(code);
}

/**
 * The red page: says which promise was broken, and offers nothing but the way out.
 * @param {{code: string, host: string, leave: () => void, after?: boolean}} stop `after` when money may have moved already
 */
export function stopView({ code, host, leave, after = false }) {
  const promise = hasText(`stop.${code}`) ? t(`stop.${code}`) : t("stop.other");
  const content = h(
    "section",
    { class: "stop", role: "alert", "aria-labelledby": "stop-title" },
    icon("stop"),
    h("h1", { id: "stop-title" }, t("stop.title")),
    h("p", { class: "lead" }, promise),
    h("p", {}, t(after ? "stop.after" : "stop.before", { host })),
    h("button", { class: "button wide", type: "button", onclick: leave }, t("stop.leave")),
    codeLine(code),
  );
  return { title: t("stop.title"), content };
}
