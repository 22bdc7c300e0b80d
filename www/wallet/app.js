/** The wallet's main document: the bar with its places, and the view for the address after `#`. */
import { h, icon } from "/common/dom.js";
import { t } from "/common/i18n.js";
import { WalletError } from "./client.js";
import { startShell } from "./shell.js";
import { addCashView } from "./views/add-cash.js";
import { dealView } from "./views/deal.js";
import { homeIsOutdated, homeView } from "./views/home.js";
import { libraryView } from "./views/library.js";
import { linkView } from "./views/link.js";
import { requestView, sendView } from "./views/people.js";
import { readerView } from "./views/reader.js";
import { settingsView } from "./views/settings.js";
import { transferView } from "./views/transfer.js";

/** @typedef {import("./shell.js").Context} Context */

/** @type {Record<string, (context: Context, parameters: string[]) => import("./shell.js").View | Promise<import("./shell.js").View>>} */
const VIEWS = {
  "": homeView,
  "add-cash": (context) => addCashView(context, { onDone: () => goTo("#/") }),
  deal: dealView,
  send: sendView,
  request: requestView,
  transfer: transferView,
  library: libraryView,
  read: readerView,
  settings: settingsView,
};

/** What somebody sent: cash, or the wish for some. */
const LINK = /^#(receive|pay)=/;

const PLACES = [
  { path: "", icon: "home", label: "nav.home" },
  { path: "library", icon: "book", label: "nav.library" },
  { path: "settings", icon: "settings", label: "nav.settings" },
];

/** @param {string} hash */
function goTo(hash) {
  location.hash = hash;
}

const context = await startShell();

function route() {
  const link = LINK.test(location.hash) ? location.hash.slice(1) : null;
  if (location.hash !== "" && !location.hash.startsWith("#/") && !link) return;
  const [place = "", ...parameters] = location.hash.slice(2).split("/").map(decodeURIComponent);
  markPlace(place);
  const view = VIEWS[place] ?? homeView;
  context.show(async () => {
    const status = await context.wallet.call("status");
    document.body.dataset.state = status.state;
    if (status.state !== "unlocked") throw new WalletError(`wallet-${status.state}`, "the wallet has to be opened first");
    return link ? linkView(context, link) : view(context, parameters);
  });
}

/** @param {string} place */
function markPlace(place) {
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.getAttribute("href") === `#/${place}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function bar() {
  const links = PLACES.map((place) => h("a", { href: `#/${place.path}` }, icon(place.icon), h("span", {}, t(place.label))));
  const lock = h("button", { class: "button quiet lock", type: "button" }, icon("lock"), h("span", {}, t("nav.lock")));
  lock.addEventListener("click", async () => {
    await context.wallet.call("lock");
    route();
  });
  return [
    h("a", { class: "brand", href: "#/" }, h("span", { class: "brand-mark", "aria-hidden": "true" }), t("brand")),
    h("nav", { "aria-label": t("nav.label") }, ...links),
    lock,
  ];
}

document.getElementById("bar")?.replaceChildren(...bar());
window.addEventListener("hashchange", route);
context.wallet.addEventListener("changed", async () => {
  // Another window may have paid or added cash: the balance that is shown here is the present one.
  const atHome = location.hash.length <= 2 && document.body.dataset.state === "unlocked";
  if (atHome && (await homeIsOutdated(context).catch(() => false))) route();
});
route();
