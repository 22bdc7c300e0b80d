import { h } from "/common/dom.js";
import { describe, stepList } from "/common/elements.js";
import { formatAmount, formatMoment, formatName, formatRate, formatSize, t } from "/common/i18n.js";
import { codeOf } from "../client.js";
import { addCashView } from "./add-cash.js";
import { addCardView, approvalView } from "./cards.js";
import { awaitView, invoiceMethods } from "./invoice.js";
import { sharesInWords, splitChoice } from "./split.js";
import { isBrokenPromise, stopView } from "./stop.js";

/**
 * @typedef {import("../shell.js").Context} Context
 * @typedef {import("/common/i18n.js").Amount} Amount
 * @typedef {{deal: string, state: string, receipt: string | null}} Result
 * @typedef {{result: (result: Result) => void, cancel: () => void, ordered?: (deal: string) => void, host: string | null}} Asker
 */

/** What is in the way when more cash, or cash of the right mint, would help. */
const NEEDS_CASH = new Set(["funds-insufficient", "mint-untrusted"]);

/** What a shop does that hides something better. */
const DOWNGRADES = new Set(["hidden", "older"]);

const STEPS = ["ordering", "paying", "receipt", "delivered"];

/**
 * The trusted confirmation: everything on it comes from the offer that the core has verified, never from the page that asked.
 * @param {Context} context @param {{offer: string, asker: Asker, again?: boolean, invoice?: boolean}} request
 */
export async function confirmView(context, { offer: offerUrl, asker, again = false, invoice = false }) {
  let review;
  try {
    review = await context.wallet.call("review", { offer_url: offerUrl });
  } catch (error) {
    const code = codeOf(error);
    if (isBrokenPromise(code)) return stopView({ code, host: hostOf(offerUrl), leave: asker.cancel });
    if (code === "wallet-locked" || code === "wallet-empty") throw error;
    return notNow(context, { code, asker });
  }
  if (review.already && !again) return alreadyView(context, { review, offerUrl, asker });

  const { offer, merchant } = review;
  const free = offer.total.minor === 0;
  const invoices = invoiceMethods(review);
  const others = review.methods.filter((/** @type {any} */ method) => method.module !== "account");
  const byInvoice = invoices.length > 0 && (invoice || others.length === 0);
  const split = byInvoice ? null : splitChoice(review);
  const offered = byInvoice ? invoices : split ? [...others, split.method] : others;
  const methods = h("semper-methods", { value: offered });
  const chosen = offered.find((/** @type {any} */ method) => method.usable);
  if (!free && !chosen && review.methods.some((/** @type {any} */ method) => DOWNGRADES.has(method.cause))) {
    return stopView({ code: "downgrade-refused", host: merchant.domain, leave: asker.cancel });
  }
  const amount = formatAmount(offer.total);
  const verb = free ? t("confirm.take") : t("confirm.pay", { amount });

  const fee = h("p", { class: "fee small", role: "status" });
  const showFee = () => {
    const module = /** @type {any} */ (methods).chosen ?? chosen?.module;
    const taken = review.methods.find((/** @type {any} */ method) => method.module === module)?.fee;
    const total = taken && { currency: offer.total.currency, minor: offer.total.minor + taken.minor };
    fee.hidden = !taken;
    fee.textContent = taken ? t("confirm.fee", { fee: formatAmount(taken), total: formatAmount(total) }) : "";
  };
  methods.addEventListener("change", showFee);
  showFee();

  const pay = h("button", { class: "button primary large", type: "button" }, verb);
  pay.addEventListener("click", () => {
    const module = /** @type {any} */ (methods).chosen;
    if (!module) return;
    const shares = module === "split" ? split?.read() : undefined;
    if (shares === null) return;
    pay.disabled = true;
    payAndAnswer(context, { review, module, shares, asker, confirmed: tick.checked });
  });

  // What the policy wants confirmed is confirmed by a tick of its own, for the way to pay that is chosen.
  const tick = h("input", { type: "checkbox" });
  const words = h("span", {});
  const policy = h("label", { class: "check" }, tick, words);
  const follow = () => {
    const module = /** @type {any} */ (methods).chosen ?? chosen?.module;
    const concerns = (/** @type {any} */ method) => method.module === module || (module === "split" && review.split.some((/** @type {any} */ one) => one.module === method.module));
    const why = review.methods.find((/** @type {any} */ method) => concerns(method) && method.confirm !== undefined)?.confirm;
    if (split) split.element.hidden = module !== "split";
    policy.hidden = why === undefined;
    words.textContent = why ? t("confirm.policy.why", { why }) : t("confirm.policy");
    pay.disabled = !policy.hidden && !tick.checked;
  };
  tick.addEventListener("change", follow);
  methods.addEventListener("change", follow);

  const short = review.methods.find((/** @type {any} */ method) => NEEDS_CASH.has(method.why));
  const addCash = h("button", { class: "button primary large", type: "button" }, t("cash.add"));
  addCash.addEventListener("click", () => {
    const back = () => context.show((same) => confirmView(same, { offer: offerUrl, asker, again }));
    context.show((same) => addCashView(same, { onDone: back, onCancel: back, wanted: missing(offer.total, short?.balance) }));
  });

  const gateway = cardGateway(review);
  const useCard = h("button", { class: "button wide", type: "button" }, t("card.use"));
  useCard.addEventListener("click", () => {
    const back = () => context.show((same) => confirmView(same, { offer: offerUrl, asker, again }));
    context.show((same) => addCardView(same, { gateway: gateway ?? "", onDone: back, onCancel: back }));
  });

  const useInvoice = h("button", { class: "button wide", type: "button" }, t("invoice.use"));
  useInvoice.addEventListener("click", () => {
    context.show((same) => confirmView(same, { offer: offerUrl, asker, again, invoice: true }));
  });

  const content = h(
    "section",
    { class: "confirm stack" },
    h("h1", { class: "label" }, t(free ? "confirm.title.free" : "confirm.title")),
    h("div", { class: "card" }, h("semper-party", { value: { name: merchant.name, domain: merchant.domain, known: merchant.known, keyChanged: merchant.key_changed } }), askedFrom(asker, merchant)),
    h("div", { class: "what" }, h("p", { class: "item" }, offer.title), h("p", { class: "total" }, free ? t("free") : h("semper-amount", { value: offer.total })), h("p", { class: "muted small" }, free ? "" : t("confirm.vat", { vat: formatAmount(offer.vat) }))),
    methods,
    split?.element ?? null,
    policy,
    fee,
    h("p", { class: "next" }, t(free ? "confirm.next.free" : "confirm.next"), offer.refund_days ? ` ${t("confirm.refund", { count: offer.refund_days })}` : ""),
    h("div", { class: "stack-tight actions" }, chosen ? pay : short ? addCash : h("p", { class: "problem", role: "alert" }, t("confirm.nomethod")), !byInvoice && gateway ? useCard : null, !byInvoice && invoices.length > 0 ? useInvoice : null, h("button", { class: "button wide", type: "button", onclick: asker.cancel }, t("cancel"))),
    details(review),
  );
  follow();
  return { title: t("confirm.title"), content };
}

/** The offer could not be shown: try again, or leave. @param {Context} context @param {{code: string, asker: Asker}} failed */
function notNow(context, { code, asker }) {
  const again = h("button", { class: "button primary wide", type: "button", onclick: () => context.again() }, t("error.retry"));
  const leave = h("button", { class: "button wide", type: "button", onclick: asker.cancel }, t("cancel"));
  const action = h("div", { class: "stack-tight actions" }, again, leave);
  return { title: describe(code).title, content: h("semper-error", { value: { code, page: true, action } }) };
}

/** @param {string} url */
function hostOf(url) {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** What is missing to the total; a little more than nothing when the balance is unknown. @param {Amount} total @param {Amount} [balance] */
function missing(total, balance) {
  return { currency: total.currency, minor: Math.max(1, total.minor - (balance?.minor ?? 0)) };
}

/** The gateway through which the shop takes cards, where the wallet has no card for it. @param {any} review @returns {string | null} */
function cardGateway(review) {
  const missing = review.methods.some((/** @type {any} */ method) => method.module === "card" && !method.usable);
  const accepts = review.offer.accepts.find((/** @type {any} */ acceptance) => acceptance.module === "card");
  return missing ? (accepts?.parameters.gateway.url ?? null) : null;
}

/** Says so when another site than the merchant's asked. @param {Asker} asker @param {{domain: string}} merchant */
function askedFrom(asker, merchant) {
  if (asker.host === null || asker.host === merchant.domain) return null;
  return h("p", { class: "asked small" }, t("confirm.asked", { host: asker.host }));
}

/** @param {any} review */
function details(review) {
  const { offer, merchant } = review;
  const items = offer.items.map((/** @type {any} */ item) =>
    h("li", { class: "spread" }, h("span", {}, item.quantity > 1 ? `${item.quantity} × ${item.title}` : item.title), h("span", { class: "tabular" }, `${formatAmount(item.price)} · ${t("vat.rate", { rate: formatRate(item.vat_rate_bp) })}`)),
  );
  const parts = offer.delivery.parts.map((/** @type {any} */ part) =>
    h("li", { class: "spread" }, h("span", {}, part.title), h("span", { class: "muted" }, `${formatName(part.media_type)} · ${formatSize(part.size)}`)),
  );
  return h(
    "details",
    { class: "fold" },
    h("summary", {}, t("confirm.details")),
    h(
      "div",
      { class: "stack small" },
      h("h2", { class: "label" }, t("confirm.items")),
      h("ul", { class: "plain-list stack-tight" }, ...items),
      h("h2", { class: "label" }, t("confirm.delivery")),
      h("ul", { class: "plain-list stack-tight" }, ...parts),
      h("h2", { class: "label" }, t("confirm.terms")),
      h("p", { class: "terms" }, offer.terms.text),
      h(
        "dl",
        { class: "facts" },
        h("dt", {}, t("confirm.expires")), h("dd", {}, formatMoment(review.expires_at)),
        h("dt", {}, t("confirm.key")), h("dd", { class: "mono" }, merchant.thumbprint),
        h("dt", {}, t("confirm.digest")), h("dd", { class: "mono" }, review.offer_digest),
      ),
    ),
  );
}

/** @param {Context} context @param {{review: any, offerUrl: string, asker: Asker}} request */
function alreadyView(context, { review, offerUrl, asker }) {
  const use = h("button", { class: "button primary large", type: "button" }, t("already.use"));
  use.addEventListener("click", async () => {
    asker.result(await resultOf(context, review.already.deal));
  }, { once: true });
  const again = () => context.show((same) => confirmView(same, { offer: offerUrl, asker, again: true }));
  const content = h(
    "section",
    { class: "confirm stack" },
    h("h1", {}, t("already.title")),
    h("p", {}, t("already.text", { title: review.offer.title, merchant: review.merchant.name })),
    h("div", { class: "stack-tight actions" }, use, h("button", { class: "button wide", type: "button", onclick: again }, t("already.again")), h("button", { class: "button quiet wide", type: "button", onclick: asker.cancel }, t("cancel"))),
  );
  return { title: t("already.title"), content };
}

/** @param {Context} context @param {{review: any, module: string, shares?: import("./split.js").Share[], asker: Asker, confirmed?: boolean}} request */
async function payAndAnswer(context, { review, module, shares, asker, confirmed = false }) {
  const { offer, merchant, offer_digest } = review;
  const steps = stepList(STEPS.map((key) => ({ key, label: t(`pay.step.${key}`) })));
  const running = h(
    "section",
    { class: "confirm stack" },
    h("h1", {}, offer.total.minor === 0 ? t("pay.running.free") : t("pay.running", { amount: formatAmount(offer.total) })),
    h("p", { class: "muted" }, `${offer.title} · ${merchant.name}`),
    shares ? h("p", { class: "muted" }, sharesInWords(shares)) : null,
    steps.list,
    h("p", { class: "muted small" }, t("pay.leave")),
  );
  await context.show(() => ({ title: t("confirm.title"), content: running }));
  try {
    const { deal } = await context.wallet.call("pay", { ...payment(offer_digest, module), ...(shares && { split: shares }), confirmed }, { onProgress: ({ step }) => step && steps.reach(step) });
    steps.finish();
    asker.result(await resultOf(context, deal));
  } catch (error) {
    showFailure(context, { code: codeOf(error), review, module, shares, asker });
  }
}

/** What the core is told of the way to pay: an invoice's terms stand in its name. @param {string} offer_digest @param {string} method */
function payment(offer_digest, method) {
  const terms = /^account-(.*)$/.exec(method)?.[1];
  return terms ? { offer_digest, module: "account", terms } : { offer_digest, module: method };
}

/** The order is made; the goods come when the money has. @param {Context} context @param {{review: any, module: string, asker: Asker}} order */
async function showInvoice(context, { review, module, asker }) {
  const deals = await context.wallet.call("deals");
  const waits = deals.find((/** @type {any} */ one) => one.state === "ordered" && one.invoice && one.title === review.offer.title);
  if (!waits) return showFailure(context, { code: "outcome-unknown", review, module, asker });
  asker.ordered?.(waits.deal);
  const ask = async () => (await context.wallet.call("pay", payment(review.offer_digest, module))).deal;
  const onPaid = async (/** @type {string} */ deal) => asker.result(await resultOf(context, deal));
  return context.show((same) => awaitView(same, { deal: waits.deal, title: waits.title, ask, onPaid, onLater: asker.cancel }));
}

/** A payment that was cut off is asked for again in the same words: it is finished, never made twice. @param {Context} context @param {{code: string, review: any, module: string, shares?: import("./split.js").Share[], asker: Asker}} failed */
function showFailure(context, { code, review, module, shares, asker }) {
  if (code === "step-up-required") {
    const goOn = () => payAndAnswer(context, { review, module, shares, asker });
    context.show((same) => approvalView(same, { onApproved: goOn, onRefused: goOn }));
    return;
  }
  if (code === "payment-awaited") {
    showInvoice(context, { review, module, asker });
    return;
  }
  if (isBrokenPromise(code)) {
    context.show(() => stopView({ code, host: review.merchant.domain, leave: asker.cancel, after: true }));
    return;
  }
  const again = h("button", { class: "button primary wide", type: "button", onclick: () => payAndAnswer(context, { review, module, shares, asker }) }, t("error.retry"));
  const later = h("button", { class: "button wide", type: "button", onclick: asker.cancel }, t("pay.later"));
  const failure = h("semper-error", { value: { code, page: true, action: h("div", { class: "stack-tight actions" }, again, later) } });
  context.show(() => ({ title: describe(code).title, content: failure }));
}

/** What the shop is told: the deal, its state, and the merchant's own receipt. @param {Context} context @param {string} id @returns {Promise<Result>} */
async function resultOf(context, id) {
  const deal = await context.wallet.call("deal", { deal: id });
  const receipt = deal.statements.find((/** @type {any} */ statement) => statement.typ === "semper-receipt+jwt");
  return { deal: id, state: deal.state, receipt: receipt?.jws ?? null };
}
