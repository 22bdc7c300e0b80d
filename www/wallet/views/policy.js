/** The policy that the wallet is under: what it says, and how it comes and goes. */
import { field, form, h } from "/common/dom.js";
import { describe } from "/common/elements.js";
import { formatAmount, formatDate, hasText, t } from "/common/i18n.js";
import { codeOf } from "../client.js";

/**
 * @typedef {import("../shell.js").Context} Context
 * @typedef {import("/common/i18n.js").Amount} Amount
 * @typedef {{modules?: string[], when?: {role?: string, customer?: string[], merchant?: string[], over?: Amount, up_to?: Amount, kinds?: string[]},
 *   then: string, why?: string}} Rule
 * @typedef {{name: string, issuer: string, otherwise?: string, rules: Rule[], limits?: {day?: Amount[], merchant_day?: Amount[]}, expires_at: number}} Policy
 * @typedef {{policy: Policy | null, authority?: string, trusted?: string, customer?: string, spent: Amount[]}} View
 */

const LONGEST = 64 * 1024;

/** @param {Context} context @returns {Promise<Node[]>} */
export async function policyParts(context) {
  const view = /** @type {View} */ (await context.wallet.call("policy"));
  return [...(view.policy ? inForce(context, view, view.policy) : [h("p", {}, t("policy.none"))]), toLoad(context, view)];
}

/** @param {Context} context @param {View} view @param {Policy} policy */
function inForce(context, view, policy) {
  const ask = h("div", { class: "stack-tight" });
  const remove = h("button", { class: "button", type: "button" }, t("policy.remove"));
  remove.addEventListener("click", () => {
    const sure = h("button", { class: "button primary", type: "button" }, t("policy.remove.do"));
    sure.addEventListener("click", async () => {
      sure.disabled = true;
      try {
        await context.wallet.call("set_policy", { policy: "" });
        context.again();
      } catch (error) {
        sure.disabled = false;
        ask.append(failure(error));
      }
    });
    const keep = h("button", { class: "button", type: "button" }, t("policy.remove.keep"));
    keep.addEventListener("click", () => ask.replaceChildren(remove));
    ask.replaceChildren(h("p", { role: "alert" }, t("policy.remove.sure")), sure, keep);
    sure.focus();
  });
  ask.replaceChildren(remove);
  return [facts(view, policy), ask];
}

/** What a policy says, in words. @param {View} view @param {Policy} policy */
function facts(view, policy) {
  const places = [...new Set(policy.rules.flatMap(({ when }) => [...(when?.customer ?? []), ...(when?.merchant ?? [])]))];
  const day = (policy.limits?.day ?? []).map((limit, at) => {
    const spent = view.spent[at];
    return spent ? t("policy.limit.spent", { limit: formatAmount(limit), spent: formatAmount(spent) }) : formatAmount(limit);
  });
  const shop = (policy.limits?.merchant_day ?? []).map((limit) => formatAmount(limit));
  /** @param {string} name @param {(Node | string)[]} told */
  const line = (name, told) => (told.length > 0 ? [h("dt", {}, t(name)), h("dd", {}, ...told)] : []);
  return h(
    "div",
    { class: "stack-tight" },
    h("p", {}, h("strong", {}, policy.name)),
    h(
      "dl",
      { class: "facts" },
      ...line("policy.issuer", [policy.issuer]),
      ...line("policy.key", [h("span", { class: "mono" }, view.authority ?? "")]),
      ...line("policy.until", [formatDate(policy.expires_at)]),
      ...line("policy.places", places.length > 0 ? [places.join(", ")] : []),
      ...line("policy.customer", view.customer ? [view.customer] : []),
      ...line("policy.limit.day", day.length > 0 ? [day.join(" · ")] : []),
      ...line("policy.limit.shop", shop.length > 0 ? [shop.join(" · ")] : []),
    ),
    h("ul", { class: "stack-tight policy-rules" }, ...policy.rules.map((rule) => h("li", {}, ruleText(rule))), h("li", {}, t(policy.otherwise === "forbid" ? "policy.else.forbid" : "policy.else.allow"))),
  );
}

/** @param {Rule} rule */
function ruleText({ modules = [], when = {}, then, why }) {
  const what = modules.length > 0 ? modules.map((module) => hasText(`policy.module.${module}`) ? t(`policy.module.${module}`) : module).join(", ") : t("policy.every");
  const conditions = [
    when.role ? t(`policy.when.${when.role}`) : "",
    when.over ? t("policy.when.over", { amount: formatAmount(when.over) }) : "",
    when.up_to ? t("policy.when.up-to", { amount: formatAmount(when.up_to) }) : "",
    when.customer?.length ? t("policy.when.customer", { places: when.customer.join(", ") }) : "",
    when.merchant?.length ? t("policy.when.merchant", { places: when.merchant.join(", ") }) : "",
    when.kinds?.length ? t("policy.when.kinds", { kinds: when.kinds.join(", ") }) : "",
  ].filter(Boolean);
  const said = t(`policy.then.${then}`, { what });
  return `${said}${conditions.length > 0 ? ` (${conditions.join("; ")})` : ""}${why ? `: ${why}` : ""}`;
}

/** From a file or an address: looked at first. @param {Context} context @param {View} now */
function toLoad(context, now) {
  const file = h("input", { type: "file", accept: ".jws,.jwt,.txt,application/jose" });
  const address = h("input", { type: "url", inputmode: "url", autocomplete: "off", placeholder: "https://" });
  const fileField = field({ label: t("policy.file"), input: file });
  const addressField = field({ label: t("policy.url"), input: address });
  const shown = h("div", { "aria-live": "polite" });
  const read = async () => {
    const chosen = file.files?.[0];
    if (chosen) return chosen.size <= LONGEST ? chosen.text() : "";
    return (await context.wallet.call("fetch_text", { url: address.value.trim() })).text;
  };
  const load = form(
    {
      async onsubmit() {
        fileField.problem(null);
        if (!file.files?.[0] && address.value.trim() === "") {
          fileField.problem(t("policy.load.none"));
          return;
        }
        try {
          const policy = (await read()).trim();
          const view = /** @type {View} */ (await context.wallet.call("read_policy", { policy }));
          shown.replaceChildren(candidate(context, now, { ...view, customer: undefined, spent: [] }, policy));
        } catch (error) {
          shown.replaceChildren(failure(error));
        }
      },
    },
    fileField.field,
    addressField.field,
    h("button", { class: "button", type: "submit" }, t("policy.load.look")),
    shown,
  );
  return h("details", {}, h("summary", {}, t(now.policy ? "policy.load.other" : "policy.load")), h("p", { class: "muted small" }, t("policy.load.text")), load);
}

/** Who signed it is confirmed, before it holds. @param {Context} context @param {View} now @param {View} view @param {string} policy */
function candidate(context, now, view, policy) {
  const known = now.trusted === view.authority;
  const other = now.trusted !== undefined && !known;
  const tick = h("input", { type: "checkbox" });
  const country = h("input", { type: "text", maxlength: 2, autocomplete: "country", autocapitalize: "characters", value: now.customer ?? "", size: 4 });
  const place = field({ label: t("policy.country"), hint: t("policy.country.hint"), input: country });
  const said = h("div", {});
  const put = h("button", { class: "button primary", type: "button", disabled: !known }, t("policy.put"));
  tick.addEventListener("change", () => {
    put.disabled = !tick.checked;
  });
  put.addEventListener("click", async () => {
    put.disabled = true;
    const customer = country.value.trim().toUpperCase();
    try {
      await context.wallet.call("set_policy", { policy, ...(known ? {} : { authority: view.authority, replacing: other }), ...(customer ? { customer } : {}) });
      context.again();
    } catch (error) {
      put.disabled = false;
      said.replaceChildren(failure(error));
    }
  });
  return h(
    "div",
    { class: "stack" },
    view.policy ? facts(view, view.policy) : null,
    other ? h("p", { class: "problem", role: "alert" }, t("policy.other", { key: now.trusted ?? "" })) : null,
    known ? h("p", {}, t("policy.known")) : h("label", { class: "check" }, tick, h("span", {}, t(other ? "policy.confirm.other" : "policy.confirm", { issuer: view.policy?.issuer ?? "" }))),
    place.field,
    put,
    said,
  );
}

/** @param {unknown} error */
function failure(error) {
  const { title, text } = describe(codeOf(error));
  return h("p", { class: "problem", role: "alert" }, `${title}. ${text}`);
}
