/** What both of the wallet's documents do: text, service worker, configuration, showing a view, and asking for the passphrase in between. */
import { h } from "/common/dom.js";
import { loadText, t, translate } from "/common/i18n.js";
import "/common/elements.js";
import { WalletClient, codeOf, ownScript } from "./client.js";
import { firstRunView } from "./views/first-run.js";
import { unlockView } from "./views/unlock.js";

const BUSY_SHOWN_MS = 100;

/**
 * A view; `gate` when it only stands before what was wanted, as the question for the passphrase does.
 * @typedef {{title: string, content: Node, wide?: boolean, bare?: boolean, gate?: boolean, leave?: () => void}} View
 * @typedef {{default_mint: string, shops: string[]}} Config
 * @typedef {{wallet: WalletClient, config: Config, show: (make: Make) => Promise<void>, again: () => void}} Context
 * @typedef {(context: Context) => View | Promise<View>} Make
 */

/** @returns {Promise<Context>} */
export async function startShell() {
  await loadText("/common/text", "/text");
  translate(document);
  navigator.serviceWorker?.register(ownScript("/sw.js")).catch(() => {
    // Without it the wallet works as long as the network does; goods' pages say so when they cannot be shown.
  });
  const wallet = new WalletClient();
  const config = await readConfig();
  const context = { wallet, config, show, again: () => {} };

  /** @type {View | null} */
  let current = null;
  let turn = 0;

  /** Shows a view; while it is made, that it is; when the wallet is locked or new, what that needs first. @param {Make} make */
  async function show(make) {
    const mine = ++turn;
    context.again = () => show(make);
    const busy = setTimeout(() => put(busyView()), BUSY_SHOWN_MS);
    const view = await Promise.resolve()
      .then(() => make(context))
      .catch((error) => failureView(error, context));
    clearTimeout(busy);
    if (mine === turn) put(view);
    else view.leave?.();
  }

  /** @param {View} view */
  function put(view) {
    current?.leave?.();
    current = view;
    document.title = `${view.title} · ${t("brand")}`;
    const main = /** @type {HTMLElement} */ (document.getElementById("main"));
    main.classList.toggle("wide", view.wide ?? false);
    main.classList.toggle("bare", view.bare ?? false);
    main.replaceChildren(view.content);
    window.scrollTo(0, 0);
    focusHeading(main);
  }

  wallet.addEventListener("locked", () => context.again());
  wallet.addEventListener("changed", () => {
    // Another window opened the wallet; this one asked for the passphrase too.
    if (current?.gate && !document.querySelector("form[aria-busy]")) context.again();
  });
  return context;
}

/** Moves the focus to the new content, so that a screen reader begins there. @param {HTMLElement} root */
export function focusHeading(root) {
  if (root.querySelector("[autofocus]")) {
    /** @type {HTMLElement} */ (root.querySelector("[autofocus]")).focus();
    return;
  }
  const heading = root.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus();
}

/** @returns {Promise<Config>} */
async function readConfig() {
  try {
    const answer = await fetch("/config.json");
    return answer.ok ? await answer.json() : { default_mint: "", shops: [] };
  } catch {
    return { default_mint: "", shops: [] };
  }
}

/** @returns {View} */
function busyView() {
  return { title: t("busy"), content: h("div", { class: "waiting" }, h("semper-progress", { value: { label: t("busy") } })) };
}

/** @param {unknown} error @param {Context} context @returns {View | Promise<View>} */
function failureView(error, context) {
  const code = codeOf(error);
  if (code === "wallet-locked") return unlockView(context);
  if (code === "wallet-empty") return firstRunView(context);
  const failure = h("semper-error", { value: { code, page: true, retry: () => context.again() } });
  return { title: t("failed"), content: failure };
}
