import { form, h, icon } from "/common/dom.js";
import { describe } from "/common/elements.js";
import { t } from "/common/i18n.js";
import { codeOf } from "../client.js";
import { focusHeading } from "../shell.js";
import { newPassphrase } from "./passphrase.js";
import { importBackupStep, restoreStep } from "./restore.js";

/** @typedef {import("../shell.js").Context} Context */

const ASKED = 3;
const CHOICES = 4;

/** A new wallet in a minute: what this is, words, three of them again, passphrase. @param {Context} context */
export function firstRunView(context) {
  document.body.dataset.state = "empty";
  const root = h("section", { class: "narrow stack" });
  /** @param {Node[]} nodes */
  const step = (...nodes) => {
    root.replaceChildren(...nodes);
    if (root.isConnected) focusHeading(root);
  };
  const welcome = () => step(...welcomeStep({ make, restore, importBackup }));
  const restore = () => step(...restoreStep(context, { back: welcome }));
  const importBackup = () => step(...importBackupStep(context, { back: welcome }));

  async function make() {
    const { words } = await context.wallet.call("make_words");
    showWords(words.split(" "));
  }
  /** @param {string[]} words */
  const showWords = (words) => step(...wordsStep(words, { back: welcome, next: () => askWords(words) }));
  /** @param {string[]} words */
  const askWords = (words) =>
    step(...askStep(words, { back: () => showWords(words), next: (confirmed) => choosePassphrase(words, confirmed) }));
  /** @param {string[]} words @param {boolean} confirmed */
  const choosePassphrase = (words, confirmed) => step(...passphraseStep(context, words, confirmed));

  welcome();
  return { title: t("first.title"), content: root, gate: true };
}

/** @param {{make: () => Promise<void>, restore: () => void, importBackup: () => void}} actions */
function welcomeStep({ make, restore, importBackup }) {
  return [
    h("div", { class: "big-icon" }, icon("coins")),
    h("h1", {}, t("first.title")),
    h("p", { class: "lead" }, t("first.sentence")),
    form({ onsubmit: make }, h("button", { class: "button primary large", type: "submit" }, t("first.make"))),
    h(
      "div",
      { class: "stack-tight" },
      h("button", { class: "button quiet wide", type: "button", onclick: restore }, t("restore.words.action")),
      h("button", { class: "button quiet wide", type: "button", onclick: importBackup }, t("restore.file.action")),
    ),
  ];
}

/** @param {string[]} words @param {{back: () => void, next: () => void}} actions */
function wordsStep(words, { back, next }) {
  return [
    h("p", { class: "step-count" }, t("step", { at: 1, of: 3 })),
    h("h1", {}, t("words.title")),
    h("p", {}, t("words.text")),
    h("ol", { class: "words", translate: "no", lang: "en" }, ...words.map((word) => h("li", {}, word))),
    h("p", { class: "muted small" }, t("words.warning")),
    h("button", { class: "button primary wide", type: "button", onclick: next }, t("words.next")),
    h("button", { class: "button quiet wide", type: "button", onclick: back }, t("back")),
  ];
}

/** @param {string[]} words @param {{back: () => void, next: (confirmed: boolean) => void}} actions */
function askStep(words, { back, next }) {
  const places = shuffled([...words.keys()]).slice(0, ASKED).sort((a, b) => a - b);
  const groups = places.map((place) => {
    const word = words[place] ?? "";
    const others = shuffled([...new Set(words)].filter((other) => other !== word)).slice(0, CHOICES - 1);
    const options = shuffled([word, ...others]).map((option) =>
      h("label", { class: "choice" }, h("input", { type: "radio", name: `word-${place}`, value: option }), h("span", {}, option)),
    );
    return h(
      "fieldset",
      { class: "choices" },
      h("legend", {}, t("words.which", { number: place + 1 })),
      h("div", { class: "choice-row", translate: "no", lang: "en" }, ...options),
    );
  });
  const problem = h("p", { class: "problem", role: "alert" });
  return [
    h("p", { class: "step-count" }, t("step", { at: 2, of: 3 })),
    h("h1", {}, t("words.confirm.title")),
    h("p", {}, t("words.confirm.text")),
    form(
      {
        async onsubmit() {
          const chosen = groups.map((group) => /** @type {HTMLInputElement | null} */ (group.querySelector("input:checked"))?.value);
          if (places.every((place, index) => chosen[index] === words[place])) next(true);
          else problem.textContent = t("words.wrong");
        },
      },
      ...groups,
      problem,
      h("button", { class: "button primary wide", type: "submit" }, t("words.confirm.action")),
    ),
    h("button", { class: "button quiet wide", type: "button", onclick: back }, t("words.again")),
    h("button", { class: "button quiet wide", type: "button", onclick: () => next(false) }, t("words.later")),
  ];
}

/** @param {Context} context @param {string[]} words @param {boolean} confirmed */
function passphraseStep(context, words, confirmed) {
  const passphrase = newPassphrase();
  const waiting = h("div", { "aria-live": "polite" });
  return [
    h("p", { class: "step-count" }, t("step", { at: 3, of: 3 })),
    h("h1", {}, t("passphrase.title")),
    h("p", {}, t("passphrase.text")),
    form(
      {
        async onsubmit() {
          const chosen = passphrase.read();
          if (chosen === null) return;
          waiting.replaceChildren(h("semper-progress", { value: { label: t("first.busy") } }));
          try {
            await context.wallet.call("create", { words: words.join(" "), passphrase: chosen });
            if (confirmed) await context.wallet.call("confirm_backup");
            await navigator.storage?.persist?.();
            context.again();
          } catch (error) {
            const { title, text } = describe(codeOf(error));
            waiting.replaceChildren(h("p", { class: "problem", role: "alert" }, `${title}. ${text}`));
          }
        },
      },
      ...passphrase.fields,
      waiting,
      h("button", { class: "button primary wide", type: "submit" }, t("first.done")),
    ),
  ];
}

/** @template T @param {T[]} items @returns {T[]} */
function shuffled(items) {
  const keys = crypto.getRandomValues(new Uint32Array(items.length));
  return items
    .map((item, index) => ({ item, key: keys[index] ?? 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
