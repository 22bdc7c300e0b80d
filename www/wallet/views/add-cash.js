import { field, form, h } from "/common/dom.js";
import { describe, stepList } from "/common/elements.js";
import { formatAmount, formatMoment, parseAmount, t } from "/common/i18n.js";
import { codeOf } from "../client.js";

/**
 * @typedef {import("../shell.js").Context} Context
 * @typedef {{value_minor: number, withdraw?: number, deposit?: number, refresh?: number}} Fee
 * @typedef {{name: string, url: string, currency: string, thumbprint: string, fees: Fee[], test_account: boolean, smallest_minor: number, limit_minor?: number, books?: {at: number, good: boolean}}} MintInfo
 */

const PRESETS_MAJOR = [5, 10, 20, 50];
const STEPS = ["reserve", "transfer", "arrived", "coins"];

/**
 * From the account into the purse. `wanted` is the least that is needed for a purchase that waits.
 * @param {Context} context
 * @param {{onDone: () => void, onCancel?: () => void, wanted?: import("/common/i18n.js").Amount}} options
 */
export async function addCashView(context, { onDone, onCancel, wanted }) {
  const root = h("section", { class: "narrow stack" });
  const mintInput = h("input", { type: "url", value: context.config.default_mint, inputmode: "url" });
  const mint = field({ label: t("mint.url"), hint: t("mint.hint"), input: mintInput });
  const terms = h("div", { "aria-live": "polite" });
  const over = h("div");
  const source = h("details", { class: "fold" }, h("summary", {}, t("cash.source")), mint.field);
  /** @type {MintInfo | null} */
  let info = null;
  /** @type {Node} */
  let picker = h("div");
  let read = () => /** @type {import("/common/i18n.js").Amount | null} */ (null);

  async function look() {
    info = null;
    mint.problem(null);
    terms.replaceChildren(h("semper-progress", { value: { label: t("mint.asking") } }));
    try {
      info = await context.wallet.call("mint_info", { url: mintInput.value.trim() });
      terms.replaceChildren(mintTerms(/** @type {MintInfo} */ (info)));
      const made = amountPicker(/** @type {MintInfo} */ (info).currency, wanted);
      picker.parentNode?.replaceChild(made.element, picker);
      picker = made.element;
      read = made.read;
      made.element.addEventListener("change", () => showCost().catch(() => {}));
      await showCost();
    } catch (error) {
      if (codeOf(error) === "wallet-locked") throw error;
      terms.replaceChildren(h("semper-error", { value: { code: codeOf(error), retry: look } }));
      source.open = true;
    }
  }
  mintInput.addEventListener("change", () => look().catch(() => context.again()));

  // What the mint takes for the amount that is chosen, before any money moves.
  const cost = h("p", { class: "fee small", role: "status" });
  async function showCost() {
    cost.replaceChildren();
    const amount = info && info.fees.length > 0 ? read() : null;
    if (!info || !amount) return;
    const { fee } = await context.wallet.call("top_up_cost", { mint: info.url, amount });
    const left = { currency: amount.currency, minor: amount.minor - fee.minor };
    if (fee.minor > 0) cost.replaceChildren(t("cash.fee", { fee: formatAmount(fee), left: formatAmount(left) }));
  }

  const body = form(
    {
      async onsubmit() {
        const amount = read();
        if (!info || !amount) return;
        over.replaceChildren();
        if (info.limit_minor && amount.minor > info.limit_minor) {
          // Said before any money moves.
          over.replaceChildren(h("p", { class: "problem", role: "alert" }, t("cash.limit", { amount: limitOf(info) })));
          return;
        }
        await run(context, root, { mint: info.url, amount }, onDone);
      },
    },
    picker,
    over,
    cost,
    terms,
    source,
    h("button", { class: "button primary large", type: "submit" }, t("cash.add")),
  );
  root.append(
    h("h1", {}, t("cash.title")),
    wanted ? h("p", {}, t("cash.wanted", { amount: formatAmount(wanted) })) : h("p", {}, t("cash.text")),
    body,
    onCancel ? h("button", { class: "button quiet wide", type: "button", onclick: onCancel }, t("back")) : "",
  );
  await look();
  return { title: t("cash.title"), content: root };
}

/** @param {string} currency @param {import("/common/i18n.js").Amount} [wanted] */
export function amountPicker(currency, wanted) {
  const other = h("input", { type: "text", inputmode: "decimal", autocomplete: "off" });
  const otherField = field({ label: t("cash.other"), input: other });
  const amounts = PRESETS_MAJOR.map((major) => /** @type {import("/common/i18n.js").Amount} */ (parseAmount(String(major), currency)));
  const fitting = amounts.find((amount) => !wanted || amount.minor >= wanted.minor) ?? amounts.at(-1);
  const presets = amounts.map((amount) =>
    h(
      "label",
      { class: "choice" },
      h("input", { type: "radio", name: "amount", value: String(amount.minor), checked: amount === fitting }),
      h("span", {}, formatAmount(amount)),
    ),
  );
  const element = h(
    "fieldset",
    { class: "choices" },
    h("legend", {}, t("cash.amount")),
    h("div", { class: "choice-row" }, ...presets),
    otherField.field,
  );
  other.addEventListener("input", () => {
    for (const input of element.querySelectorAll("input[type=radio]")) /** @type {HTMLInputElement} */ (input).checked = false;
  });
  element.addEventListener("change", (event) => {
    if (event.target !== other) other.value = "";
  });
  return {
    element,
    read() {
      otherField.problem(null);
      const chosen = /** @type {HTMLInputElement | null} */ (element.querySelector("input:checked"));
      if (chosen) return { currency, minor: Number(chosen.value) };
      const typed = parseAmount(other.value, currency);
      if (typed && typed.minor > 0) return typed;
      otherField.problem(t("cash.amount.wrong"));
      return null;
    },
  };
}

/** The most that the mint takes of any coin. @param {MintInfo} info */
function feesOf(info) {
  const most = (/** @type {"withdraw" | "deposit" | "refresh"} */ kind) => {
    const minor = Math.max(...info.fees.map((fee) => fee[kind] ?? 0));
    return formatAmount({ currency: info.currency, minor });
  };
  return { withdraw: most("withdraw"), deposit: most("deposit"), refresh: most("refresh") };
}

/** The most at once. @param {MintInfo} info */
function limitOf(info) {
  return formatAmount({ currency: info.currency, minor: info.limit_minor ?? 0 });
}

/** What the mint charges and where the money comes from, in words. @param {MintInfo} info */
function mintTerms(info) {
  return h(
    "dl",
    { class: "facts panel" },
    h("dt", {}, t("mint.name")),
    h("dd", {}, info.name),
    h("dt", {}, t("mint.fees")),
    h("dd", {}, info.fees.length === 0 ? t("mint.fees.none") : t("mint.fees.some", feesOf(info))),
    h("dt", {}, t("mint.from")),
    h("dd", {}, t(info.test_account ? "mint.from.test" : "mint.from.bank")),
    ...(info.books
      ? [
          h("dt", {}, t("mint.books")),
          h("dd", {}, info.books.good ? t("mint.books.good", { at: formatMoment(info.books.at) }) : t("mint.books.bad")),
        ]
      : []),
    ...(info.limit_minor ? [h("dt", {}, t("mint.limit")), h("dd", {}, t("mint.limit.text", { amount: limitOf(info) }))] : []),
  );
}

/**
 * @param {Context} context @param {HTMLElement} root
 * @param {{mint: string, amount: import("/common/i18n.js").Amount}} params
 * @param {() => void} onDone
 */
async function run(context, root, params, onDone) {
  const steps = stepList(STEPS.map((key) => ({ key, label: t(`cash.step.${key}`) })));
  const amount = formatAmount(params.amount);
  const note = h("p", { class: "muted" }, t("cash.leave"));
  root.replaceChildren(h("h1", { tabindex: "-1" }, t("cash.running", { amount })), steps.list, note);
  root.querySelector("h1")?.focus();
  try {
    const { added } = await context.wallet.call("add_cash", params, { onProgress: ({ step }) => step && steps.reach(step) });
    steps.finish();
    root.replaceChildren(
      h("h1", { tabindex: "-1" }, t("cash.done", { amount: formatAmount(added) })),
      steps.list,
      h("button", { class: "button primary wide", type: "button", onclick: onDone }, t("continue")),
    );
    root.querySelector("h1")?.focus();
  } catch (error) {
    const code = codeOf(error);
    const goOn = async () => {
      await context.wallet.call("resume").catch(() => {});
      onDone();
    };
    // Never the same order again, which could move money twice: what was begun is finished, and the balance tells.
    const action = h("button", { class: "button primary", type: "button", onclick: goOn }, t("cash.goon"));
    root.replaceChildren(h("semper-error", { value: { code, page: true, text: t("cash.failed", { reason: describe(code).text }), action } }));
  }
}
