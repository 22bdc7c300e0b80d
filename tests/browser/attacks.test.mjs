/** A shop that cheats, and what the wallet and its pages make of it. */
import assert from "node:assert/strict";
import { after, before, beforeEach } from "node:test";
import { balance, spent } from "./support/ask.mjs";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { RogueShop } from "./support/rogue-shop.mjs";
import { scenario } from "./support/scenario.mjs";
import { press, seesYours } from "./support/shop-pages.mjs";
import { Signer, sha256 } from "./support/statements.mjs";
import { makeFunded, openHome, openPart, payButton, pressAndClose, readerFrame } from "./support/wallet-pages.mjs";

/** @type {Demo} */
let demo;
/** @type {RogueShop} */
let rogue;
/** @type {Person} */
let victim;

before(async () => {
  [demo, rogue, victim] = await Promise.all([Demo.start(), RogueShop.open(), Person.arrives()]);
  await makeFunded(victim.page, demo.wallet);
});
after(async () => {
  await victim?.goes();
  rogue?.close();
  await demo?.end();
});
beforeEach(async () => {
  victim.complaints = [];
  for (const page of victim.context.pages()) if (page !== victim.page) await page.close();
});

/** The names of the buttons that would sign an order. */
const PAYS = /^(Pay|Get)/;

const confirmation = (offer) => `${demo.wallet}/confirm#offer=${encodeURIComponent(offer)}`;
const button = (page, name) => page.getByRole("button", { name, exact: true });

/** Opens the confirmation of an offer that must be stopped; nothing on it pays. */
async function seesStop(offer, promise) {
  const page = await victim.newPage();
  await page.goto(confirmation(offer));
  await page.getByRole("alert").getByRole("heading", { name: "Stop. Do not pay here." }).waitFor();
  await page.getByText(promise).waitFor();
  assert.equal(await page.getByRole("button", { name: PAYS }).count(), 0);
  await button(page, "Leave without paying").waitFor();
  await page.close();
}

/** The genuine offer of the demo's shop. */
async function genuine(id) {
  const jws = await (await fetch(demo.offer(id))).text();
  return { jws, payload: JSON.parse(Buffer.from(jws.split(".")[1], "base64url").toString()) };
}

/** A priced offer that takes the demo mint's coins, as a sound shop would write it. */
async function priced(changes = {}) {
  const { accepts } = (await genuine("article")).payload;
  const price = { currency: "EUR", minor: 100 };
  const items = [{ title: "The thing", quantity: 1, price, vat_rate_bp: 0 }];
  return rogue.payload({ accepts, items, total: price, ...changes });
}

scenario("a sound offer of another's shop can be paid", async () => {
  const page = await victim.newPage();
  await page.goto(confirmation(await rogue.offer("sound", await priced())));
  await payButton(page, "€1.00").waitFor();
  assert.deepEqual(victim.complaints, []);
});

scenario("offers that are not what their merchant signed are stopped", async () => {
  const sound = await priced();
  const jws = await rogue.signer.sign("semper-offer+jwt", sound);
  const [header, , signature] = jws.split(".");
  const cheaper = Buffer.from(JSON.stringify({ ...sound, title: "Another thing" })).toString("base64url");
  const stranger = await Signer.make();
  await seesStop(rogue.publish("tampered", [header, cheaper, signature].join(".")), "The shop’s signature is wrong");
  await seesStop(rogue.publish("forged", await stranger.sign("semper-offer+jwt", sound, { header: { kid: rogue.signer.thumbprint } })), "The shop’s signature is wrong");
  await seesStop(await rogue.offer("sums", { ...sound, total: { currency: "EUR", minor: 1 } }), "The offer is not what the shop signed.");
  await seesStop(await rogue.offer("terms", { ...sound, terms: { text: "Other terms.", digest: sha256("These terms.") } }), "The offer is not what the shop signed.");
  await seesStop(rogue.publish("receipt", await rogue.signer.sign("semper-receipt+jwt", sound)), "A check of what this shop sent has failed.");
  await seesStop(rogue.publish("critical", await rogue.signer.sign("semper-offer+jwt", sound, { header: { crit: ["b64"], b64: true } })), "A check of what this shop sent has failed.");
  await seesStop(await rogue.offer("huge", { ...sound, summary: "x".repeat(70_000) }), "A check of what this shop sent has failed.");
  await seesStop(rogue.publish("none", jws.replace(/^[^.]+/, encoded({ alg: "none", typ: "semper-offer+jwt", kid: rogue.signer.thumbprint }))), "A check of what this shop sent has failed.");
  assert.deepEqual(victim.complaints, []);
});

scenario("an offer from another place than its merchant's is stopped", async () => {
  const { jws } = await genuine("article");
  await seesStop(rogue.publish("borrowed", jws), "The offer names another shop than the one that sent it.");
  const redirected = rogue.answer("redirected", (answer) => answer.writeHead(302, { location: demo.offer("article") }).end());
  await seesStop(redirected, "The offer names another shop than the one that sent it.");
  const { payload } = await genuine("article");
  await seesStop(await rogue.offer("posing", { ...payload, merchant: { ...payload.merchant, key: rogue.signer.jwk } }), "The offer names another shop than the one that sent it.");
});

scenario("an offer whose time is over cannot be paid", async () => {
  const page = await victim.newPage();
  const now = Math.floor(Date.now() / 1000);
  await page.goto(confirmation(await rogue.offer("expired", { ...(await priced()), issued_at: now - 100, expires_at: now - 1 })));
  await page.getByText("This offer has expired").waitFor();
  assert.equal(await page.getByRole("button", { name: PAYS }).count(), 0);
});

scenario("what is no offer at all cannot be paid", async () => {
  victim.expects(/status of 404|ERR_CONNECTION_REFUSED|ERR_UNSAFE_PORT|blocked by CORS|Content Security Policy|violates the following/);
  const none = rogue.answer("page", (answer) => answer.writeHead(200, { "content-type": "text/html" }).end("<h1>Hello</h1>"));
  for (const offer of [none, `${rogue.url}/offers/nothing`, "javascript:alert(1)", "file:///etc/passwd", "http://localhost:1/offers/x", ""]) {
    const page = await victim.newPage();
    await page.goto(confirmation(offer));
    await page.getByRole("alert").waitFor();
    assert.equal(await page.getByRole("button", { name: PAYS }).count(), 0, offer);
    await page.close();
  }
});

scenario("markup in an offer is text, on every page that shows it", async () => {
  const { page } = victim;
  await page.goto(demo.merchant);
  await page.getByRole("link", { name: /img src=x/ }).waitFor();
  const popup = await press(page, demo, "hostile");
  await popup.getByText('<img src=x onerror="window.hacked=1">', { exact: false }).first().waitFor();
  await popup.getByText("Details and terms").click();
  assert.equal(await popup.evaluate(() => window.hacked), undefined);
  assert.equal(await popup.locator("main img, main script, main b").count(), 0);
  await payButton(popup, "€0.40").click();
  await seesYours(page);
  if (!popup.isClosed()) await popup.waitForEvent("close");
  assert.equal(await page.locator("main img[src=x], main script").count(), 0);
  assert.equal(await page.evaluate(() => window.hacked), undefined);

  for (const place of ["", "library"]) {
    await page.goto(`${demo.wallet}/#/${place}`);
    await page.getByText(/img src=x/).first().waitFor();
    assert.equal(await page.locator("main img, main script, main b").count(), 0);
  }
  assert.deepEqual(victim.complaints, []);
});

scenario("a bought page runs nothing and asks nobody", async () => {
  const page = await victim.newPage();
  const parts = [
    rogue.part(`<!doctype html><meta charset="utf-8"><p>Still only a page.</p>
      <script>document.querySelector("p").textContent = "It ran a script."; parent.hacked = 1;</script>
      <img src="${rogue.url}/beacon"><link rel="stylesheet" href="${rogue.url}/beacon"><meta http-equiv="refresh" content="0;url=${rogue.url}/beacon">
      <form action="${rogue.url}/beacon"><button>Send</button></form><a href="${rogue.url}/beacon" target="_top">Leave</a>`),
  ];
  await page.goto(confirmation(await rogue.offer("nosy", rogue.payload({ good: "nosy" }, parts), parts)));
  await button(page, "Get it for free").click();
  await page.getByRole("heading", { name: "It is yours" }).waitFor();
  // The frame's policy forbids what the page tries, and the browser says so.
  victim.expects(/Content Security Policy|Blocked script execution|sandboxed|frame-src/);
  await openPart(page, demo.wallet, "The page");
  const frame = readerFrame(page, "The page");
  await frame.getByText("Still only a page.").waitFor();
  await frame.getByRole("button", { name: "Send" }).click();
  await frame.getByRole("link", { name: "Leave" }).click();
  assert.match(page.url(), /#\/read\//);
  assert.equal(await frame.getByText("It ran a script.").count(), 0);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  const inside = page.frames().find((one) => one.url().includes("/view/"));
  assert.equal(await inside.evaluate(() => window.origin), "null", "it has an origin of its own");
  assert.deepEqual(rogue.asked.filter((path) => path === "/beacon"), []);
});

scenario("content that was tampered with is not shown", async () => {
  const parts = ["ciphertext", "content", "shorter"].map((name) => rogue.part(`<!doctype html><p>Secret ${name}.</p>`, { name: `${name}.html`, title: `The ${name}` }));
  const [ciphertext, content, shorter] = parts;
  const other = rogue.part("<!doctype html><p>Something else.</p>");
  content.key = other.key;
  content.promise.key_hash = other.promise.key_hash;
  rogue.bendContent(ciphertext.promise, (stream) => (stream.writeUInt8(stream[40] ^ 1, 40), stream));
  rogue.bendContent(content.promise, () => contentOf(other));
  rogue.bendContent(shorter.promise, (stream) => stream.subarray(0, 30));
  const page = await victim.newPage();
  await page.goto(confirmation(await rogue.offer("bent", rogue.payload({ good: "bent" }, parts), parts)));
  await button(page, "Get it for free").click();
  await page.getByRole("heading", { name: "It is yours" }).waitFor();
  for (const { promise } of parts) {
    await openPart(page, demo.wallet, promise.title);
    await page.getByText("The file is not what was promised").waitFor();
    await page.getByText("content-invalid", { exact: true }).waitFor();
    assert.equal(await page.locator("iframe").count(), 0);
  }
  assert.deepEqual(victim.complaints, []);

  function contentOf({ promise }) {
    let kept;
    rogue.bendContent(promise, (stream) => (kept = stream));
    return kept;
  }
});

scenario("a key that does not fit is a broken promise, kept as evidence", async () => {
  const parts = [rogue.part("<!doctype html><p>Never seen.</p>")];
  rogue.bendDelivery = () => ({ key: Buffer.alloc(16) });
  const page = await victim.newPage();
  try {
    await page.goto(confirmation(await rogue.offer("keyless", rogue.payload({ good: "keyless", title: "The keyless thing" }, parts), parts)));
    await button(page, "Get it for free").click();
    await page.getByText("What was delivered is not what was offered.").waitFor();
    await page.getByText("The evidence is kept in your wallet.", { exact: false }).waitFor();
  } finally {
    rogue.bendDelivery = (delivery) => delivery;
  }
  await openHome(page, demo.wallet);
  await page.getByRole("link", { name: /^The keyless thing/ }).click();
  await page.getByText("Delivery, signed by the shop", { exact: true }).waitFor();
});

scenario("neither wallet nor shop can be framed", async () => {
  victim.expects(/frame-ancestors|Refused to frame|X-Frame-Options|refused to connect/i);
  const framed = [demo.wallet, `${demo.wallet}/confirm`, demo.merchant, demo.good("article")];
  rogue.pages.set("/frames", framed.map((url) => `<iframe src="${url}"></iframe>`).join(""));
  const page = await victim.newPage();
  await page.goto(`${rogue.url}/frames`);
  await page.waitForFunction((count) => document.querySelectorAll("iframe").length === count, framed.length);
  const frames = page.frames().slice(1);
  assert.equal(frames.length, framed.length);
  for (const frame of frames) {
    await frame.waitForLoadState();
    assert.match(frame.url(), /^chrome-error:/);
  }
});

scenario("who is not the wallet is not heard by the shop", async () => {
  const forged = { semper: 1, type: "result", result: { deal: sha256("x"), state: "delivered", receipt: null } };
  rogue.pages.set("/opener", `<script>const opened = {};</script>`);
  const attacker = await victim.newPage();
  await attacker.goto(`${rogue.url}/opener`);
  const [shop] = await Promise.all([attacker.waitForEvent("popup"), attacker.evaluate((url) => void (opened.shop = open(url)), demo.good("atlas"))]);
  const [wallet] = await Promise.all([shop.waitForEvent("popup"), button(shop, "Buy for €5.00").click()]);
  await payButton(wallet, "€5.00").waitFor();
  await attacker.evaluate((message) => opened.shop.postMessage(message, "*"), forged);
  await attacker.evaluate((message) => opened.shop.postMessage({ ...message, type: "cancelled" }, "*"), forged);
  await shop.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  assert.equal(await shop.getByText("It is in your wallet’s library").count(), 0);
  await shop.getByRole("button", { name: "Waiting for your wallet …" }).waitFor();

  await pressAndClose(wallet, "Cancel");
  await shop.getByText("Nothing was bought.").waitFor();
});

scenario("who did not open the wallet is not heard by it", async () => {
  rogue.pages.set("/stranger", `<script>
    parent.addEventListener("message", ({ source, data }) => {
      if (data.type === "ready") source.postMessage({ semper: 1, type: "offer", offer: ${JSON.stringify(demo.offer("article"))} }, "*");
    });
  </script>`);
  rogue.pages.set("/host", '<iframe src="/stranger"></iframe>');
  const page = await victim.newPage();
  await page.goto(`${rogue.url}/host`);
  const [popup] = await Promise.all([page.waitForEvent("popup"), page.evaluate((url) => void window.open(url), `${demo.wallet}/confirm`)]);
  await popup.getByRole("alert").waitFor();
  assert.equal(await popup.getByRole("button", { name: PAYS }).count(), 0);
});

scenario("a shop that sends its customer to another's offer is named", async () => {
  rogue.pages.set("/middle", `<script>
    addEventListener("message", ({ source, data }) => {
      if (data.type === "ready") source.postMessage({ semper: 1, type: "offer", offer: ${JSON.stringify(demo.offer("article"))} }, "*");
      else (window.got ??= []).push(data);
    });
  </script>`);
  const middle = await victim.newPage();
  await middle.goto(`${rogue.url}/middle`);
  const [popup] = await Promise.all([middle.waitForEvent("popup"), middle.evaluate((url) => void window.open(url), `${demo.wallet}/confirm`)]);
  await popup.getByText(`You were sent here by ${new URL(rogue.url).host}, which is another address than the shop’s.`).waitFor();
  await pressAndClose(popup, "Cancel");
  await middle.waitForFunction(() => window.got?.length > 0);
  assert.deepEqual(await middle.evaluate(() => window.got), [{ semper: 1, type: "cancelled" }]);
});

scenario("after all this not a cent is missing", async () => {
  await openHome(victim.page, demo.wallet);
  assert.equal((await balance(victim.page)) + (await spent(victim.page)), 2000);
});

function encoded(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
