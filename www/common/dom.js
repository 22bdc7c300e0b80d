/** Building pages from nodes: no HTML strings, so that text from a statement can never become markup. */

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, unknown>} Props
 */

/**
 * Makes an element. Properties starting with `on` are listeners, those the element knows are set as properties, all others are attributes;
 * `null`, `undefined` and `false` leave an attribute away.
 * @template {string} T
 * @param {T} tag
 * @param {Props} [props]
 * @param {...(Child | Child[])} children
 * @returns {T extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[T] : HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on") && typeof value === "function") {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (name === "class") {
      element.className = String(value);
    } else if (name === "value" || name === "checked" || name === "disabled" || typeof value === "object") {
      /** @type {any} */ (element)[name] = value;
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(element, children);
  return /** @type {any} */ (element);
}

/** @param {Element} parent @param {(Child | Child[])[]} children */
function append(parent, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

const SVG = "http://www.w3.org/2000/svg";

/** Outlines on a 24-unit square. @type {Record<string, string>} */
const OUTLINES = {
  add: "M12 5v14M5 12h14",
  ask: "M12 21V8M6.5 13.5L12 8l5.5 5.5M4 4h16",
  alert: "M12 3 2 20h20L12 3zM12 10v4M12 17v.5",
  back: "M15 5l-7 7 7 7",
  bank: "M3 10l9-6 9 6M5 10v8M10 10v8M14 10v8M19 10v8M3 20h18",
  book: "M4 5a2 2 0 0 1 2-2h14v16H6a2 2 0 0 0-2 2V5zM4 19a2 2 0 0 0 2 2h14",
  check: "M5 12.5l4.5 4.5L19 7.5",
  coins: "M9 13a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM15.5 8.2A6.5 6.5 0 1 1 8.2 15.5M9 5v4",
  copy: "M9 9h11v12H9zM15 9V3H4v12h5",
  download: "M12 4v12M6.5 11L12 16.5 17.5 11M4 20h16",
  file: "M6 2h8l5 5v15H6zM14 2v5h5",
  home: "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
  image: "M3 4h18v16H3zM3 16l5-5 5 5 3-3 5 5M15.5 8.5v.1",
  key: "M8 19a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM11.5 10.5L20 2M17 5l3 3",
  lock: "M6 11h12v10H6zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11",
  next: "M9 5l7 7-7 7",
  offline: "M3 3l18 18M5 12a10 10 0 0 1 4-2.5M2 8.5A15 15 0 0 1 7 5.5M12 5a15 15 0 0 1 10 3.5M16 10.5a10 10 0 0 1 3 1.5M8.5 15.5a5 5 0 0 1 7 0M12 19.5v.1",
  send: "M3 11.5L21 3l-7 18-3-7.5z",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  shield: "M12 2l8 3v6c0 5-3.5 9-8 11-4.5-2-8-6-8-11V5l8-3zM8.5 12l2.5 2.5 4.5-5",
  shop: "M4 9l1.5-5h13L20 9M4 9v11h16V9M4 9h16M10 20v-6h4v6",
  sound: "M4 9v6h4l5 4V5L8 9zM16.5 8.5a5 5 0 0 1 0 7M19 6a9 9 0 0 1 0 12",
  stop: "M8 2h8l6 6v8l-6 6H8l-6-6V8zM12 7v6M12 16.5v.1",
};

/** @param {string} name @returns {SVGSVGElement} a decorative picture: say what it means in words beside it */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", OUTLINES[name] ?? "");
  svg.append(path);
  return svg;
}

let nextId = 0;

/** @param {string} [prefix] an id that no other element of this page has */
export function uniqueId(prefix = "id") {
  nextId += 1;
  return `${prefix}-${nextId}`;
}

/**
 * A labelled input with room for a hint and a problem; screen readers hear both.
 * @param {{label: string, hint?: string | Node, input: HTMLElement}} options
 * @returns {{field: HTMLElement, problem: (text: string | null) => void}}
 */
export function field({ label, hint, input }) {
  input.id ||= uniqueId("field");
  const hintLine = hint ? h("div", { class: "hint", id: `${input.id}-hint` }, hint) : null;
  const problemLine = h("div", { class: "problem", id: `${input.id}-problem`, role: "alert" });
  input.setAttribute("aria-describedby", `${hintLine ? `${hintLine.id} ` : ""}${problemLine.id}`);
  const element = h("div", { class: "field" }, h("label", { for: input.id }, label), input, hintLine, problemLine);
  return {
    field: element,
    problem(text) {
      problemLine.textContent = text ?? "";
      if (text === null) input.removeAttribute("aria-invalid");
      else {
        input.setAttribute("aria-invalid", "true");
        input.focus();
      }
    },
  };
}

/**
 * A form that runs one thing at a time: the second press while the first still runs does nothing.
 * @param {{onsubmit: () => Promise<void>, class?: string}} options
 * @param {...(Child | Child[])} children
 */
export function form({ onsubmit, class: className }, ...children) {
  let busy = false;
  const element = h("form", { class: className ?? "stack", novalidate: true }, ...children);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    element.setAttribute("aria-busy", "true");
    const buttons = [...element.querySelectorAll("button[type=submit]")];
    for (const button of buttons) button.setAttribute("aria-disabled", "true");
    try {
      await onsubmit();
    } finally {
      busy = false;
      element.removeAttribute("aria-busy");
      for (const button of buttons) button.removeAttribute("aria-disabled");
    }
  });
  return element;
}
