import { field, h } from "/common/dom.js";
import { formatAmount, parseAmount, t } from "/common/i18n.js";

/**
 * @typedef {import("/common/i18n.js").Amount} Amount
 * @typedef {{module: string, version?: number, amount: Amount}} Share
 */

/** What two modules pay, in words. @param {Share[]} shares */
export function sharesInWords([coins, rest]) {
  return t("split.sum", { coins: formatAmount(coins.amount), rest: formatAmount(rest.amount) });
}

/**
 * Part in coins, the rest by card, where the core says that they can share the price. `null` where they cannot.
 * @param {{split?: Share[], offer: {total: Amount}}} review
 */
export function splitChoice({ split, offer }) {
  if (!split) return null;
  const { currency, minor: total } = offer.total;
  let shares = split;
  const input = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", value: decimalOf(split[0].amount) });
  const typed = field({ label: t("split.coins"), input });
  const sum = h("p", { class: "small", role: "status" }, sharesInWords(shares));
  const element = h("div", { class: "card stack-tight split" }, typed.field, sum);
  const read = () => {
    const coins = parseAmount(input.value, currency);
    return coins && coins.minor > 0 && coins.minor < total ? coins : null;
  };
  input.addEventListener("input", () => {
    const coins = read();
    if (coins) {
      const rest = { currency, minor: total - coins.minor };
      shares = [{ ...split[0], amount: coins }, { ...split[1], amount: rest }];
      typed.problem(null);
    }
    sum.textContent = coins ? sharesInWords(shares) : "";
  });
  return {
    method: { module: "split", usable: true },
    element,
    /** What is to be signed; `null` where what was typed is no part of the price. @returns {Share[] | null} */
    read() {
      const fits = read() !== null;
      typed.problem(fits ? null : t("split.wrong", { total: formatAmount(offer.total) }));
      return fits ? shares : null;
    },
  };
}

/** An amount as a person would type it. @param {Amount} amount */
function decimalOf(amount) {
  const parts = new Intl.NumberFormat(undefined, { style: "currency", currency: amount.currency });
  const digits = parts.resolvedOptions().maximumFractionDigits ?? 2;
  return (amount.minor / 10 ** digits).toFixed(digits);
}
