import { field, form, h } from "/common/dom.js";
import { describe } from "/common/elements.js";
import { formatAmount, t } from "/common/i18n.js";
import { codeOf } from "../client.js";
import { newPassphrase } from "./passphrase.js";

/** @typedef {import("../shell.js").Context} Context */

/** A wallet again from its words: they and the mint know what is left. @param {Context} context @param {{back: () => void}} actions */
export function restoreStep(context, { back }) {
  const wordsInput = h("textarea", {
    rows: 3, autocomplete: "off", autocapitalize: "none", spellcheck: "false", lang: "en", translate: "no", autofocus: true,
  });
  const words = field({ label: t("restore.words.label"), hint: t("restore.words.hint"), input: wordsInput });
  const mintInput = h("input", { type: "url", value: context.config.default_mint });
  const mint = field({ label: t("mint.url"), hint: t("restore.mint.hint"), input: mintInput });
  const passphrase = newPassphrase();
  const waiting = h("div", { "aria-live": "polite" });
  return [
    h("h1", {}, t("restore.words.title")),
    h("p", {}, t("restore.words.text")),
    form(
      {
        async onsubmit() {
          words.problem(null);
          const typed = wordsInput.value.trim().toLowerCase().split(/\s+/).join(" ");
          const chosen = passphrase.read();
          if (chosen === null) return;
          const progress = h("semper-progress", { value: { label: t("restore.busy") } });
          waiting.replaceChildren(progress);
          try {
            await context.wallet.call(
              "restore",
              { words: typed, passphrase: chosen, mints: [mintInput.value.trim()].filter(Boolean) },
              { onProgress: ({ found }) => Object.assign(progress, { value: { label: t("restore.busy"), detail: foundText(found) } }) },
            );
            await context.wallet.call("confirm_backup");
            await navigator.storage?.persist?.();
            context.again();
          } catch (error) {
            waiting.replaceChildren();
            const code = codeOf(error);
            const { title, text } = describe(code);
            if (code === "words-invalid") words.problem(`${title}. ${text}`);
            else waiting.replaceChildren(h("semper-error", { value: { code } }));
          }
        },
      },
      words.field,
      ...passphrase.fields,
      h("details", {}, h("summary", {}, t("restore.more")), mint.field),
      waiting,
      h("button", { class: "button primary wide", type: "submit" }, t("restore.words.do")),
    ),
    h("button", { class: "button quiet wide", type: "button", onclick: back }, t("back")),
  ];
}

/** The balances that were found so far, in words. @param {unknown} found by currency, in minor units */
function foundText(found) {
  const balances = Object.entries(/** @type {Record<string, number>} */ (found ?? {}));
  return balances.map(([currency, minor]) => formatAmount({ currency, minor })).join(", ");
}

/** A wallet again from a backup file. @param {Context} context @param {{back: () => void}} actions */
export function importBackupStep(context, { back }) {
  const fileInput = h("input", { type: "file", accept: ".semper,application/octet-stream", autofocus: true });
  const file = field({ label: t("restore.file.label"), input: fileInput });
  const oldInput = h("input", { type: "password", autocomplete: "off" });
  const old = field({ label: t("restore.file.passphrase"), input: oldInput });
  const passphrase = newPassphrase();
  const waiting = h("div", { "aria-live": "polite" });
  return [
    h("h1", {}, t("restore.file.title")),
    h("p", {}, t("restore.file.text")),
    form(
      {
        async onsubmit() {
          file.problem(null);
          old.problem(null);
          const chosenFile = fileInput.files?.[0];
          if (!chosenFile) {
            file.problem(t("restore.file.missing"));
            return;
          }
          const chosen = passphrase.read();
          if (chosen === null) return;
          waiting.replaceChildren(h("semper-progress", { value: { label: t("restore.busy") } }));
          try {
            const bytes = new Uint8Array(await chosenFile.arrayBuffer());
            await context.wallet.call("import_backup", { bytes, passphrase: oldInput.value, new_passphrase: chosen });
            await navigator.storage?.persist?.();
            context.again();
          } catch (error) {
            waiting.replaceChildren();
            const { title, text } = describe(codeOf(error));
            old.problem(`${title}. ${text}`);
          }
        },
      },
      file.field,
      old.field,
      ...passphrase.fields,
      waiting,
      h("button", { class: "button primary wide", type: "submit" }, t("restore.file.do")),
    ),
    h("button", { class: "button quiet wide", type: "button", onclick: back }, t("back")),
  ];
}
