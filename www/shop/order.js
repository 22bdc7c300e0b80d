/** An order that is paid by transfer: what the phone's banking app is to scan, and whether the money has come. */
import { h, icon } from "/common/dom.js";
import { formatAmount, formatDate, t } from "/common/i18n.js";
import { qrPicture } from "/common/qr.js";
import { ownedGoods, rememberOwned } from "./owned.js";
import { readJson, showPage, startShop } from "./shop.js";

/**
 * @typedef {import("./shop.js").Amount} Amount
 * @typedef {{state: string, terms: string, delivered: boolean, amount: Amount, open: Amount, name: string, iban: string, reference: string,
 *   due_at: number, reminders: number, code?: string}} Invoice
 */

const LOOK_MS = 3000;

const config = await startShop();
document.title = `${t("order.title")} – Meridian`;
// In the part of the address that no server is told of otherwise.
const deal = location.hash.slice(1);
const path = `/deals/${encodeURIComponent(deal)}/invoice`;
const page = h("section", { class: "order" });
let shown = "";

showPage(async () => {
  show(/** @type {Invoice} */ (await readJson(path)));
  setInterval(look, LOOK_MS);
  return page;
});

async function look() {
  if (document.hidden) return;
  try {
    show(/** @type {Invoice} */ (await readJson(path)));
  } catch {
    // What was shown stays: the next look will tell.
  }
}

/** @param {Invoice} invoice */
function show(invoice) {
  const text = JSON.stringify(invoice);
  if (text === shown) return;
  shown = text;
  note(invoice);
  page.replaceChildren(...(invoice.open.minor > 0 ? toPay(invoice) : done(invoice)));
}

/** The list of purchases follows. @param {Invoice} invoice */
function note(invoice) {
  const owned = ownedGoods().find((one) => one.deal === deal);
  if (!owned) return;
  const state = invoice.delivered ? "delivered" : invoice.state === "cancelled" ? "refused" : "ordered";
  if (owned.state !== state && owned.state !== "acknowledged") rememberOwned({ ...owned, state });
}

/** @param {Invoice} invoice */
function toPay(invoice) {
  const picture = invoice.code ? qrPicture(invoice.code, { ecc: "M", label: t("order.qr") }) : null;
  const part = invoice.open.minor < invoice.amount.minor;
  return [
    h("h1", {}, t("order.pay", { amount: formatAmount(invoice.open) })),
    h("p", { class: "standfirst" }, t(invoice.delivered ? "order.text.later" : "order.text")),
    h(
      "div",
      { class: "order-sheet" },
      picture ? h("figure", {}, picture, h("figcaption", {}, t("order.qr.text"))) : null,
      h(
        "dl",
        { class: "order-facts" },
        h("dt", {}, t("order.amount")), h("dd", {}, part ? t("order.open", { open: formatAmount(invoice.open), amount: formatAmount(invoice.amount) }) : formatAmount(invoice.open)),
        h("dt", {}, t("order.name")), h("dd", {}, invoice.name),
        h("dt", {}, t("order.iban")), h("dd", {}, invoice.iban),
        h("dt", {}, t("order.reference")), h("dd", {}, invoice.reference),
        h("dt", {}, t("order.due")), h("dd", {}, formatDate(invoice.due_at)),
      ),
    ),
    h("p", { class: "order-state", role: "status" }, t(invoice.state === "overdue" ? "order.overdue" : part ? "order.part" : "order.waiting")),
    h("p", {}, h("a", { class: "button", href: `${config.wallet}/#/deal/${deal}` }, t("order.wallet"))),
  ];
}

/** @param {Invoice} invoice */
function done(invoice) {
  if (invoice.state === "cancelled") return [h("h1", {}, t("order.cancelled")), h("p", { class: "standfirst" }, t("order.cancelled.text"))];
  return [
    h("h1", {}, t("order.paid")),
    h("p", { class: "order-state", role: "status" }, icon("check"), t("order.paid.text")),
    h("p", {}, h("a", { class: "button primary", href: `${config.wallet}/#/deal/${deal}` }, t("yours.open"))),
  ];
}
