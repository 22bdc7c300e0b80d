import { field, form, h, icon } from "/common/dom.js";
import { describe } from "/common/elements.js";
import { t } from "/common/i18n.js";
import { codeOf } from "../client.js";

/** Asks for the passphrase, then goes on with what was wanted. @param {import("../shell.js").Context} context */
export function unlockView(context) {
  document.body.dataset.state = "locked";
  const input = h("input", { type: "password", autocomplete: "current-password", autofocus: true, required: true });
  const passphrase = field({ label: t("passphrase"), input });
  const waiting = h("div", { "aria-live": "polite" });

  const content = h(
    "section",
    { class: "narrow stack" },
    h("div", { class: "big-icon" }, icon("lock")),
    h("h1", {}, t("unlock.title")),
    h("p", { class: "muted" }, t("unlock.text")),
    form(
      {
        async onsubmit() {
          passphrase.problem(null);
          waiting.replaceChildren(h("semper-progress", { value: { label: t("unlock.busy") } }));
          try {
            await context.wallet.call("unlock", { passphrase: input.value });
            context.again();
          } catch (error) {
            const { title, text } = describe(codeOf(error));
            passphrase.problem(`${title}. ${text}`);
            input.select();
          } finally {
            waiting.replaceChildren();
          }
        },
      },
      passphrase.field,
      waiting,
      h("button", { class: "button primary wide", type: "submit" }, t("unlock.action")),
    ),
    h("p", { class: "muted small" }, t("unlock.forgotten")),
  );
  return { title: t("unlock.title"), content, gate: true };
}
