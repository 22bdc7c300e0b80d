/** The operator's page: every payment in one list, whichever module paid, and one way to give money back. */
import { h } from "/common/dom.js";
import { codeLine, describe } from "/common/elements.js";
import { formatAmount, formatMoment, hasText, minorDigits, parseAmount, t } from "/common/i18n.js";
import { startShop } from "./shop.js";

/**
 * @typedef {import("/common/i18n.js").Amount} Amount
 * @typedef {{deal: string, title: string, state: string, paid?: Amount, refunded: Amount, owed?: Amount, module?: string, split?: {module: string, amount: Amount}[], ordered_at: number, refund_by?: number}} Deal
 */

/** The longest reason that customers are shown. */
const MAX_REASON = 200;
/** The outcome is open: the same refund is sent again under the same name. */
const AGAIN = new Set(["outcome-unknown", "in-progress", "busy", "network-failed", "timed-out", "internal"]);

/** What is said of a refund that the shop has made. */
const SAID = new Map([["done", "admin.refund.done"], ["partly", "admin.refund.partly"]]);

await startShop();
document.title = `${t("admin.title")} – Meridian`;
const main = /** @type {HTMLElement} */ (document.getElementById("main"));
/** It is typed in and stays in this page's memory alone. */
let token = "";
signIn();

/** @param {string} path @param {object} [body] @returns {Promise<any>} */
async function ask(path, body) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const request = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
  const answer = await fetch(`/admin${path}`, request).catch(() => null);
  if (answer?.ok) return answer.json();
  const problem = answer ? await answer.json().catch(() => ({})) : { code: "network-failed" };
  throw Object.assign(new Error(problem.detail ?? ""), { code: problem.code ?? "internal" });
}

/** @param {string} [code] of what went wrong before */
function signIn(code) {
  const field = h("input", { type: "password", name: "token", autocomplete: "off", required: true, spellcheck: "false" });
  const form = h(
    "form",
    {},
    h("label", {}, h("span", {}, t("admin.token")), field),
    h("p", { class: "muted small" }, t("admin.token.text")),
    h("div", { class: "admin-actions" }, h("button", { class: "button primary", type: "submit" }, t("admin.open"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    token = /** @type {HTMLInputElement} */ (field).value.trim();
    showDeals();
  });
  main.replaceChildren(h("section", { class: "admin" }, h("h1", {}, t("admin.title")), code ? problem(code) : null, form));
  /** @type {HTMLInputElement} */ (field).focus();
}

/** @param {string} code */
function problem(code) {
  const key = `admin.problem.${code}`;
  const { title, text } = describe(code);
  return h("div", { class: "admin-problem", role: "alert" }, h("p", {}, hasText(key) ? t(key) : `${title}. ${text}`), codeLine(code));
}

async function showDeals() {
  const list = h("ul", { class: "plain-list admin-list" });
  const more = h("div", { class: "admin-actions" });
  try {
    await addPage(list, more, "");
  } catch (error) {
    signIn(/** @type {any} */ (error).code);
    return;
  }
  const empty = list.children.length === 0 ? h("semper-empty", { value: { icon: "shop", title: t("admin.none"), text: t("admin.none.text") } }) : null;
  main.replaceChildren(h("section", { class: "admin" }, h("h1", {}, t("admin.title")), h("p", { class: "standfirst" }, t("admin.text")), empty, list, more));
}

/** @param {HTMLElement} list @param {HTMLElement} more @param {string} query */
async function addPage(list, more, query) {
  const { deals, before } = await ask(`/deals${query}`);
  list.append(...deals.map(row));
  const next = h("button", { class: "button", type: "button" }, t("admin.more"));
  next.addEventListener("click", () => addPage(list, more, `?before=${before}`).catch((error) => more.replaceChildren(problem(error.code))));
  more.replaceChildren(...(before === undefined ? [] : [next]));
}

/** @param {Deal} deal */
function row(deal) {
  const line = h("li", {});
  fill(line, deal);
  return line;
}

/** @param {string} module */
function by(module) {
  return hasText(`admin.by.${module}`) ? t(`admin.by.${module}`) : module;
}

/** @param {HTMLElement} line @param {Deal} deal @param {Node | null} [said] */
function fill(line, deal, said = null) {
  const left = deal.paid ? { ...deal.paid, minor: deal.paid.minor - deal.refunded.minor } : null;
  const facts = [
    formatMoment(deal.ordered_at),
    t(`admin.state.${deal.state}`),
    deal.split ? deal.split.map(({ module, amount }) => `${by(module)} ${formatAmount(amount)}`).join(" + ") : deal.module ? by(deal.module) : null,
    deal.refunded.minor > 0 ? t("admin.refunded", { amount: formatAmount(deal.refunded) }) : null,
    deal.owed ? t("admin.owed", { amount: formatAmount(deal.owed) }) : null,
  ];
  const open = h("button", { class: "button", type: "button", "aria-label": t("admin.refund.what", { title: deal.title }) }, t("admin.refund"));
  const form = h("div", { class: "admin-facts" });
  open.addEventListener("click", () => {
    open.hidden = true;
    form.replaceChildren(refundForm(line, deal, /** @type {Amount} */ (left)));
    form.querySelector("input")?.focus();
  });
  line.replaceChildren(
    h("div", { class: "admin-title" }, deal.title || deal.deal),
    h("div", { class: "admin-amount" }, deal.paid && deal.paid.minor > 0 ? formatAmount(deal.paid) : deal.paid ? t("free") : "–"),
    h("div", { class: "admin-facts muted small" }, facts.filter(Boolean).join(" · ")),
    left && left.minor > 0 ? h("div", { class: "admin-actions" }, open) : "",
    form,
    h("div", { class: "admin-said", role: "status" }, said),
  );
}

/** @param {HTMLElement} line @param {Deal} deal @param {Amount} left */
function refundForm(line, deal, left) {
  // One name for one decision: sent again after a failure, it is still one refund.
  const name = base64url(crypto.getRandomValues(new Uint8Array(16)));
  const amount = /** @type {HTMLInputElement} */ (h("input", { name: "amount", inputmode: "decimal", required: true, value: decimal(left) }));
  const reason = /** @type {HTMLInputElement} */ (h("input", { name: "reason", maxlength: String(MAX_REASON) }));
  const said = h("div", { "aria-live": "polite" });
  const give = h("button", { class: "button primary", type: "submit" }, t("admin.refund.do"));
  const leave = h("button", { class: "button", type: "button", onclick: () => fill(line, deal) }, t("admin.cancel"));
  const form = h(
    "form",
    {},
    h("label", {}, h("span", {}, t("admin.refund.amount", { amount: formatAmount(left) })), amount),
    h("label", {}, h("span", {}, t("admin.refund.reason")), reason),
    said,
    h("div", { class: "admin-actions" }, give, leave),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const minor = parseAmount(amount.value, left.currency)?.minor ?? 0;
    if (minor < 1 || minor > left.minor) {
      said.replaceChildren(problem("refund-excessive"));
      return;
    }
    for (const input of [amount, reason]) input.readOnly = true;
    give.setAttribute("disabled", "");
    try {
      const body = { refund: name, amount: { currency: left.currency, minor }, reason: reason.value.trim() };
      const done = await ask(`/deals/${encodeURIComponent(deal.deal)}/refunds`, body);
      // Where only a part went back, that is what was refunded; the rest can be tried again.
      const back = done.state === "partly" ? done.returned : done.amount;
      const refunded = { ...deal.refunded, currency: left.currency, minor: deal.refunded.minor + back.minor };
      const text = t(SAID.get(done.state) ?? "admin.refund.asked", { amount: formatAmount(back), whole: formatAmount(done.amount) });
      fill(line, { ...deal, refunded }, h("div", {}, h("p", {}, text), done.state === "partly" ? problem(done.code) : null));
    } catch (error) {
      const code = /** @type {any} */ (error).code;
      said.replaceChildren(problem(code));
      give.removeAttribute("disabled");
      // While the outcome is open, nothing but the same refund is sent.
      if (!AGAIN.has(code)) for (const input of [amount, reason]) input.readOnly = false;
    }
  });
  return form;
}

/** As it is typed. @param {Amount} amount */
function decimal({ currency, minor }) {
  const digits = minorDigits(currency);
  return (minor / 10 ** digits).toFixed(digits);
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
