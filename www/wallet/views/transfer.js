import { h, icon } from "/common/dom.js";
import { t } from "/common/i18n.js";
import { back, facts, failureOf, stateText } from "./people.js";
import { qrPicture } from "/common/qr.js";

/**
 * @typedef {import("../shell.js").Context} Context
 * @typedef {import("./people.js").Transfer} Transfer
 */

const LOOK_MS = 3000;

/** One transfer: its link for as long as it waits, and what became of it. @param {Context} context @param {string[]} parameters */
export async function transferView(context, [id = ""]) {
  const transfer = await find(context, id);
  if (!transfer) return { title: t("people.title"), content: h("semper-error", { value: { code: "not-found", page: true } }) };
  const waits = transfer.state === "open" || transfer.state === "begun";
  const content = h(
    "article",
    { class: "confirm stack transfer" },
    back(),
    h("h1", { class: "label" }, t(`people.list.${transfer.direction}`)),
    h("div", { class: "what" }, h("p", { class: "total" }, h("semper-amount", { value: transfer.amount })), h("p", { class: "state", role: "status" }, stateText(transfer))),
    transfer.link && !transfer.expired ? linkBox(transfer) : null,
    facts(transfer, waits),
    transfer.direction === "sent" && waits ? callOff(context, transfer) : null,
  );
  return { title: t(`people.list.${transfer.direction}`), content, leave: waits ? follow(context, transfer) : undefined };
}

/** @param {Context} context @param {string} id @returns {Promise<Transfer | undefined>} */
async function find(context, id) {
  const transfers = /** @type {Transfer[]} */ (await context.wallet.call("transfers"));
  return transfers.find((transfer) => transfer.transfer === id);
}

/** Looks now and then what became of it, while the page is seen. Returns how to stop. @param {Context} context @param {Transfer} shown */
function follow(context, shown) {
  let busy = false;
  const timer = setInterval(async () => {
    if (busy || document.hidden) return;
    busy = true;
    try {
      await context.wallet.call("resume");
      const now = await find(context, shown.transfer);
      if (now && stateText(now) !== stateText(shown)) context.again();
    } catch {
      // Locked, or without a network: the next look will tell.
    }
    busy = false;
  }, LOOK_MS);
  return () => clearInterval(timer);
}

/** @param {Transfer} transfer */
function linkBox(transfer) {
  const link = `${location.origin}/#${transfer.link}`;
  const shown = h("textarea", { class: "mono link-text", readonly: true, rows: 3, "aria-label": t("people.link"), value: link });
  shown.addEventListener("focus", () => shown.select());
  const said = h("span", {}, t("people.copy"));
  const copy = h("button", { class: "button primary wide", type: "button" }, icon("copy"), said);
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(link);
    said.textContent = t("people.copied");
    setTimeout(() => (said.textContent = t("people.copy")), 1500);
  });
  const share = "share" in navigator ? h("button", { class: "button wide", type: "button" }, t("people.share")) : null;
  share?.addEventListener("click", () => navigator.share({ url: link, title: t(`people.share.${transfer.direction}`) }).catch(() => {}));
  return h(
    "div",
    { class: "stack-tight" },
    h("p", {}, t(`people.link.${transfer.direction}`)),
    qrPicture(link, { label: t("people.qr") }),
    shown,
    copy,
    share,
  );
}

/** @param {Context} context @param {Transfer} transfer */
function callOff(context, transfer) {
  const failure = h("div", { "aria-live": "polite" });
  const button = h("button", { class: "button wide", type: "button" }, t("people.calloff"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await context.wallet.call("cancel_transfer", { transfer: transfer.transfer });
      context.again();
    } catch (error) {
      button.disabled = false;
      failure.replaceChildren(failureOf(error));
    }
  });
  return h("div", { class: "stack-tight" }, button, h("p", { class: "muted small" }, t("people.calloff.text")), failure);
}
