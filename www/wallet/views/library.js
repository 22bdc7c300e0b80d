import { h, icon } from "/common/dom.js";
import { describe } from "/common/elements.js";
import { formatDate, formatName, formatSize, t } from "/common/i18n.js";
import { codeOf } from "../client.js";
import { fileName, readingKind, saveBlob } from "./save.js";

/**
 * @typedef {import("../shell.js").Context} Context
 * @typedef {{name: string, title: string, media_type: string, size: number, url: string, downloaded: boolean}} Part
 * @typedef {{deal: string, title: string, merchant: {name: string}, at: number, parts: Part[]}} Bought
 */

const ICONS = /** @type {Record<string, string>} */ ({ page: "book", image: "image", audio: "sound", video: "image", text: "file" });

/** What was bought; opens offline once it is on this device. @param {Context} context */
export async function libraryView(context) {
  /** @type {Bought[]} */
  const bought = await context.wallet.call("library");
  /** @type {Set<AbortController>} */
  const running = new Set();
  const shop = context.config.shops[0];
  const goods =
    bought.length === 0
      ? h("semper-empty", {
          value: {
            icon: "book",
            title: t("library.none"),
            text: t("library.none.text"),
            action: shop ? h("a", { class: "button primary", href: shop }, icon("shop"), t("home.shop")) : undefined,
          },
        })
      : h("ul", { class: "plain-list shelf" }, ...[...bought].sort((a, b) => b.at - a.at).map((good) => goodCard(context, good, running)));
  const content = h("div", { class: "stack" }, h("h1", {}, t("library.title")), goods);
  return { title: t("library.title"), content, wide: true, leave: () => running.forEach((aborter) => aborter.abort()) };
}

/** @param {Context} context @param {Bought} good @param {Set<AbortController>} running */
function goodCard(context, good, running) {
  return h(
    "li",
    { class: "card" },
    h("h2", {}, good.title),
    h(
      "p",
      { class: "muted small" },
      `${good.merchant.name} · ${formatDate(good.at)} · `,
      h("a", { href: `#/deal/${good.deal}` }, t("library.deal")),
    ),
    h("ul", { class: "plain-list parts" }, ...good.parts.map((part) => partRow(context, good.deal, part, running))),
  );
}

/** @param {Context} context @param {string} deal @param {Part} part @param {Set<AbortController>} running */
function partRow(context, deal, part, running) {
  const kind = readingKind(part.media_type);
  const facts = h("div", { class: "muted small" });
  const work = h("div", { class: "part-work" });
  const actions = h("div", { class: "row part-actions" });

  function showFacts() {
    const here = part.downloaded ? [" · ", h("span", { class: "here" }, t("library.here"))] : [];
    facts.replaceChildren(`${formatName(part.media_type)} · ${formatSize(part.size)}`, ...here);
  }

  function showActions() {
    work.replaceChildren();
    actions.replaceChildren(
      kind
        ? h("a", { class: "button", href: `#/read/${deal}/${encodeURIComponent(part.name)}`, "aria-label": t("library.open.what", { title: part.title }) }, t("library.open"))
        : "",
      h("button", { class: kind ? "button quiet" : "button", type: "button", "aria-label": t("library.save.what", { title: part.title }), onclick: save }, icon("download"), t("library.save")),
      part.downloaded
        ? h("button", { class: "button quiet", type: "button", "aria-label": t("library.remove.what", { title: part.title }), onclick: remove }, t("library.remove"))
        : "",
    );
  }

  async function save() {
    const aborter = new AbortController();
    running.add(aborter);
    const progress = h("semper-progress", { value: { label: t("library.begin") } });
    const cancel = h("button", { class: "button quiet", type: "button", onclick: () => aborter.abort() }, t("cancel"));
    work.replaceChildren(progress);
    actions.replaceChildren(cancel);
    cancel.focus();
    try {
      const opened = await context.wallet.call("open_part", { deal, part: part.name }, {
        signal: aborter.signal,
        onProgress: (at) => Object.assign(progress, { value: transferProgress(at) }),
      });
      part.downloaded = true;
      saveBlob(opened.blob, fileName(part));
      showFacts();
      showActions();
    } catch (error) {
      const code = codeOf(error);
      showActions();
      if (code === "wallet-locked") context.again();
      work.replaceChildren(h("p", { class: code === "cancelled" ? "muted small" : "problem small", role: "status" }, t(code === "cancelled" ? "library.cancelled" : "library.failed", { reason: describe(code).title })));
    } finally {
      running.delete(aborter);
    }
  }

  async function remove() {
    await context.wallet.call("remove_part", { deal, part: part.name });
    part.downloaded = false;
    showFacts();
    showActions();
  }

  showFacts();
  showActions();
  return h(
    "li",
    { class: "part" },
    h("span", { class: "part-icon" }, icon(kind ? (ICONS[kind] ?? "file") : "file")),
    h("div", { class: "grow" }, h("div", { class: "line-title" }, part.title), facts, work),
    actions,
  );
}

/** How far a download, its check or its opening has come, for a progress bar. @param {import("../client.js").CallProgress} at */
export function transferProgress({ step, done = 0, total = 0 }) {
  if (step !== "download" && step !== "check" && step !== "open") return { label: t("busy") };
  return { label: t(`transfer.${step}`), done, total, detail: t("transfer.of", { done: formatSize(done), total: formatSize(total) }) };
}
