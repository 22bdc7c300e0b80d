/** What was bought here, as far as this browser remembers; the whole history, with its receipts, is in the wallet. */
import { h } from "/common/dom.js";
import { formatAmount, formatDate, t } from "/common/i18n.js";
import { ownedGoods } from "./owned.js";
import { priceText, showPage, startShop } from "./shop.js";

const config = await startShop();
document.title = `${t("nav.orders")} – Meridian`;

showPage(async () => {
  const owned = ownedGoods();
  const list =
    owned.length === 0
      ? h("semper-empty", {
          value: { icon: "book", title: t("orders.none"), text: t("orders.none.text"), action: h("a", { class: "button primary", href: "/" }, t("home")) },
        })
      : h("ul", { class: "plain-list orders-list" }, ...owned.map(row));
  return h(
    "section",
    { class: "orders" },
    h("h1", {}, t("nav.orders")),
    h("p", { class: "standfirst" }, t("orders.text")),
    list,
    owned.length > 0 ? h("p", {}, h("a", { class: "button primary", href: config.wallet }, t("orders.wallet"))) : null,
  );
});

/** What we gave back, once the answer is there. @param {import("./owned.js").Owned} owned @param {HTMLElement} line */
async function showRefunds(owned, line) {
  try {
    const answer = await fetch(`/deals/${encodeURIComponent(owned.deal)}`);
    const { refunds = [] } = answer.ok ? await answer.json() : {};
    const minor = refunds.map(refundedMinor).reduce((/** @type {number} */ sum, /** @type {number} */ one) => sum + one, 0);
    if (minor > 0) line.append(` · ${t("orders.refunded", { amount: formatAmount({ ...owned.total, minor }) })}`);
  } catch {
    // Without a network the list is shown as it is remembered.
  }
}

/** The amount in our own signed order. @param {{refund: string}} status @returns {number} */
function refundedMinor({ refund }) {
  const text = (refund.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)).amount.minor;
}

/** @param {import("./owned.js").Owned} owned */
function row(owned) {
  const line = h("p", {}, `${formatDate(owned.at)} · ${priceText(owned.total)}`);
  if (owned.total.minor > 0) showRefunds(owned, line);
  const open = owned.state === "ordered";
  return h(
    "li",
    {},
    owned.picture ? h("img", { src: owned.picture, alt: "", width: 96, height: 72, loading: "lazy" }) : null,
    h("div", { class: "grow" }, h("a", { class: "order-title", href: `/g/${encodeURIComponent(owned.good)}` }, owned.title), line),
    open ? h("a", { class: "button primary", href: `/order#${owned.deal}`, "aria-label": t("awaited.open.what", { title: owned.title }) }, t("awaited.open")) : null,
    open ? null : h("a", { class: "button", href: `${config.wallet}/#/deal/${owned.deal}`, "aria-label": t("orders.receipt.what", { title: owned.title }) }, t("orders.receipt")),
  );
}
