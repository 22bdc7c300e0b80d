/** `<semper-pay offer="…">`: a button that pays, once at a time, and says how it went. */
import { PayError } from "./error.js";
import { pay } from "./index.js";

/** @type {Record<string, Record<string, string>>} */
const TEXT = {
  en: {
    buy: "Buy",
    waiting: "Waiting for your wallet …",
    cancelled: "Nothing was bought.",
    "popup-blocked": "The wallet’s window was blocked. Allow this page to open windows, then press again.",
    "in-progress": "Another purchase is still open in your wallet.",
    failed: "Your wallet could not finish this. Nothing is paid twice; try again.",
  },
  de: {
    buy: "Kaufen",
    waiting: "Wartet auf Ihre Geldbörse …",
    cancelled: "Es wurde nichts gekauft.",
    "popup-blocked": "Das Fenster der Geldbörse wurde blockiert. Erlauben Sie dieser Seite Fenster und drücken Sie noch einmal.",
    "in-progress": "Ein anderer Kauf ist in Ihrer Geldbörse noch offen.",
    failed: "Ihre Geldbörse konnte das nicht beenden. Nichts wird doppelt bezahlt; versuchen Sie es noch einmal.",
  },
  fr: {
    buy: "Acheter",
    waiting: "En attente de votre portefeuille…",
    cancelled: "Rien n’a été acheté.",
    "popup-blocked": "La fenêtre du portefeuille a été bloquée. Autorisez cette page à ouvrir des fenêtres, puis appuyez encore.",
    "in-progress": "Un autre achat est encore ouvert dans votre portefeuille.",
    failed: "Votre portefeuille n’a pas pu terminer. Rien n’est payé deux fois ; réessayez.",
  },
};

/** @param {string} key */
function say(key) {
  const language = document.documentElement.lang.split("-")[0] ?? "en";
  const words = TEXT[language] ?? TEXT.en;
  return words?.[key] ?? words?.failed ?? "";
}

const STYLE = `
  :host { display: inline-grid; gap: 0.5rem; }
  :host([hidden]) { display: none; }
  button {
    min-height: 52px; padding: 0.5rem 1.75rem; border: 0; border-radius: 8px; background: #0b6656; color: #fff;
    font: inherit; font-weight: 600; cursor: pointer;
  }
  button:focus-visible { outline: 3px solid #1d5fd1; outline-offset: 2px; }
  button[aria-disabled="true"] { cursor: progress; opacity: 0.7; }
  [part="status"] { margin: 0; font-size: 0.875rem; }
  [part="status"]:empty { display: none; }
`;

export class SemperPay extends HTMLElement {
  static observedAttributes = ["label"];

  #button = document.createElement("button");
  #status = document.createElement("p");
  #busy = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.#button.type = "button";
    this.#button.part.add("button");
    this.#button.addEventListener("click", () => this.pay());
    this.#status.part.add("status");
    this.#status.setAttribute("role", "status");
    root.append(this.#button, this.#status);
  }

  get offer() {
    return this.getAttribute("offer") ?? "";
  }

  set offer(value) {
    this.setAttribute("offer", value);
  }

  get label() {
    return this.getAttribute("label") ?? "";
  }

  set label(value) {
    this.setAttribute("label", value);
  }

  connectedCallback() {
    this.#show();
  }

  attributeChangedCallback() {
    this.#show();
  }

  async pay() {
    if (this.#busy) return;
    this.#busy = true;
    this.#status.textContent = "";
    this.#show();
    try {
      const ordered = (/** @type {string} */ deal) => this.#tell("semper-ordered", { deal });
      this.#tell("semper-paid", await pay(this.offer, { ordered }));
    } catch (error) {
      const failure = error instanceof PayError ? error : new PayError("wallet-failed", String(error));
      this.#status.textContent = say(failure.code);
      if (failure.code === "cancelled") this.#tell("semper-cancelled", null);
      else this.#tell("semper-failed", failure);
    } finally {
      this.#busy = false;
      this.#show();
    }
  }

  #show() {
    this.#button.textContent = this.#busy ? say("waiting") : this.label || say("buy");
    this.#button.setAttribute("aria-disabled", String(this.#busy));
  }

  /** @param {string} type @param {unknown} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

customElements.define("semper-pay", SemperPay);
