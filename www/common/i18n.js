/** Text in the reader's language; amounts, dates and sizes in their way of writing. */

export const LANGUAGES = /** @type {const} */ (["en", "de", "fr"]);
const STORED = "semper-language";

/** @type {Record<string, string>} */
const text = {};
let language = "en";

/** The reader's own choice, else the first of the browser's languages that there is. */
export function preferredLanguage() {
  const wanted = [localStorage.getItem(STORED), ...navigator.languages];
  for (const tag of wanted) {
    const found = LANGUAGES.find((known) => tag?.toLowerCase().split("-")[0] === known);
    if (found) return found;
  }
  return "en";
}

/** Remembers the reader's choice; the page has to be loaded again. @param {string} tag */
export function chooseLanguage(tag) {
  localStorage.setItem(STORED, tag);
}

/** The language in use. */
export function currentLanguage() {
  return language;
}

/** Loads the dictionaries `{folder}/{language}.js` and sets the page's language. @param {...string} folders */
export async function loadText(...folders) {
  language = preferredLanguage();
  document.documentElement.lang = language;
  const dictionaries = await Promise.all(folders.map((folder) => import(`${folder}/${language}.js`)));
  for (const dictionary of dictionaries) Object.assign(text, dictionary.default);
}

/**
 * The text for a key, `{name}` filled in from `values`. With a `count`, `key.one` and `key.other` are told apart as the language does.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const plural = typeof values.count === "number" ? new Intl.PluralRules(language).select(values.count) : null;
  const pattern = (plural && (text[`${key}.${plural}`] ?? text[`${key}.other`])) ?? text[key] ?? key;
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** Whether there is a text for this key. @param {string} key */
export function hasText(key) {
  return key in text;
}

/** Fills every `data-t="key"` below `root`, and `data-t-label="key"` into its `aria-label`. @param {ParentNode} root */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) {
    element.textContent = t(/** @type {HTMLElement} */ (element).dataset.t ?? "");
  }
  for (const element of root.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(/** @type {HTMLElement} */ (element).dataset.tLabel ?? ""));
  }
}

/** How many digits stand after the point. @param {string} currency */
export function minorDigits(currency) {
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/**
 * The decimal writing of minor units, exact for any integer.
 * @param {number} minor @param {number} digits
 */
function decimal(minor, digits) {
  const figures = String(Math.abs(minor)).padStart(digits + 1, "0");
  const whole = figures.slice(0, figures.length - digits);
  const sign = minor < 0 ? "-" : "";
  return digits === 0 ? `${sign}${whole}` : `${sign}${whole}.${figures.slice(-digits)}`;
}

/** @typedef {{currency: string, minor: number}} Amount */

/** @param {Amount} amount */
export function formatAmount(amount) {
  const format = new Intl.NumberFormat(language, { style: "currency", currency: amount.currency });
  return format.format(/** @type {any} */ (decimal(amount.minor, minorDigits(amount.currency))));
}

/**
 * Reads what a person typed as an amount: "20", "20.5", "20,50". `null` when it is none.
 * @param {string} typed @param {string} currency @returns {Amount | null}
 */
export function parseAmount(typed, currency) {
  const digits = minorDigits(currency);
  const match = /^(\d{1,9})(?:[.,](\d+))?$/.exec(typed.trim().replace(/\s|€|\$|£/g, ""));
  if (!match || (match[2]?.length ?? 0) > digits) return null;
  return { currency, minor: Number(match[1] + (match[2] ?? "").padEnd(digits, "0")) };
}

/** @param {number} seconds since the epoch */
export function formatDate(seconds) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(seconds * 1000);
}

/** @param {number} seconds since the epoch */
export function formatMoment(seconds) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
}

/** @param {number} bytes */
export function formatSize(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  let value = bytes;
  let step = 0;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step === 0 || value >= 100 ? 0 : 1;
  // "190 bytes", since the short form of that alone has no plural, but "12.3 MB".
  const unitDisplay = step === 0 ? "long" : "short";
  return new Intl.NumberFormat(language, { style: "unit", unit: units[step], unitDisplay, maximumFractionDigits: digits }).format(value);
}

/** The language's own name for a language. @param {string} tag */
export function languageName(tag) {
  return new Intl.DisplayNames([language], { type: "language" }).of(tag) ?? tag;
}

/** A VAT rate in basis points, 700 for 7 %. @param {number} basisPoints */
export function formatRate(basisPoints) {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 2 }).format(basisPoints / 10_000);
}

/** A file format as people call it. @param {string} mediaType */
export function formatName(mediaType) {
  const key = `format.${mediaType.split(";")[0]?.trim()}`;
  return hasText(key) ? t(key) : (mediaType.split("/")[1] ?? mediaType).replace(/^x-/, "").toUpperCase();
}
