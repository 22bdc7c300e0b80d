import { h, icon } from "/common/dom.js";
import { formatAmount, formatDate, t } from "/common/i18n.js";
import { cardsCard } from "./cards.js";
import { transfersCard } from "./people.js";
import { invoiceState } from "./invoice.js";

/**
 * @typedef {import("../shell.js").Context} Context
 * @typedef {import("/common/i18n.js").Amount} Amount
 * @typedef {{deal: string, title: string, merchant: {name: string}, paid: Amount, refunded?: Amount, invoice?: import("./invoice.js").Invoice, state: string, at: number}} DealLine
 */

const RECENT = 5;
const FINISHED = new Set(["delivered", "acknowledged", "refused"]);

/** What the page shows. @param {import("../client.js").WalletClient} wallet */
function read(wallet) {
  return Promise.all([wallet.call("status"), wallet.call("balance"), wallet.call("holdings"), wallet.call("deals"), wallet.call("transfers"), wallet.call("cards")]);
}

let shown = "";

/** Whether the wallet has changed since the page was made. @param {Context} context */
export async function homeIsOutdated(context) {
  return JSON.stringify(await read(context.wallet)) !== shown;
}

/** @param {Context} context */
export async function homeView(context) {
  const facts = await read(context.wallet);
  const [status, balance, purses, deals, transfers, cards] = facts;
  shown = JSON.stringify(facts);
  finishWaiting(context);
  const content = h(
    "div",
    { class: "home" },
    h("h1", { class: "visually-hidden" }, t("home.title")),
    status.taken_over ? takenOver(context) : null,
    status.backup_confirmed ? null : backupReminder(),
    balanceCard(balance, context),
    dealsCard(deals),
    transfersCard(transfers),
    pursesCard(purses),
    cardsCard(cards, context),
  );
  return { title: t("home.title"), content, wide: true };
}

let finished = false;

/** What was cut off, purchase or cash, is finished in the background; the page follows, since that changes the wallet. @param {Context} context */
async function finishWaiting(context) {
  if (finished) return;
  finished = true;
  try {
    await context.wallet.call("resume");
  } catch {
    // Locked meanwhile, or without a network: again when the page is shown the next time.
    finished = false;
  }
}

/** @param {Record<string, number>} balance @param {Context} context */
function balanceCard(balance, context) {
  const amounts = Object.entries(balance).map(([currency, minor]) => ({ currency, minor }));
  const empty = amounts.every(({ minor }) => minor === 0);
  return h(
    "section",
    { class: "card balance", "aria-labelledby": "balance-title" },
    h("h2", { id: "balance-title", class: "label" }, t("home.balance")),
    amounts.length === 0 ? h("p", { class: "figure none" }, t("home.nothing")) : null,
    ...amounts.map((amount) => h("p", { class: "figure" }, h("semper-amount", { value: amount }))),
    h("p", { class: "muted" }, t(empty ? "home.balance.empty" : "home.balance.text")),
    h("a", { class: "button primary", href: "#/add-cash" }, icon("add"), t("cash.add")),
    h(
      "div",
      { class: "pair" },
      h("a", { class: "button", href: "#/send" }, icon("send"), t("people.send")),
      h("a", { class: "button", href: "#/request" }, icon("ask"), t("people.request")),
    ),
    ...context.config.shops.map((shop) => h("a", { class: "button", href: shop }, icon("shop"), t("home.shop"))),
  );
}

/** One list, whichever module pays. @param {{module: string, name: string, at: string, balance?: Amount, limit?: Amount, expires_at?: number}[]} purses */
function pursesCard(purses) {
  if (purses.length === 0) return null;
  const rows = purses.map((purse) =>
    h(
      "li",
      { class: "line" },
      h("div", {}, h("div", { class: "line-title" }, purse.name), h("div", { class: "muted small" }, purseFacts(purse))),
      purse.balance ? h("semper-amount", { value: purse.balance }) : null,
    ),
  );
  return h(
    "section",
    { class: "card purses", "aria-labelledby": "purses-title" },
    h("h2", { id: "purses-title" }, t("home.purses")),
    h("ul", { class: "plain-list lines" }, ...rows),
  );
}

/** @param {{module: string, limit?: Amount, expires_at?: number}} purse */
function purseFacts({ module, limit, expires_at }) {
  const facts = [
    t(`purse.${module}`),
    limit ? t("purse.limit", { amount: formatAmount(limit) }) : null,
    expires_at ? t("purse.until", { date: formatDate(expires_at) }) : null,
  ];
  return facts.filter(Boolean).join(" · ");
}

/** @param {DealLine[]} deals */
function dealsCard(deals) {
  const recent = [...deals].sort((a, b) => b.at - a.at);
  const content =
    recent.length === 0
      ? h("semper-empty", { value: { icon: "shop", title: t("home.deals.none"), text: t("home.deals.none.text") } })
      : h("ul", { class: "plain-list lines" }, ...recent.slice(0, RECENT).map(dealLine));
  const rest = recent.slice(RECENT);
  return h(
    "section",
    { class: "card deals", "aria-labelledby": "deals-title" },
    h("h2", { id: "deals-title" }, t("home.deals")),
    content,
    rest.length > 0
      ? h("details", {}, h("summary", {}, t("home.deals.more", { count: rest.length })), h("ul", { class: "plain-list lines" }, ...rest.map(dealLine)))
      : null,
  );
}

/** @param {DealLine} deal */
function dealLine(deal) {
  const state = FINISHED.has(deal.state) ? (deal.state === "refused" ? ` · ${t("state.refused")}` : "") : ` · ${deal.invoice ? invoiceState(deal.invoice) : t("deal.waiting")}`;
  const owed = FINISHED.has(deal.state) && deal.invoice && deal.invoice.open.minor > 0 ? ` · ${invoiceState(deal.invoice)}` : "";
  return h(
    "li",
    {},
    h(
      "a",
      { class: "line", href: `#/deal/${deal.deal}` },
      h(
        "div",
        {},
        h("div", { class: "line-title" }, deal.title),
        h("div", { class: "muted small" }, `${deal.merchant.name} · ${formatDate(deal.at)}${state}${owed}${deal.refunded ? ` · ${t("deal.back", { amount: formatAmount(deal.refunded) })}` : ""}`),
      ),
      h("span", { class: "tabular" }, deal.paid.minor === 0 ? t("free") : formatAmount(deal.paid)),
    ),
  );
}

/** Another device with the same words has the money; this one takes it over again where the person wishes. @param {Context} context */
function takenOver(context) {
  const problem = h("div", { "aria-live": "polite" });
  const action = h("button", { class: "button", type: "button" }, t("takeover.action"));
  action.addEventListener("click", async () => {
    action.disabled = true;
    problem.replaceChildren(h("semper-progress", { value: { label: t("takeover.busy") } }));
    try {
      await context.wallet.call("take_over");
      context.again();
    } catch (error) {
      action.disabled = false;
      problem.replaceChildren(h("semper-error", { value: { code: error.code } }));
    }
  });
  return h(
    "section",
    { class: "card notice", "aria-labelledby": "takeover-title" },
    icon("key"),
    h(
      "div",
      { class: "stack-tight" },
      h("h2", { id: "takeover-title" }, t("takeover.title")),
      h("p", {}, t("takeover.text")),
      action,
      problem,
    ),
  );
}

function backupReminder() {
  return h(
    "section",
    { class: "card notice", "aria-labelledby": "backup-title" },
    icon("key"),
    h(
      "div",
      { class: "stack-tight" },
      h("h2", { id: "backup-title" }, t("backup.reminder.title")),
      h("p", {}, t("backup.reminder.text")),
      h("a", { class: "button", href: "#/settings" }, t("backup.reminder.action")),
    ),
  );
}
