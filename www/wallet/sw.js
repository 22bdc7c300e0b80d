/**
 * The wallet's service worker. It answers three things and holds no key: the browser's payment requests, the frames in which bought
 * pages are read, and the wallet's own files while there is no network.
 */

const SHELL = "semper-shell-1";
const FRESH_WAIT_MS = 3000;

/** The wallet's own files, so that the library opens offline. */
const FILES = [
  "/", "/confirm", "/wallet.css", "/goods.css", "/app.js", "/confirm.js", "/asker.js", "/client.js", "/shell.js", "/worker.js", "/config.json",
  "/worker/content.js", "/worker/database.js", "/worker/files.js", "/worker/http.js", "/worker/session.js", "/worker/store.js",
  "/views/add-cash.js", "/views/cards.js", "/views/confirm.js", "/views/deal.js", "/views/first-run.js", "/views/home.js", "/views/invoice.js", "/views/library.js",
  "/views/link.js", "/views/people.js", "/views/policy.js", "/views/transfer.js",
  "/views/passphrase.js", "/views/reader.js", "/views/restore.js", "/views/save.js", "/views/settings.js", "/views/stop.js",
  "/views/unlock.js", "/text/en.js", "/text/de.js", "/text/fr.js",
  "/common/tokens.css", "/common/base.css", "/common/components.css", "/common/dom.js", "/common/elements.js", "/common/i18n.js", "/common/qr.js", "/common/vendor/uqr.js",
  "/common/text/en.js", "/common/text/de.js", "/common/text/fr.js",
  "/pkg/semper_wallet.js", "/pkg/semper_wallet_bg.wasm", "/words.txt",
  "/manifest.webmanifest", "/icons/icon.svg", "/icons/icon-192.png", "/icons/icon-512.png",
];

/**
 * What a bought page may do: style itself and show what it carries. `sandbox` without any permission gives it an origin of its own, no
 * script, no form, no navigation of others; `default-src 'none'` lets it ask nobody for anything.
 */
const PAGE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; font-src data:; frame-ancestors 'self'";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== self.location.origin || event.request.method !== "GET") return;
  if (url.pathname.startsWith("/view/")) event.respondWith(viewPage(url.pathname.slice("/view/".length)));
  else if (FILES.includes(url.pathname)) event.respondWith(freshOrKept(event.request, url.pathname));
});

/** The network's answer when it comes in time, so that a repaired wallet is used at once; else the kept one. */
async function freshOrKept(request, path) {
  const cache = await caches.open(SHELL);
  const kept = await cache.match(path);
  const fresh = fetch(request).then((answer) => {
    if (answer.ok) cache.put(path, answer.clone());
    return answer;
  });
  if (!kept) return fresh;
  const late = new Promise((resolve) => setTimeout(() => resolve(kept.clone()), FRESH_WAIT_MS));
  return Promise.race([fresh.catch(() => kept.clone()), late]);
}

/** Asks the wallet's windows which of them has this page open, and serves its bytes under the page's own policy. */
async function viewPage(id) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const blob = await Promise.any(windows.map((client) => askForPage(client, id))).catch(() => null);
  if (!blob) return new Response("", { status: 404 });
  return new Response(blob, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": PAGE_POLICY,
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    },
  });
}

function askForPage(client, id) {
  return new Promise((resolve, reject) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = ({ data }) => resolve(data.blob);
    setTimeout(() => reject(new Error("no answer")), FRESH_WAIT_MS);
    client.postMessage({ type: "view", id }, [channel.port2]);
  });
}

/** Payment requests whose window is open. @type {Map<string, {offer: string, origin: string, resolve: Function, reject: Function}>} */
const payments = new Map();

self.addEventListener("canmakepayment", (event) => event.respondWith(true));

self.addEventListener("paymentrequest", (event) => {
  const id = crypto.randomUUID();
  const method = event.methodData[0];
  const answer = new Promise((resolve, reject) => {
    payments.set(id, { offer: String(method?.data?.offer ?? ""), origin: event.topOrigin, resolve, reject });
  }).finally(() => payments.delete(id));
  event.respondWith(answer.then((details) => ({ methodName: method.supportedMethods, details })));
  event.openWindow(`/confirm?handler=${id}`).then(
    (opened) => opened ?? payments.get(id)?.reject(new Error("the wallet's window could not be opened")),
    (error) => payments.get(id)?.reject(error),
  );
});

self.addEventListener("message", (event) => {
  const { id, type, result } = event.data ?? {};
  const payment = payments.get(id);
  // Only the wallet's own windows can reach this worker; a request that is over has no entry.
  if (!payment) return;
  if (type === "payment-result") payment.resolve(result);
  // An answer and no rejection: browsers leave the sheet standing open after one.
  if (type === "payment-cancelled") payment.resolve({ cancelled: true });
  event.ports[0]?.postMessage({ offer: payment.offer, origin: payment.origin });
});
