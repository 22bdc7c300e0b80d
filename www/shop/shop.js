/** What every page of the shop begins with: text, the wallet, and the shop's own answers. */
import { h } from "/common/dom.js";
import { formatAmount, languageName, currentLanguage, hasText, loadText, t, translate } from "/common/i18n.js";
import "/common/elements.js";
import { init } from "/semper-pay/index.js";

/**
 * @typedef {import("/common/i18n.js").Amount} Amount
 * @typedef {{id: string, title: string, summary: string, kind: string, language: string, byline?: string, minutes?: number, total: Amount, picture?: string, picture_alt?: string, url: string, order?: number}} Card
 * @typedef {{name: string, title: string, media_type: string, size: number}} Part
 * @typedef {Card & {description_html: string, preview_html?: string, parts: Part[], offer_url: string, vat: Amount}} Good
 */

/** @returns {Promise<{wallet: string, name: string}>} */
export async function startShop() {
  await loadText("/common/text", "/text");
  translate(document);
  const config = await readJson("/config.json");
  init({ wallet: config.wallet });
  document.getElementById("colophon")?.replaceChildren(...colophon(config.wallet));
  return config;
}

/** An answer of this shop; throws an error with a stable `code`. @param {string} path @returns {Promise<any>} */
export async function readJson(path) {
  let answer;
  try {
    answer = await fetch(path, { headers: { accept: "application/json" } });
  } catch {
    throw Object.assign(new Error("no connection"), { code: "network-failed" });
  }
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(answer.statusText), { code: problem.code ?? (answer.status === 404 ? "not-found" : "internal") });
}

/**
 * Fills the page; when that fails, says what to do and offers to try again.
 * @param {() => Promise<Node>} make
 */
export async function showPage(make) {
  const main = /** @type {HTMLElement} */ (document.getElementById("main"));
  const busy = setTimeout(() => main.replaceChildren(h("div", { class: "waiting" }, h("semper-progress", { value: { label: t("busy") } }))), 150);
  try {
    const page = await make();
    clearTimeout(busy);
    main.replaceChildren(page);
  } catch (error) {
    clearTimeout(busy);
    const code = /** @type {any} */ (error).code ?? "internal";
    main.replaceChildren(h("semper-error", { value: { code, page: true, retry: () => showPage(make), action: h("a", { class: "button", href: "/" }, t("home")) } }));
  }
}

/** "Essay", "Course" … @param {string} kind */
export function kindName(kind) {
  return hasText(`kind.${kind}`) ? t(`kind.${kind}`) : kind;
}

/** The line above a title: kind, and language where it is not the reader's. @param {Card} card */
export function kicker(card) {
  const language = card.language === currentLanguage() ? "" : ` · ${languageName(card.language)}`;
  return h("p", { class: "kicker" }, kindName(card.kind) + language);
}

/** @param {Amount} total */
export function priceText(total) {
  return total.minor === 0 ? t("free") : formatAmount(total);
}

/** @param {Card} card */
export function facts(card) {
  return [card.byline, card.minutes ? t("minutes", { count: card.minutes }) : null].filter(Boolean).join(" · ");
}

/** A cover, sized beforehand so that nothing moves when it comes. @param {Card} card @param {{eager?: boolean}} [options] */
export function cover(card, { eager = false } = {}) {
  return h(
    "div",
    { class: "cover" },
    card.picture
      ? h("img", { src: card.picture, alt: card.picture_alt ?? "", width: 800, height: 600, loading: eager ? "eager" : "lazy", decoding: "async" })
      : null,
  );
}

/** @param {string} wallet */
function colophon(wallet) {
  return [
    h("div", { class: "colophon-mark", "aria-hidden": "true" }),
    h("p", {}, t("colophon")),
    h("p", {}, h("a", { href: "/orders" }, t("nav.orders")), " · ", h("a", { href: wallet }, t("wallet.open"))),
  ];
}
