import { field, h } from "/common/dom.js";
import { t } from "/common/i18n.js";

const LENGTH_MIN = 10;

/**
 * Two fields for a new passphrase, with a hint of how well it holds.
 * @returns {{fields: Node[], read: () => string | null}} `read` gives the passphrase, or `null` after saying what is missing
 */
export function newPassphrase() {
  const first = h("input", { type: "password", autocomplete: "new-password", required: true });
  const second = h("input", { type: "password", autocomplete: "new-password", required: true });
  const meter = h("meter", { min: 0, max: 4, low: 2, high: 3, optimum: 4, value: 0, "aria-label": t("strength") });
  const words = h("span", { class: "small", role: "status" });
  const one = field({ label: t("passphrase.new"), hint: t("passphrase.hint"), input: first });
  const two = field({ label: t("passphrase.again"), input: second });
  second.addEventListener("input", () => two.problem(null));
  first.addEventListener("input", () => {
    one.problem(null);
    const level = strength(first.value);
    meter.value = level;
    words.textContent = first.value === "" ? "" : t(`strength.${level}`);
  });
  const shown = h("input", { type: "checkbox" });
  shown.addEventListener("change", () => {
    first.type = second.type = shown.checked ? "text" : "password";
  });
  return {
    fields: [
      one.field,
      h("div", { class: "strength" }, meter, words),
      two.field,
      h("label", { class: "row check" }, shown, t("passphrase.show")),
    ],
    read() {
      one.problem(null);
      two.problem(null);
      if (first.value.length < LENGTH_MIN) {
        one.problem(t("passphrase.short", { count: LENGTH_MIN }));
        return null;
      }
      if (first.value !== second.value) {
        two.problem(t("passphrase.differs"));
        return null;
      }
      return first.value;
    },
  };
}

/**
 * A rough measure, 0 to 4, of what guessing costs: length counts, repetition and a single kind of character count against it.
 * @param {string} passphrase
 */
function strength(passphrase) {
  const distinct = new Set(passphrase.toLowerCase()).size;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^a-zA-Z\d]/].filter((kind) => kind.test(passphrase)).length;
  const bits = Math.min(passphrase.length, distinct * 1.6) * (2.2 + kinds * 0.5);
  return [28, 40, 55, 70].filter((step) => bits >= step).length;
}
