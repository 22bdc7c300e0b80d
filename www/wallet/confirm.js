/** The wallet's second document: one purchase to confirm, in a popup, in the browser's payment window, or opened by hand. */
import { h, icon } from "/common/dom.js";
import { t } from "/common/i18n.js";
import { waitForRequest } from "./asker.js";
import { startShell } from "./shell.js";
import { confirmView } from "./views/confirm.js";

// The shop's next purchase opens in this same window, of which only the part after `#` changes: it begins anew.
window.addEventListener("hashchange", () => location.reload());

const context = await startShell();

document.getElementById("bar")?.replaceChildren(
  h("span", { class: "brand" }, h("span", { class: "brand-mark", "aria-hidden": "true" }), t("brand")),
  h("span", { class: "origin small" }, icon("lock"), location.host),
);

/** @param {string} deal */
function done(deal) {
  const open = h("a", { class: "button primary wide", href: "/#/library" }, icon("book"), t("deal.open"));
  const see = h("a", { class: "button wide", href: `/#/deal/${deal}` }, t("library.deal"));
  const content = h(
    "section",
    { class: "confirm stack done" },
    h("div", { class: "big-icon good" }, icon("check")),
    h("h1", {}, t("pay.done")),
    h("p", {}, t("pay.done.text")),
    h("div", { class: "stack-tight actions" }, open, see),
  );
  return { title: t("pay.done"), content };
}

await context.show(async () => {
  const request = await waitForRequest({
    onDone: (deal) => context.show(() => done(deal)),
    onCancelled: () => location.assign("/"),
  });
  const { asker } = request;
  const shown = {
    ...asker,
    /** @param {import("./views/confirm.js").Result} result */
    result(result) {
      asker.result(result);
      context.show(() => done(result.deal));
    },
  };
  const make = (/** @type {import("./shell.js").Context} */ same) => confirmView(same, { offer: request.offer, asker: shown });
  // From here on "again" means this purchase, not asking the opener once more.
  context.again = () => context.show(make);
  return make(context);
});
