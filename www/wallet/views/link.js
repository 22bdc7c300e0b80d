import { h, icon } from "/common/dom.js";
import { describe } from "/common/elements.js";
import { formatAmount, t } from "/common/i18n.js";
import { codeOf } from "../client.js";
import { addCashView } from "./add-cash.js";
import { back, facts } from "./people.js";
import { isBrokenPromise, stopView } from "./stop.js";

/** @typedef {import("../shell.js").Context} Context */

/**
 * A link that somebody sent: what it says, as the core verified it, and one decision.
 * @param {Context} context @param {string} link the part of the address after `#`
 */
export async function linkView(context, link) {
  let seen;
  try {
    seen = await context.wallet.call("peek_link", { link });
  } catch (error) {
    const code = codeOf(error);
    if (code === "wallet-locked" || code === "wallet-empty") throw error;
    if (isBrokenPromise(code)) return stopView({ code, host: location.host, leave: goHome });
    return failed(context, code);
  }
  if (seen.here) {
    goTo(`#/transfer/${seen.here}`);
    return { title: t("busy"), content: h("div") };
  }
  const over = seen.state === "accepted" ? "transfer-accepted" : seen.state === "returned" ? "transfer-returned" : seen.expired ? "transfer-expired" : null;
  if (over) return failed(context, over, false);

  const amount = formatAmount(seen.amount);
  const short = seen.kind === "pay" && seen.available.minor < seen.amount.minor;
  const act = h("button", { class: "button primary large", type: "button" }, t(`people.${seen.kind}.do`, { amount }));
  act.addEventListener("click", () => run(context, { seen, link }), { once: true });
  const addCash = h("button", { class: "button primary large", type: "button" }, icon("add"), t("cash.add"));
  addCash.addEventListener("click", () => {
    const again = () => context.show((same) => linkView(same, link));
    const wanted = { currency: seen.amount.currency, minor: seen.amount.minor - seen.available.minor };
    context.show((same) => addCashView(same, { onDone: again, onCancel: again, wanted }));
  });
  const content = h(
    "section",
    { class: "confirm stack" },
    h("h1", { class: "label" }, t(`people.${seen.kind}.title`)),
    h("div", { class: "what" }, h("p", { class: "item" }, seen.purpose || t("people.nopurpose")), h("p", { class: "total" }, h("semper-amount", { value: seen.amount }))),
    facts(seen),
    h("p", { class: "next" }, t(`people.${seen.kind}.next`)),
    seen.known || seen.kind === "pay" ? null : h("p", { class: "asked small" }, t("people.receive.newmint", { mint: seen.mint.name })),
    seen.fee && !short ? h("p", { class: "fee small" }, t("confirm.fee", { fee: formatAmount(seen.fee), total: formatAmount({ currency: seen.amount.currency, minor: seen.amount.minor + seen.fee.minor }) })) : null,
    short ? h("p", { class: "problem", role: "alert" }, t("why.funds-insufficient", { balance: formatAmount(seen.available) })) : null,
    h("div", { class: "stack-tight actions" }, short ? addCash : act, h("button", { class: "button wide", type: "button", onclick: goHome }, t("cancel"))),
  );
  return { title: t(`people.${seen.kind}.title`), content };
}

/** @param {Context} context @param {{seen: any, link: string}} what */
async function run(context, { seen, link }) {
  const amount = formatAmount(seen.amount);
  await context.show(() => ({ title: t("busy"), content: h("section", { class: "confirm stack" }, h("h1", {}, t(`people.${seen.kind}.running`, { amount })), h("semper-progress", { value: { label: t("busy") } }), h("p", { class: "muted" }, t("cash.leave"))) }));
  try {
    const done = await context.wallet.call(seen.kind === "pay" ? "pay_link" : "receive_link", { link });
    goTo(`#/transfer/${done.transfer}`);
  } catch (error) {
    const code = codeOf(error);
    context.show(() => (isBrokenPromise(code) ? stopView({ code, host: new URL(seen.mint.url).host, leave: goHome, after: true }) : failed(context, code)));
  }
}

/** @param {Context} context @param {string} code @param {boolean} [retry] */
function failed(context, code, retry = true) {
  const again = retry ? h("button", { class: "button primary wide", type: "button", onclick: () => context.again() }, t("error.retry")) : null;
  const leave = h("button", { class: "button wide", type: "button", onclick: goHome }, t("nav.home"));
  const action = h("div", { class: "stack-tight actions" }, again, leave);
  return { title: describe(code).title, content: h("section", { class: "narrow stack" }, back(), h("semper-error", { value: { code, page: true, action } })) };
}

function goHome() {
  goTo("#/");
}

/** Leaves the link behind, so that the key in it does not stay in the address. @param {string} hash */
function goTo(hash) {
  history.replaceState(null, "", `${location.pathname}${hash}`);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
