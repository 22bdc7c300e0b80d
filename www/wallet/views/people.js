import { field, form, h, icon } from "/common/dom.js";
import { describe } from "/common/elements.js";
import { formatAmount, formatMoment, t } from "/common/i18n.js";
import { codeOf } from "../client.js";
import { amountPicker } from "./add-cash.js";

/**
 * @typedef {import("../shell.js").Context} Context
 * @typedef {import("/common/i18n.js").Amount} Amount
 * @typedef {{transfer: string, direction: "sent" | "paid" | "received" | "requested", state: "begun" | "open" | "done" | "returned",
 *   amount: Amount, purpose: string, at: number, expires_at: number, expired: boolean, mint: {url: string, name: string}, link?: string}} Transfer
 */

const DAY_S = 86_400;
const VALID_DAYS = [1, 7, 30];
const MAX_PURPOSE = 100;

/** Cash for whoever gets the link. @param {Context} context */
export async function sendView(context) {
  const purses = await context.wallet.call("purses");
  const fullest = purses.reduce((/** @type {any} */ best, /** @type {any} */ purse) => (best && best.balance.minor >= purse.balance.minor ? best : purse), null);
  if (!fullest || fullest.balance.minor === 0) {
    const action = h("a", { class: "button primary", href: "#/add-cash" }, icon("add"), t("cash.add"));
    const empty = h("semper-empty", { value: { icon: "coins", title: t("people.send.none"), text: t("home.balance.empty"), action } });
    return { title: t("people.send.title"), content: h("section", { class: "narrow stack" }, back(), h("h1", {}, t("people.send.title")), empty, action) };
  }
  const { currency } = fullest.balance;
  return linkForm(context, {
    kind: "send",
    currency,
    hint: t("method.balance", { balance: formatAmount(fullest.balance) }),
    make: (amount, purpose, expires_s) => context.wallet.call("send_person", { amount, purpose, expires_s }),
    cost: (amount) => context.wallet.call("send_cost", { amount }),
  });
}

/** A link by which somebody else can pay. @param {Context} context */
export async function requestView(context) {
  const purses = await context.wallet.call("purses");
  const mint = purses[0]?.mint.url ?? context.config.default_mint;
  const info = await context.wallet.call("mint_info", { url: mint });
  return linkForm(context, {
    kind: "request",
    currency: info.currency,
    hint: t("people.request.mint", { mint: info.name }),
    make: (amount, purpose, expires_s) => context.wallet.call("request_person", { mint: info.url, amount, purpose, expires_s }),
  });
}

/**
 * @param {Context} context
 * @param {{kind: "send" | "request", currency: string, hint: string, make: (amount: Amount, purpose: string, expires_s: number) => Promise<Transfer>, cost?: (amount: Amount) => Promise<{fee: Amount}>}} options
 */
function linkForm(context, { kind, currency, hint, make, cost }) {
  const picker = amountPicker(currency);
  const purposeInput = h("input", { type: "text", maxlength: MAX_PURPOSE, autocomplete: "off" });
  const purpose = field({ label: t("people.purpose"), hint: t("people.purpose.hint"), input: purposeInput });
  const days = h("select", {}, ...VALID_DAYS.map((count) => h("option", { value: String(count) }, t("people.days", { count }))));
  days.value = "7";
  const valid = field({ label: t("people.valid"), hint: t(`people.${kind}.valid`), input: days });
  const failure = h("div", { "aria-live": "polite" });
  let agreed = "";
  const body = form(
    {
      async onsubmit() {
        const amount = picker.read();
        if (!amount) return;
        failure.replaceChildren();
        try {
          const fee = (await cost?.(amount))?.fee.minor ?? 0;
          const said = `${amount.minor} ${fee}`;
          if (fee > 0 && agreed !== said) {
            // Shown before any money moves.
            agreed = said;
            failure.replaceChildren(h("p", { class: "fee", role: "status" }, t("people.fee", { fee: formatAmount({ currency, minor: fee }) })));
            return;
          }
          const made = await make(amount, purposeInput.value.trim(), Number(days.value) * DAY_S);
          location.hash = `#/transfer/${made.transfer}`;
        } catch (error) {
          const code = codeOf(error);
          if (code === "wallet-locked") throw error;
          failure.replaceChildren(h("semper-error", { value: { code } }));
        }
      },
    },
    picker.element,
    h("p", { class: "muted small" }, hint),
    purpose.field,
    valid.field,
    failure,
    h("button", { class: "button primary large", type: "submit" }, t("people.make")),
  );
  const content = h("section", { class: "narrow stack" }, back(), h("h1", {}, t(`people.${kind}.title`)), h("p", {}, t(`people.${kind}.text`)), body);
  return { title: t(`people.${kind}.title`), content };
}

/** @param {Transfer} transfer */
export function stateText({ direction, state, expired }) {
  if (state === "open" && expired) return t(`people.state.${direction}.expired`);
  if (state === "begun") return t("deal.waiting");
  return t(`people.state.${direction}.${state}`);
}

/** The list on the home page. @param {Transfer[]} transfers */
export function transfersCard(transfers) {
  if (transfers.length === 0) return null;
  const lines = transfers.map((transfer) => {
    const out = transfer.direction === "sent" || transfer.direction === "paid";
    const amount = `${out ? "−" : "+"}${formatAmount(transfer.amount)}`;
    return h(
      "li",
      {},
      h(
        "a",
        { class: "line", href: `#/transfer/${transfer.transfer}` },
        h(
          "div",
          {},
          h("div", { class: "line-title" }, transfer.purpose || t(`people.list.${transfer.direction}`)),
          h("div", { class: "muted small" }, `${t(`people.list.${transfer.direction}`)} · ${stateText(transfer)}`),
        ),
        h("span", { class: "tabular" }, amount),
      ),
    );
  });
  return h(
    "section",
    { class: "card transfers", "aria-labelledby": "transfers-title" },
    h("h2", { id: "transfers-title" }, t("people.title")),
    h("ul", { class: "plain-list lines" }, ...lines.slice(0, 5)),
    lines.length > 5
      ? h("details", {}, h("summary", {}, t("home.deals.more", { count: lines.length - 5 })), h("ul", { class: "plain-list lines" }, ...lines.slice(5)))
      : null,
  );
}

export function back() {
  return h("a", { class: "back", href: "#/" }, icon("back"), t("nav.home"));
}

/** Amount, purpose, mint and times: what both sides see. @param {{amount: Amount, purpose: string, expires_at: number, mint: {name: string, url: string}}} about @param {boolean} [open] */
export function facts({ purpose, expires_at, mint }, open = true) {
  return h(
    "dl",
    { class: "facts panel" },
    h("dt", {}, t("people.purpose")), h("dd", {}, purpose || "–"),
    h("dt", {}, t("mint.name")), h("dd", {}, mint.name, h("br"), h("span", { class: "muted small" }, new URL(mint.url).host)),
    ...(open ? [h("dt", {}, t("people.until")), h("dd", {}, formatMoment(expires_at))] : []),
  );
}

/** What an error means, in a dialog of the page. @param {unknown} error */
export function failureOf(error) {
  const code = codeOf(error);
  return h("semper-error", { value: { code, title: describe(code).title } });
}
