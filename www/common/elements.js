/** The shared custom elements. Each has one property, `value`, and renders it anew when it is set. */
import { h, icon, uniqueId } from "./dom.js";
import { formatAmount, formatMoment, hasText, t } from "./i18n.js";

/** @template T */
class ValueElement extends HTMLElement {
  /** @type {T | undefined} */
  #value;

  /** @param {T} value */
  set value(value) {
    this.#value = value;
    if (this.isConnected) this.replaceChildren(...this.render(value));
  }

  get value() {
    return /** @type {T} */ (this.#value);
  }

  connectedCallback() {
    if (this.#value !== undefined && this.childElementCount === 0) this.replaceChildren(...this.render(this.#value));
  }

  /** @param {T} _value @returns {(Node | string)[]} */
  render(_value) {
    return [];
  }
}

/** An amount of money, figures tabular. @extends {ValueElement<import("./i18n.js").Amount>} */
class SemperAmount extends ValueElement {
  /** @param {import("./i18n.js").Amount} value */
  render(value) {
    return [formatAmount(value)];
  }
}

/**
 * Who the other side is: name, domain, and what is known of its key.
 * @typedef {{name: string, domain: string, known?: boolean, keyChanged?: boolean}} Party
 * @extends {ValueElement<Party>}
 */
class SemperParty extends ValueElement {
  /** @param {Party} party */
  render(party) {
    const key = party.keyChanged ? "changed" : party.known ? "known" : "new";
    const state = h("div", { class: `party-state ${key}` }, icon(key === "known" ? "shield" : "alert"), h("span", {}, t(`party.${key}`)));
    return [
      h("div", { class: "party-mark", "aria-hidden": "true" }, party.name.trim().charAt(0).toUpperCase()),
      h("div", { class: "party-name" }, party.name),
      h("div", { class: "party-domain" }, party.domain),
      ...(party.known === undefined ? [] : [state]),
    ];
  }
}

/**
 * How far a long work has come; without `total` it only says that something happens.
 * @typedef {{label: string, done?: number, total?: number, detail?: string}} Progress
 * @extends {ValueElement<Progress>}
 */
class SemperProgress extends ValueElement {
  /** @param {Progress} progress */
  set value(progress) {
    const bar = this.querySelector("progress");
    const label = this.querySelector(".progress-what");
    const detail = this.querySelector(".progress-detail");
    if (!bar || !label || !detail) {
      super.value = progress;
      return;
    }
    // The bar is kept while it moves, so that neither its transition nor a screen reader starts again.
    setBar(bar, progress);
    if (label.textContent !== progress.label) label.textContent = progress.label;
    detail.textContent = progress.detail ?? "";
  }

  get value() {
    return super.value;
  }

  /** @param {Progress} progress */
  render(progress) {
    const id = uniqueId("progress");
    const bar = h("progress", { "aria-labelledby": id });
    setBar(bar, progress);
    return [
      bar,
      h(
        "div",
        { class: "progress-label" },
        h("span", { id, class: "progress-what", role: "status" }, progress.label),
        h("span", { class: "progress-detail" }, progress.detail ?? ""),
      ),
    ];
  }
}

/** @param {HTMLProgressElement} bar @param {Progress} progress */
function setBar(bar, progress) {
  if (progress.total) {
    bar.max = progress.total;
    bar.value = Math.min(progress.done ?? 0, progress.total);
  } else {
    bar.removeAttribute("value");
  }
}

/**
 * What was bought, from whom, for how much, when.
 * @typedef {{title: string, merchant: string, paid: import("./i18n.js").Amount, at: number, waits?: boolean, owed?: boolean, split?: {module: string, amount: import("./i18n.js").Amount}[]}} Receipt `waits`: nothing was delivered, or will be; `owed`: the money is still to come; `split`: what each way to pay paid of it
 * @extends {ValueElement<Receipt>}
 */
class SemperReceipt extends ValueElement {
  /** @param {Receipt} receipt */
  render(receipt) {
    /** @type {[string, Node | string][]} */
    const rows = [
      [t(receipt.waits ? "receipt.ordered" : "receipt.what"), receipt.title],
      [t("receipt.from"), receipt.merchant],
      [t(receipt.waits || receipt.owed ? "receipt.price" : "receipt.paid"), h("semper-amount", { value: receipt.paid })],
      ...(receipt.split ?? []).map(({ module, amount }) => /** @type {[string, Node]} */ ([t(`receipt.by.${module}`), h("semper-amount", { value: amount })])),
      [t("receipt.when"), formatMoment(receipt.at)],
    ];
    return [h("dl", {}, ...rows.flatMap(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]))];
  }
}

/**
 * The ways to pay; those that cannot be used say why. Fires `change`.
 * @typedef {{module: string, usable: boolean, why?: string, cause?: string, confirm?: string, balance?: import("./i18n.js").Amount}} Method
 * @extends {ValueElement<Method[]>}
 */
class SemperMethods extends ValueElement {
  /** The chosen module, `null` when none is usable. @returns {string | null} */
  get chosen() {
    return /** @type {HTMLInputElement | null} */ (this.querySelector("input:checked"))?.value ?? null;
  }

  /** @param {Method[]} methods */
  render(methods) {
    const name = uniqueId("method");
    const first = methods.find((method) => method.usable);
    // What only the wallet has is no choice here.
    const rows = methods.filter((method) => method.cause !== "not-offered").map((method) => {
      const words = h("span", { class: "method-words" }, methodName(method.module), h("small", {}, methodDetail(method)));
      const input = h("input", { type: "radio", name, value: method.module, checked: method === first });
      return method.usable
        ? h("label", { class: "method" }, input, words)
        : h("div", { class: "method unusable" }, icon("alert"), words);
    });
    return [h("fieldset", {}, h("legend", { class: "visually-hidden" }, t("method.legend")), ...rows)];
  }
}

/** @param {string} module */
export function methodName(module) {
  return hasText(`method.${module}`) ? t(`method.${module}`) : module;
}

/** @param {Method} method */
function methodDetail(method) {
  if (!method.usable) {
    const balance = method.balance ? formatAmount(method.balance) : "";
    const key = [`why.${method.cause}`, `why.${method.why}`].find(hasText);
    return key ? t(key, { balance }) : t("why.other");
  }
  const own = `method.${method.module}.detail`;
  if (hasText(own)) return t(own);
  return method.balance ? t("method.balance", { balance: formatAmount(method.balance) }) : "";
}

/**
 * Nothing here yet, and what to do about it.
 * @typedef {{icon: string, title: string, text: string, action?: Node}} Empty
 * @extends {ValueElement<Empty>}
 */
class SemperEmpty extends ValueElement {
  /** @param {Empty} empty */
  render(empty) {
    return [
      icon(empty.icon),
      h("div", { class: "title" }, empty.title),
      h("p", {}, empty.text),
      ...(empty.action ? [empty.action] : []),
    ];
  }
}

/**
 * Something failed: what it means, what to do, and the code to copy.
 * `page` where it is all that the page shows, so that its title is the page's.
 * @typedef {{code: string, title?: string, text?: string, retry?: () => void, action?: Node, page?: boolean}} Failure
 * @extends {ValueElement<Failure>}
 */
class SemperError extends ValueElement {
  /** @param {Failure} failure */
  render(failure) {
    this.setAttribute("role", "alert");
    const { title, text } = describe(failure.code);
    return [
      icon(failure.code === "network-failed" ? "offline" : "alert"),
      h(failure.page ? "h1" : "div", { class: "title" }, failure.title ?? title),
      h("p", {}, failure.text ?? text),
      ...(failure.retry ? [h("button", { class: "button primary", type: "button", onclick: failure.retry }, t("error.retry"))] : []),
      ...(failure.action ? [failure.action] : []),
      codeLine(failure.code),
    ];
  }
}

/** What an error code means in plain words. @param {string} code */
export function describe(code) {
  const known = hasText(`error.${code}.title`);
  return {
    title: t(known ? `error.${code}.title` : "error.other.title"),
    text: t(known ? `error.${code}.text` : "error.other.text"),
  };
}

/** A code in small type that can be copied. @param {string} code @param {string} [label] */
export function codeLine(code, label = t("error.copy")) {
  const button = h("button", { class: "copy", type: "button", "aria-label": label, title: label }, icon("copy"));
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code);
    button.replaceChildren(icon("check"));
    setTimeout(() => button.replaceChildren(icon("copy")), 1500);
  });
  return h("div", { class: "code-line" }, h("span", {}, code), button);
}

/**
 * The steps of a work that runs: done, current, to come.
 * @param {{key: string, label: string}[]} steps
 * @returns {{list: HTMLElement, reach: (key: string) => void, finish: () => void}}
 */
export function stepList(steps) {
  const rows = steps.map((step) =>
    h("li", {}, h("span", { class: "dot", "aria-hidden": "true" }, icon("check")), h("span", {}, step.label)),
  );
  const said = h("p", { class: "visually-hidden", role: "status" });
  /** @param {number} current */
  const show = (current) => {
    rows.forEach((row, index) => {
      row.className = index < current ? "done" : index === current ? "current" : "";
    });
    said.textContent = steps[current]?.label ?? "";
  };
  show(0);
  return {
    list: h("div", {}, h("ol", { class: "steps" }, ...rows), said),
    reach(key) {
      const index = steps.findIndex((step) => step.key === key);
      if (index >= 0) show(index);
    },
    finish: () => show(steps.length),
  };
}

customElements.define("semper-amount", SemperAmount);
customElements.define("semper-party", SemperParty);
customElements.define("semper-progress", SemperProgress);
customElements.define("semper-receipt", SemperReceipt);
customElements.define("semper-methods", SemperMethods);
customElements.define("semper-empty", SemperEmpty);
customElements.define("semper-error", SemperError);
