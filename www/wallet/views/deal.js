import { h, icon } from "/common/dom.js";
import { codeLine } from "/common/elements.js";
import { formatAmount, formatMoment, hasText, t } from "/common/i18n.js";
import { invoiceCard } from "./invoice.js";
import { saveBlob } from "./save.js";

/**
 * @typedef {import("../shell.js").Context} Context
 * @typedef {{typ: string, jws: string, payload: object}} Statement
 * @typedef {{amount: import("/common/i18n.js").Amount, reason: string, at: number, via: string}} Refund
 */

const ENDED_BADLY = new Set(["refused"]);
const GOODS_HERE = new Set(["delivered", "acknowledged"]);

/** One purchase: what happened when, and every signed statement of it. @param {Context} context @param {string[]} parameters */
export async function dealView(context, [id = ""]) {
  const deal = await context.wallet.call("deal", { deal: id });
  const content = h("article", { class: "stack deal" }, ...parts(context, id, deal));
  if (deal.invoice) lookAtInvoice(context, id, deal, content);
  if (deal.refundable) lookForRefunds(context, id, content);
  return { title: deal.title, content };
}

/** A refund that came meanwhile is shown as soon as it is found. @param {Context} context @param {string} id @param {HTMLElement} content */
async function lookForRefunds(context, id, content) {
  try {
    const found = await context.wallet.call("check_refunds", { deal: id });
    if (found.length > 0) content.replaceChildren(...parts(context, id, await context.wallet.call("deal", { deal: id })));
  } catch {
    // Locked meanwhile, or the shop does not answer: again when the page is shown the next time.
  }
}

/** What the shop says of the invoice now. @param {Context} context @param {string} id @param {any} shown @param {HTMLElement} content */
async function lookAtInvoice(context, id, shown, content) {
  try {
    const invoice = await context.wallet.call("invoice", { deal: id });
    if (JSON.stringify(invoice) === JSON.stringify(shown.invoice)) return;
    content.replaceChildren(...parts(context, id, await context.wallet.call("deal", { deal: id })));
  } catch {
    // Locked meanwhile, or the shop does not answer: what it said last is on the page.
  }
}

/** @param {Context} context @param {string} id @param {any} deal @returns {Node[]} */
function parts(context, id, deal) {
  const nodes = [
    h("a", { class: "back", href: "#/" }, icon("back"), t("nav.home")),
    h("h1", {}, deal.title),
    h("semper-receipt", { value: { title: deal.title, merchant: deal.merchant.name, paid: deal.paid, at: deal.at, waits: !GOODS_HERE.has(deal.state), owed: deal.invoice?.open.minor > 0, split: deal.split } }),
    deal.refusal ? refusal(deal.refusal) : null,
    deal.invoice ? invoiceCard(context, { deal: id, invoice: deal.invoice }) : null,
    canBeGivenUp(deal) ? giveUp(context, id) : null,
    deal.refunds.length > 0 ? refunds(deal) : null,
    h(
      "div",
      { class: "row" },
      GOODS_HERE.has(deal.state) ? h("a", { class: "button primary", href: "#/library" }, icon("book"), t("deal.open")) : null,
      exportButton(context, id, deal.title),
    ),
    h("section", { class: "card", "aria-labelledby": "timeline-title" }, h("h2", { id: "timeline-title" }, t("deal.timeline")), timeline(history(deal))),
    statements(deal.statements),
    h("div", { class: "muted" }, h("span", { class: "small" }, t("deal.number")), codeLine(id, t("deal.number.copy"))),
  ];
  return nodes.filter((node) => node !== null);
}

/** What the shop gave back, why, and where it is. @param {{refunds: Refund[], statements: Statement[], split?: unknown[]}} deal */
function refunds({ refunds: list, statements: signed, split }) {
  const inCash = signed.some(({ typ }) => typ === "semper-coin-permission+jwt");
  // Where two ways to pay shared the price, each line says where its part went.
  const mint = split && /** @type {any} */ (signed.find(({ typ }) => typ === "semper-coin-permission+jwt")?.payload)?.mint;
  const where = (/** @type {string} */ via) => (split ? ` · ${t(via === mint ? "deal.refund.coins" : "deal.refund.card")}` : "");
  const rows = list.map(({ amount, reason, at, via }) =>
    h(
      "li",
      {},
      h("span", { class: "grow stack-tight" }, h("span", {}, reason || t("deal.refund.no-reason")), h("span", { class: "muted small" }, `${formatMoment(at)}${where(via)}`)),
      h("strong", { class: "tabular" }, formatAmount(amount)),
    ),
  );
  return h(
    "section",
    { class: "card", "aria-labelledby": "refunds-title" },
    h("h2", { id: "refunds-title" }, t("deal.refunds")),
    h("ul", { class: "plain-list refunds" }, ...rows),
    h("p", { class: "muted" }, t(split ? "deal.refunds.split" : inCash ? "deal.refunds.cash" : signed.some(({ typ }) => typ === "semper-invoice+jwt") ? "deal.refunds.account" : "deal.refunds.card")),
  );
}

/**
 * A purchase that waits, and was paid with cash or is free. What a card paid, only its issuer can take back.
 * @param {{state: string, paid: import("/common/i18n.js").Amount, statements: Statement[]}} deal
 */
function canBeGivenUp({ state, paid, statements: signed }) {
  return state === "ordered" && (paid.minor === 0 || signed.some(({ typ }) => typ === "semper-coin-permission+jwt"));
}

/** The way out where the shop never answers; asked twice, since it is for good. @param {Context} context @param {string} id */
function giveUp(context, id) {
  const said = h("div", { "aria-live": "polite" });
  const begin = h("button", { class: "button", type: "button" }, t("deal.giveup"));
  const yes = h("button", { class: "button", type: "button" }, t("deal.giveup.yes"));
  const no = h("button", { class: "button primary", type: "button" }, t("deal.giveup.no"));
  const question = h("div", { class: "stack-tight", hidden: true }, h("p", {}, t("deal.giveup.sure")), h("div", { class: "row" }, no, yes));
  /** @param {boolean} asked */
  const ask = (asked) => {
    [begin.hidden, question.hidden] = [asked, !asked];
    (asked ? no : begin).focus();
  };
  begin.addEventListener("click", () => ask(true));
  no.addEventListener("click", () => ask(false));
  yes.addEventListener("click", async () => {
    [yes.disabled, no.disabled] = [true, true];
    said.replaceChildren(h("semper-progress", { value: { label: t("deal.giveup.busy") } }));
    try {
      await context.wallet.call("abandon", { deal: id });
      context.again();
    } catch (error) {
      [yes.disabled, no.disabled] = [false, false];
      ask(false);
      // It was delivered or refused at this very moment: the page says so.
      if (error.code === "request-invalid") context.again();
      else said.replaceChildren(error.code === "outcome-unknown" ? h("p", {}, t("deal.giveup.taken")) : h("semper-error", { value: { code: error.code } }));
    }
  });
  return h("section", { class: "card stack-tight" }, h("p", {}, t("deal.giveup.text")), h("div", { class: "row" }, begin), question, said);
}

/** Why the shop refused, or that the person gave up, and that nothing was lost by it. @param {{code: string, detail: string}} reason */
function refusal({ code, detail }) {
  if (code === "timed-out") return h("div", { class: "card notice" }, icon("alert"), h("p", {}, t("deal.givenup")));
  return h("div", { class: "card notice" }, icon("alert"), h("div", { class: "stack-tight" }, h("p", {}, t("deal.refused")), h("p", { class: "muted small" }, detail), codeLine(code)));
}

/**
 * The core's steps, with what the merchant's statements add: when it offered, and when it wrote the receipt.
 * @param {{timeline: {state: string, at: number}[], statements: Statement[]}} deal
 */
function history({ timeline: steps, statements: list }) {
  /** @param {string} state @param {string} typ */
  const fromStatement = (state, typ) => {
    const payload = /** @type {any} */ (list.find((one) => one.typ === typ)?.payload);
    return payload ? [{ state, at: payload.issued_at }] : [];
  };
  const ordered = steps.filter(({ state }) => state === "ordered");
  const later = steps.filter(({ state }) => state !== "ordered");
  return [...fromStatement("offered", "semper-offer+jwt"), ...ordered, ...fromStatement(onCredit(list) ? "credited" : "paid", "semper-receipt+jwt"), ...later, ...refundSteps(list)];
}

/** Each refund once, with its sum: where two ways to pay shared the price, each made a statement of its part under one name. @param {Statement[]} list */
function refundSteps(list) {
  /** @type {Map<string, {state: string, at: number, amount: import("/common/i18n.js").Amount}>} */
  const byName = new Map();
  for (const { typ, payload } of list) {
    if (typ !== "semper-refund+jwt") continue;
    const { refund, amount, issued_at: at } = /** @type {any} */ (payload);
    byName.set(refund, { state: "refunded", at, amount: { ...amount, minor: amount.minor + (byName.get(refund)?.amount.minor ?? 0) } });
  }
  return [...byName.values()];
}

/** Whether the receipt says that money is owed. @param {Statement[]} list */
function onCredit(list) {
  const receipt = /** @type {any} */ (list.find(({ typ }) => typ === "semper-receipt+jwt")?.payload);
  return Boolean(receipt?.owed);
}

/** @param {{state: string, at: number, amount?: import("/common/i18n.js").Amount}[]} steps */
function timeline(steps) {
  /** @param {string} state */
  const name = (state) => (hasText(`state.${state}`) ? t(`state.${state}`) : state);
  const rows = steps.map((step) =>
    h(
      "li",
      { class: ENDED_BADLY.has(step.state) ? "bad" : "done" },
      h("span", { class: "dot", "aria-hidden": "true" }, icon(ENDED_BADLY.has(step.state) ? "alert" : "check")),
      h("span", { class: "grow" }, h("span", {}, name(step.state)), step.amount ? h("span", { class: "muted tabular" }, ` · ${formatAmount(step.amount)}`) : null),
      h("span", { class: "muted small" }, formatMoment(step.at)),
    ),
  );
  return h("ol", { class: "steps timeline" }, ...rows);
}

/** @param {Statement[]} list */
function statements(list) {
  return h(
    "section",
    { class: "card", "aria-labelledby": "statements-title" },
    h("h2", { id: "statements-title" }, t("deal.statements")),
    h("p", { class: "muted small" }, t("deal.statements.text")),
    ...list.map(statement),
  );
}

/** @param {Statement} item */
function statement({ typ, jws, payload }) {
  const key = `statement.${typ.replace(/^semper-|\+jwt$/g, "")}`;
  const name = hasText(key) ? t(key) : typ;
  return h(
    "details",
    { class: "statement" },
    h("summary", {}, name),
    h("pre", { class: "json", tabindex: "0", "aria-label": name }, JSON.stringify(payload, null, 2)),
    h(
      "div",
      { class: "row" },
      h("button", { class: "button", type: "button", onclick: () => saveBlob(new Blob([jws], { type: "application/jose" }), `${typ}.jws`) }, icon("download"), t("deal.statement.save")),
      codeLine(typ),
    ),
  );
}

/** @param {Context} context @param {string} id @param {string} title */
function exportButton(context, id, title) {
  const save = async () => {
    const evidence = await context.wallet.call("evidence", { deal: id });
    const text = JSON.stringify(evidence, null, 2);
    saveBlob(new Blob([text], { type: "application/json" }), `${title.replace(/[^\p{L}\p{N}]+/gu, "-")}-${id.slice(0, 8)}.json`);
  };
  return h("button", { class: "button", type: "button", onclick: save }, icon("download"), t("deal.export"));
}
