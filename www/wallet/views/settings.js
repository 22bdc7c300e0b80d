import { field, form, h } from "/common/dom.js";
import { describe } from "/common/elements.js";
import { LANGUAGES, chooseLanguage, currentLanguage, formatSize, languageName, t } from "/common/i18n.js";
import { codeOf } from "../client.js";
import { newPassphrase } from "./passphrase.js";
import { policyParts } from "./policy.js";
import { saveBlob } from "./save.js";

/** @typedef {import("../shell.js").Context} Context */

/** @param {Context} context */
export async function settingsView(context) {
  // Asked first, so that a locked wallet asks for its passphrase instead of showing forms that cannot work.
  await context.wallet.call("purses");
  const status = await context.wallet.call("status");
  const content = h(
    "div",
    { class: "stack" },
    h("h1", {}, t("settings.title")),
    backupSection(context, status),
    passphraseSection(context),
    section(t("policy.title"), ...(await policyParts(context))),
    languageSection(),
    await aboutSection(context),
  );
  return { title: t("settings.title"), content };
}

/** @param {string} title @param {...(Node | string)} children */
function section(title, ...children) {
  return h("section", { class: "card stack", "aria-label": title }, h("h2", {}, title), ...children);
}

/** @param {Context} context @param {{backup_confirmed: boolean}} status */
function backupSection(context, status) {
  const input = h("input", { type: "password", autocomplete: "new-password" });
  const passphrase = field({ label: t("backup.passphrase"), hint: t("backup.passphrase.hint"), input });
  const said = h("p", { class: "small", role: "status" });
  return section(
    t("backup.title"),
    h("p", {}, t(status.backup_confirmed ? "backup.confirmed" : "backup.unconfirmed")),
    form(
      {
        async onsubmit() {
          passphrase.problem(null);
          if (input.value.length < 10) {
            passphrase.problem(t("passphrase.short", { count: 10 }));
            return;
          }
          said.textContent = t("busy");
          try {
            const bytes = await context.wallet.call("export_backup", { passphrase: input.value });
            saveBlob(new Blob([bytes], { type: "application/octet-stream" }), `semper-wallet-${new Date().toISOString().slice(0, 10)}.semper`);
            await context.wallet.call("confirm_backup");
            said.textContent = t("backup.saved");
            input.value = "";
          } catch (error) {
            said.textContent = "";
            passphrase.problem(describe(codeOf(error)).text);
          }
        },
      },
      passphrase.field,
      said,
      h("button", { class: "button", type: "submit" }, t("backup.save")),
    ),
    h("p", { class: "muted small" }, t("backup.restore.how")),
  );
}

/** @param {Context} context */
function passphraseSection(context) {
  const oldInput = h("input", { type: "password", autocomplete: "current-password" });
  const old = field({ label: t("passphrase.old"), input: oldInput });
  const fresh = newPassphrase();
  const said = h("p", { class: "small", role: "status" });
  const changed = form(
    {
      async onsubmit() {
        old.problem(null);
        const chosen = fresh.read();
        if (chosen === null) return;
        said.textContent = t("busy");
        try {
          await context.wallet.call("change_passphrase", { old: oldInput.value, new: chosen });
          /** @type {HTMLFormElement} */ (changed).reset();
          said.textContent = t("passphrase.changed");
        } catch (error) {
          said.textContent = "";
          const { title, text } = describe(codeOf(error));
          old.problem(`${title}. ${text}`);
        }
      },
    },
    old.field,
    ...fresh.fields,
    said,
    h("button", { class: "button", type: "submit" }, t("passphrase.change")),
  );
  return section(t("passphrase"), h("details", {}, h("summary", {}, t("passphrase.change")), changed));
}

function languageSection() {
  const select = h(
    "select",
    {},
    ...LANGUAGES.map((tag) => h("option", { value: tag, lang: tag, selected: tag === currentLanguage() }, languageName(tag))),
  );
  select.addEventListener("change", () => {
    chooseLanguage(select.value);
    location.reload();
  });
  return section(t("settings.language"), field({ label: t("settings.language.label"), input: select }).field);
}

/** @param {Context} context */
async function aboutSection(context) {
  const used = (await navigator.storage?.estimate?.())?.usage ?? 0;
  const kept = (await navigator.storage?.persisted?.()) ?? false;
  return section(
    t("about.title"),
    h("p", {}, t("about.text")),
    h(
      "dl",
      { class: "facts" },
      h("dt", {}, t("about.origin")),
      h("dd", {}, location.origin),
      h("dt", {}, t("mint.url")),
      h("dd", {}, context.config.default_mint || "–"),
      h("dt", {}, t("about.storage")),
      h("dd", {}, formatSize(used)),
      h("dt", {}, t("about.kept")),
      h("dd", {}, t(kept ? "yes" : "about.kept.no")),
    ),
  );
}
