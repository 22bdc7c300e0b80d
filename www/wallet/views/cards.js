import { field, form, h, icon } from "/common/dom.js";
import { describe } from "/common/elements.js";
import { formatAmount, t } from "/common/i18n.js";
import { codeOf } from "../client.js";

/**
 * @typedef {import("../shell.js").Context} Context
 * @typedef {{brand: string, last_four: string, expiry: string, gateway: string, enrolled: boolean}} Card
 */

/** The cards of the wallet; nothing where there are none. @param {Card[]} cards @param {Context} context */
export function cardsCard(cards, context) {
  if (cards.length === 0) return null;
  const rows = cards.map((card) => {
    const name = cardName(card);
    const remove = h("button", { class: "button quiet", type: "button", "aria-label": t("card.remove.what", { card: name }) }, t("card.remove"));
    remove.addEventListener("click", async () => {
      await context.wallet.call("remove_card", { last_four: card.last_four });
      context.again();
    }, { once: true });
    return h(
      "li",
      { class: "line" },
      h("div", {}, h("div", { class: "line-title" }, name), h("div", { class: "muted small" }, t("card.until", { expiry: card.expiry, gateway: new URL(card.gateway).host }))),
      remove,
    );
  });
  return h(
    "section",
    { class: "card purses", "aria-labelledby": "cards-title" },
    h("h2", { id: "cards-title" }, t("card.title")),
    h("ul", { class: "plain-list lines" }, ...rows),
  );
}

/** @param {Card} card */
function cardName(card) {
  return `${t(`card.brand.${card.brand}`)} …${card.last_four}`;
}

/**
 * Puts a card into the wallet and enrols it with the gateway that a shop works with.
 * @param {Context} context @param {{gateway: string, onDone: () => void, onCancel: () => void}} options
 */
export function addCardView(context, { gateway, onDone, onCancel }) {
  const number = field({ label: t("card.number"), input: h("input", { type: "text", inputmode: "numeric", autocomplete: "cc-number", required: true }) });
  const expiry = field({ label: t("card.expiry"), hint: t("card.expiry.hint"), input: h("input", { type: "text", inputmode: "numeric", autocomplete: "cc-exp", placeholder: "MM/YY", required: true }) });
  const failed = h("div", { "aria-live": "polite" });
  const body = form(
    {
      async onsubmit() {
        number.problem(null);
        expiry.problem(null);
        failed.replaceChildren();
        try {
          await context.wallet.call("add_card", { number: valueOf(number.field), expiry: valueOf(expiry.field).replaceAll(" ", ""), gateway });
          onDone();
        } catch (error) {
          const code = codeOf(error);
          if (code === "wallet-locked") throw error;
          const { title, text } = describe(code);
          if (code === "card-number-invalid") number.problem(text);
          else if (code === "card-expired") expiry.problem(text);
          else if (code === "payment-invalid") expiry.problem(t("card.expiry.hint"));
          else failed.replaceChildren(h("semper-error", { value: { code, title, text } }));
        }
      },
    },
    number.field,
    expiry.field,
    failed,
    h("button", { class: "button primary large", type: "submit" }, t("card.add")),
  );
  const content = h(
    "section",
    { class: "narrow stack" },
    h("h1", {}, t("card.add.title")),
    h("p", {}, t("card.add.text", { gateway: new URL(gateway).host })),
    body,
    h("button", { class: "button quiet wide", type: "button", onclick: onCancel }, t("back")),
  );
  return { title: t("card.add.title"), content };
}

/** @param {HTMLElement} element */
function valueOf(element) {
  return /** @type {HTMLInputElement} */ (element.querySelector("input")).value.trim();
}

/**
 * The issuer wants the person's own word: what the gateway says is to be paid, and to whom.
 * @param {Context} context @param {{onApproved: () => void, onRefused: () => void}} options
 */
export async function approvalView(context, { onApproved, onRefused }) {
  const asked = await context.wallet.call("approval");
  const failed = h("div", { "aria-live": "polite" });
  /** @param {boolean} approved */
  const say = async (approved) => {
    for (const button of [yes, no]) button.disabled = true;
    try {
      const word = await context.wallet.call("approve", { approved });
      if (word.approved) onApproved();
      else onRefused();
    } catch (error) {
      for (const button of [yes, no]) button.disabled = false;
      failed.replaceChildren(h("semper-error", { value: { code: codeOf(error) } }));
    }
  };
  const yes = h("button", { class: "button primary large", type: "button", onclick: () => say(true) }, t("card.approve", { amount: formatAmount(asked.amount) }));
  const no = h("button", { class: "button wide", type: "button", onclick: () => say(false) }, t("card.refuse"));
  const content = h(
    "section",
    { class: "confirm stack" },
    h("h1", { class: "label" }, t("card.approve.title")),
    h("div", { class: "card" }, h("p", { class: "item" }, asked.payee), h("p", { class: "muted small" }, icon("lock"), ` ${t("card.approve.by", { gateway: asked.gateway })}`)),
    h("div", { class: "what" }, h("p", { class: "total" }, h("semper-amount", { value: asked.amount }))),
    h("p", { class: "next" }, t("card.approve.text")),
    failed,
    h("div", { class: "stack-tight actions" }, yes, no),
  );
  return { title: t("card.approve.title"), content };
}
