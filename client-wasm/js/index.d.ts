/** Where the buyer's wallet lives. */
export interface Options {
  /** The wallet's origin, `https://wallet.example`. */
  wallet: string;
}

/** A purchase that is paid for. Hand `receipt` to a server that wants proof; it is the merchant's own signed statement (JWS). */
export interface Paid {
  /** The deal's id, base64url of 32 bytes; the wallet shows it at `{wallet}/#/deal/{deal}`. */
  deal: string;
  /** Where the deal stands: `"delivered"`, `"acknowledged"`, `"paid"` … */
  state: string;
  /** The merchant's receipt as a compact JWS, `null` while it is on its way. */
  receipt: string | null;
}

/** Whom to tell of a purchase that is not finished yet. */
export interface Listener {
  /** The order is made and its invoice is to be paid by transfer: the goods come when the money has. */
  ordered?: (deal: string) => void;
}

/** Why a payment did not come about. */
export type PayErrorCode = "cancelled" | "popup-blocked" | "in-progress" | "offer-invalid" | "not-initialised" | "wallet-failed";

export class PayError extends Error {
  readonly code: PayErrorCode;
}

/** Names the wallet; once, before the first payment. Also looks whether the browser has a payment sheet for it. */
export function init(options: Options): void;

/**
 * Lets the buyer's wallet show the offer, ask, pay and keep the goods. Call it from a click: the browser opens a window.
 * The same offer asked for again while it is being paid gives the same promise.
 * @throws {PayError}
 */
export function pay(offerUrl: string, listener?: Listener): Promise<Paid>;

/** `<semper-pay offer="https://shop.example/offers/42">`: a button that pays. Style it with `::part(button)` and `::part(status)`. */
export class SemperPay extends HTMLElement {
  /** The offer's address, absolute or relative to the page. */
  offer: string;
  /** What the button says; "Buy" in the page's language when empty. */
  label: string;
  /** Does what a click does. */
  pay(): Promise<void>;
}

/** Events of `<semper-pay>`; all bubble. */
export interface SemperPayEventMap {
  "semper-paid": CustomEvent<Paid>;
  "semper-ordered": CustomEvent<{ deal: string }>;
  "semper-cancelled": CustomEvent<null>;
  "semper-failed": CustomEvent<PayError>;
}

declare global {
  interface HTMLElementTagNameMap {
    "semper-pay": SemperPay;
  }
  interface HTMLElementEventMap extends SemperPayEventMap {}
}
