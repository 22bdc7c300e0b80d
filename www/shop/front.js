/** The front page: one lead, what to begin with, then everything else by kind, in the editors' order. */
import { h } from "/common/dom.js";
import { t } from "/common/i18n.js";
import { ownedGoods } from "./owned.js";
import { cover, facts, kicker, kindName, priceText, readJson, showPage, startShop } from "./shop.js";

/** @typedef {import("./shop.js").Card} Card */

const LEADS_BESIDE = 2;

const config = await startShop();
showPage(async () => frontPage((await readJson("/offers")).offers));

/** @param {Card[]} offers */
function frontPage(offers) {
  if (offers.length === 0) return h("semper-empty", { value: { icon: "book", title: t("front.none"), text: t("front.none.text") } });
  const owned = new Set(ownedGoods().map(({ good }) => good));
  const ordered = [...offers].sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  const free = ordered.filter((card) => card.total.minor === 0);
  const priced = ordered.filter((card) => card.total.minor > 0);
  const essays = priced.filter((card) => card.kind === "article");
  const [lead, ...rest] = essays.length > LEADS_BESIDE ? essays : priced;
  const beside = rest.slice(0, LEADS_BESIDE);
  const shown = new Set([lead, ...beside, ...free.slice(0, 1)]);
  const others = ordered.filter((card) => !shown.has(card));

  return h(
    "div",
    { class: "front" },
    lead
      ? h(
          "section",
          { class: "leads", "aria-label": t("front.leads") },
          story(lead, owned, { lead: true }),
          h("div", { class: "beside" }, ...beside.map((card) => story(card, owned))),
        )
      : null,
    free[0] ? beginBand(free[0], owned) : null,
    ...sections(others, owned),
    howBand(),
  );
}

/** @param {Card[]} cards @param {Set<string>} owned */
function sections(cards, owned) {
  const works = cards.filter((card) => card.kind !== "article");
  const essays = cards.filter((card) => card.kind === "article");
  return [
    works.length > 0 ? shelf(t("front.works"), works, owned, "works") : null,
    essays.length > 0 ? shelf(t("front.essays"), essays, owned, "essays") : null,
  ];
}

/** @param {string} title @param {Card[]} cards @param {Set<string>} owned @param {string} look */
function shelf(title, cards, owned, look) {
  return h(
    "section",
    { class: `shelf ${look}`, "aria-label": title },
    h("h2", { class: "shelf-title" }, title),
    h("div", { class: "grid" }, ...cards.map((card) => story(card, owned))),
  );
}

/** @param {Card} card @param {Set<string>} owned @param {{lead?: boolean}} [options] */
function story(card, owned, { lead = false } = {}) {
  return h(
    "article",
    { class: lead ? "story lead" : "story", lang: card.language },
    cover(card, { eager: lead }),
    h(
      "div",
      { class: "story-text" },
      kicker(card),
      h(lead ? "h2" : "h3", {}, h("a", { href: `/g/${encodeURIComponent(card.id)}` }, card.title)),
      h("p", { class: "summary" }, card.summary),
      h("p", { class: "story-foot" }, h("span", {}, facts(card)), h("span", { class: "price" }, owned.has(card.id) ? t("yours") : priceText(card.total))),
    ),
  );
}

/** @param {Card} card @param {Set<string>} owned */
function beginBand(card, owned) {
  return h(
    "section",
    { class: "band", "aria-label": t("front.begin") },
    cover(card),
    h(
      "div",
      {},
      h("p", { class: "kicker" }, t("front.begin")),
      h("h2", {}, h("a", { href: `/g/${encodeURIComponent(card.id)}` }, card.title)),
      h("p", { class: "summary" }, card.summary),
      h("p", { class: "price" }, owned.has(card.id) ? t("yours") : t("front.free", { kind: kindName(card.kind) })),
    ),
  );
}

function howBand() {
  const steps = ["one", "two", "three"].map((step) => h("li", {}, h("h3", {}, t(`how.${step}`)), h("p", {}, t(`how.${step}.text`))));
  return h(
    "section",
    { class: "how", "aria-label": t("how.title") },
    h("h2", { class: "shelf-title" }, t("how.title")),
    h("ol", {}, ...steps),
    h("p", {}, h("a", { class: "button", href: config.wallet }, t("wallet.open"))),
  );
}
