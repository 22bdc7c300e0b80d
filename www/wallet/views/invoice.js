import { h, icon } from "/common/dom.js";
import { formatAmount, formatDate, t } from "/common/i18n.js";
import { failureOf } from "./people.js";
import { qrPicture } from "/common/qr.js";

/**
 * @typedef {import("../shell.js").Context} Context
 * @typedef {import("/common/i18n.js").Amount} Amount
 * @typedef {{state: string, terms: "prepaid" | "pay-later", amount: Amount, open: Amount, name: string, iban: string, reference: string,
 *   due_at: number, reminders: number, code?: string, bank?: string}} Invoice
 */

const LOOK_MS = 3000;

/** The invoice's ways to pay, one for each of the terms that the shop gives for this total. @param {any} review */
export function invoiceMethods(review) {
  const method = review.methods.find((/** @type {any} */ one) => one.module === "account" && one.usable);
  const accepted = review.offer.accepts.find((/** @type {any} */ one) => one.module === "account");
  if (!method || !accepted) return [];
  const { terms, pay_later_limit_minor: limit } = accepted.parameters;
  const given = terms.filter((/** @type {string} */ one) => one === "prepaid" || limit === undefined || review.offer.total.minor <= limit);
  return given.map((/** @type {string} */ one) => ({ ...method, module: `account-${one}`, balance: undefined }));
}

/** What is to be transferred, where to, and with which reference: to be scanned or typed at one's own bank. @param {Invoice} invoice */
export function invoiceFacts(invoice) {
  const whole = invoice.open.minor === 0 || invoice.open.minor === invoice.amount.minor;
  const left = whole ? formatAmount(invoice.amount) : t("invoice.open", { open: formatAmount(invoice.open), amount: formatAmount(invoice.amount) });
  return h(
    "dl",
    { class: "facts invoice-facts" },
    h("dt", {}, t("invoice.amount")), h("dd", { class: "tabular" }, left),
    h("dt", {}, t("invoice.name")), h("dd", {}, invoice.name),
    h("dt", {}, t("invoice.iban")), h("dd", { class: "mono" }, invoice.iban),
    h("dt", {}, t("invoice.reference")), h("dd", { class: "mono" }, invoice.reference),
    h("dt", {}, t("invoice.due")), h("dd", {}, formatDate(invoice.due_at)),
  );
}

/** The code that a bank's app reads. @param {Invoice} invoice */
function codeOf(invoice) {
  const picture = invoice.code ? qrPicture(invoice.code, { ecc: "M", label: t("invoice.qr") }) : null;
  return picture ? h("figure", { class: "stack-tight" }, picture, h("figcaption", { class: "muted small" }, t("invoice.qr.text"))) : null;
}

/**
 * What is to be done about an open invoice.
 * @param {Context} context @param {{deal: string, invoice: Invoice, onPaid: () => void}} options
 */
export function invoiceToPay(context, { deal, invoice, onPaid }) {
  const said = h("div", { "aria-live": "polite" });
  const pay = h("button", { class: "button primary wide", type: "button" }, t("invoice.pay.test", { amount: formatAmount(invoice.open) }));
  pay.addEventListener("click", async () => {
    pay.disabled = true;
    said.replaceChildren(h("semper-progress", { value: { label: t("invoice.pay.busy") } }));
    try {
      await context.wallet.call("pay_invoice", { deal });
      onPaid();
    } catch (error) {
      pay.disabled = false;
      said.replaceChildren(failureOf(error));
    }
  });
  const test = invoice.bank ? h("div", { class: "stack-tight" }, pay, h("p", { class: "muted small" }, t("invoice.pay.test.text"))) : null;
  return h("div", { class: "stack-tight invoice" }, h("div", { class: "invoice-sheet" }, codeOf(invoice), invoiceFacts(invoice)), test, said);
}

/** How an invoice stands, in a word. @param {Invoice} invoice */
export function invoiceState(invoice) {
  return invoice.reminders > 0 && invoice.open.minor > 0 ? t("invoice.reminded", { count: invoice.reminders }) : t(`invoice.state.${invoice.state}`);
}

/** A deal's invoice among what else there is of the deal. @param {Context} context @param {{deal: string, invoice: Invoice}} options */
export function invoiceCard(context, { deal, invoice }) {
  const open = invoice.open.minor > 0;
  return h(
    "section",
    { class: "card", "aria-labelledby": "invoice-title" },
    h("h2", { id: "invoice-title" }, t("invoice.title")),
    h("p", { role: "status" }, open && invoice.state === "overdue" ? icon("alert") : null, invoiceState(invoice)),
    open ? invoiceToPay(context, { deal, invoice, onPaid: () => context.again() }) : invoiceFacts(invoice),
  );
}

/**
 * The order is made and waits for the money.
 * @param {Context} context @param {{deal: string, title: string, ask: () => Promise<string>, onPaid: (deal: string) => void, onLater: () => void}} options
 */
export async function awaitView(context, { deal, title, ask, onPaid, onLater }) {
  const invoice = await context.wallet.call("invoice", { deal });
  const content = h(
    "section",
    { class: "confirm stack" },
    h("h1", {}, t("invoice.await.title", { amount: formatAmount(invoice.open) })),
    h("p", {}, t("invoice.await.text", { title })),
    invoiceToPay(context, { deal, invoice, onPaid: () => onPaid(deal) }),
    h("button", { class: "button wide", type: "button", onclick: onLater }, t("invoice.await.later")),
  );
  let busy = false;
  const timer = setInterval(async () => {
    if (busy || document.hidden) return;
    busy = true;
    try {
      onPaid(await ask());
      clearInterval(timer);
    } catch {
      // The money has not come yet, or the network is away: the next look will tell.
    }
    busy = false;
  }, LOOK_MS);
  return { title: t("invoice.title"), content, leave: () => clearInterval(timer) };
}
