/** One good: cover, text, what one gets, the price, and the button that hands it to the wallet. */
import { h, icon } from "/common/dom.js";
import { formatAmount, formatName, formatSize, t } from "/common/i18n.js";
import { ownedGood, rememberOwned } from "./owned.js";
import { cover, facts, kicker, priceText, readJson, showPage, startShop } from "./shop.js";

/** @typedef {import("./shop.js").Good} Good */

const config = await startShop();
showPage(async () => {
  const good = /** @type {Good} */ (await readJson(`/goods/${encodeURIComponent(goodId())}`));
  document.title = `${good.title} – Meridian`;
  return goodPage(good);
});

/** From `/g/{id}` or `/good.html?id=…`. */
function goodId() {
  const match = /^\/g\/([^/]+)$/.exec(location.pathname);
  return match ? decodeURIComponent(match[1] ?? "") : (new URLSearchParams(location.search).get("id") ?? "");
}

/** @param {Good} good */
function goodPage(good) {
  return h(
    "article",
    { class: "good" },
    h(
      "header",
      { class: "good-head", lang: good.language },
      kicker(good),
      h("h1", {}, good.title),
      h("p", { class: "standfirst" }, good.summary),
      h("p", { class: "story-foot" }, facts(good)),
    ),
    h("div", { class: "good-cover" }, cover(good, { eager: true })),
    buyPanel(good),
    h(
      "div",
      { class: "good-text" },
      trusted(good.description_html, { class: "prose", lang: good.language }),
      good.preview_html ? preview(good) : null,
    ),
  );
}

/** @param {Good} good */
function buyPanel(good) {
  const panel = h("aside", { class: "buy", "aria-label": t("buy.title") });
  const owned = ownedGood(good.id);
  panel.replaceChildren(...(owned?.state === "ordered" ? awaited(owned.deal) : []), ...(owned && owned.state !== "ordered" ? yours(owned.deal) : toBuy(good, panel)), partsList(good));
  return panel;
}

/** @param {Good} good @param {HTMLElement} panel */
function toBuy(good, panel) {
  const free = good.total.minor === 0;
  const button = h("semper-pay", { offer: good.offer_url, label: free ? t("buy.free") : t("buy.for", { amount: formatAmount(good.total) }) });
  /** @param {string} deal @param {string} state */
  const remember = (deal, state) => rememberOwned({ good: good.id, title: good.title, deal, state, at: Math.floor(Date.now() / 1000), total: good.total, picture: good.picture });
  button.addEventListener("semper-ordered", (event) => {
    const { deal } = /** @type {CustomEvent<{deal: string}>} */ (event).detail;
    remember(deal, "ordered");
    panel.querySelector(".awaited")?.remove();
    panel.prepend(...awaited(deal));
  });
  button.addEventListener("semper-paid", (event) => {
    const { deal, state } = /** @type {CustomEvent<import("/semper-pay/index.js").Paid>} */ (event).detail;
    remember(deal, state);
    panel.replaceChildren(...yours(deal), partsList(good));
    /** @type {HTMLElement | null} */ (panel.querySelector(".yours"))?.focus();
  });
  return [
    h("p", { class: "buy-price" }, priceText(good.total)),
    free ? h("p", { class: "buy-vat" }, t("buy.free.text")) : h("p", { class: "buy-vat" }, t("buy.vat", { vat: formatAmount(good.vat) })),
    button,
    h("p", { class: "buy-note" }, icon("shield"), h("span", {}, t(free ? "buy.note.free" : "buy.note"))),
  ];
}

/** Ordered on invoice, and not paid yet. @param {string} deal */
function awaited(deal) {
  return [
    h("div", { class: "awaited", role: "status" }, h("p", { class: "buy-vat" }, t("awaited.text")), h("a", { class: "button primary wide", href: `/order#${deal}` }, t("awaited.open"))),
  ];
}

/** @param {string} deal */
function yours(deal) {
  return [
    h("p", { class: "yours", tabindex: "-1", role: "status" }, icon("check"), t("yours.title")),
    h("p", { class: "buy-vat" }, t("yours.text")),
    h("a", { class: "button primary wide", href: `${config.wallet}/#/library` }, t("yours.open")),
    h("a", { class: "button quiet wide", href: `${config.wallet}/#/deal/${deal}` }, t("yours.receipt")),
  ];
}

/** @param {Good} good */
function partsList(good) {
  const rows = good.parts.map((part) =>
    h("li", {}, h("span", { lang: good.language }, part.title), h("span", { class: "part-facts" }, `${formatName(part.media_type)}, ${formatSize(part.size)}`)),
  );
  return h("section", { class: "gets", "aria-label": t("gets") }, h("h2", {}, t("gets")), h("ul", { class: "plain-list" }, ...rows));
}

/** @param {Good} good */
function preview(good) {
  return h(
    "section",
    { class: "preview", "aria-label": t("preview") },
    h("h2", { class: "shelf-title" }, t("preview")),
    trusted(good.preview_html ?? "", { class: "prose", lang: good.language }),
    h("p", { class: "preview-end" }, t("preview.end")),
  );
}

/** HTML that this shop's own server made from its own catalogue. @param {string} html @param {{class: string, lang: string}} props */
function trusted(html, props) {
  const element = h("div", props);
  element.innerHTML = html;
  return element;
}
