/** Cash over time and over devices: renewed before it is too old, found again from words, taken over, taken back from a silent shop. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, afterEach, before } from "node:test";
import { promisify } from "node:util";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { look } from "./support/pictures.mjs";
import { semper } from "./support/programs.mjs";
import { scenario } from "./support/scenario.mjs";
import { buy, press, seesYours } from "./support/shop-pages.mjs";
import { PASSPHRASE, choosePassphrase, makeFunded, openHome, payButton, seesBalance } from "./support/wallet-pages.mjs";

/** @type {Demo} */
let demo;
/** @type {Person[]} */
let people = [];

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.end());
afterEach(async () => {
  await Promise.all(people.map((person) => person.goes()));
  people = [];
});

async function person() {
  const someone = await Person.arrives();
  people.push(someone);
  // Chromium notes every 404, and asking a mint about what it has not seen is one.
  someone.expects(/status of 404/);
  return someone;
}

const button = (page, name) => page.getByRole("button", { name, exact: true });
const until = (moment) => new Promise((resolve) => setTimeout(resolve, Math.max(0, moment - Date.now())));

/** Sets a wallet up from words. */
async function restore(page, words) {
  await openHome(page, demo.wallet);
  await button(page, "Restore from words").click();
  await page.getByLabel("Twelve recovery words").fill(words);
  await choosePassphrase(page, PASSPHRASE);
  await button(page, "Restore").click();
}

/** Opens the home page anew, as on another day. */
async function comeBack(page, wallet) {
  await page.goto("about:blank");
  await openHome(page, wallet);
}

/** What the mint counts. @param {string} name @param {string} mint */
async function counted(mint, name) {
  const text = await (await fetch(`${mint}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, "m").exec(text)?.[1] ?? 0);
}

scenario("a second device takes the money over; the first is told, pays nothing, and can take it back", async () => {
  const [first, second] = [await person(), await person()];
  const words = await makeFunded(first.page, demo.wallet);
  await restore(second.page, words);
  await seesBalance(second.page, "€20.00");

  // The first does not know yet. Its payment is refused, and nothing moves.
  first.expects(/status of 4\d\d/);
  const popup = await press(first.page, demo, "article");
  await payButton(popup, "€3.20").click();
  await popup.getByText("This cash was spent elsewhere").first().waitFor();
  await popup.close();
  await openHome(first.page, demo.wallet);
  await first.page.getByRole("heading", { name: "Another device has this money" }).waitFor();
  assert.deepEqual(await look(first.page, "renewal-1-taken-over"), []);
  await openHome(second.page, demo.wallet);
  await seesBalance(second.page, "€20.00");
  await buy(second.page, demo, "article");
  await openHome(second.page, demo.wallet);
  await seesBalance(second.page, "€16.80");

  await button(first.page, "Take the money over").click();
  await seesBalance(first.page, "€16.80");
  await buy(first.page, demo, "course");
  await openHome(first.page, demo.wallet);
  await seesBalance(first.page, "€4.80");
  assert.deepEqual([...first.complaints, ...second.complaints], []);
});

scenario("a shop that never answers is given up, and the cash is back", async () => {
  const other = await Demo.start();
  let line = null;
  try {
    line = await other.layLine();
    const someone = await person();
    someone.expects(/Failed to load resource|net::ERR_/);
    const { page } = someone;
    await makeFunded(page, other.wallet);
    const popup = await press(page, other, "article");
    await payButton(popup, "€3.20").waitFor();
    line.cut();
    await payButton(popup, "€3.20").click();
    await popup.getByText("You seem to be offline").first().waitFor();
    await popup.close();
    await openHome(page, other.wallet);
    await page.getByRole("link", { name: /^The article/ }).click();
    await button(page, "Give up this purchase").click();
    await page.getByText("Give up for good?").waitFor();
    assert.deepEqual(await look(page, "renewal-2-give-up"), []);
    await button(page, "Keep waiting").click();
    await button(page, "Give up this purchase").click();
    await button(page, "Give up and take the cash back").click();
    await page.getByText("You gave this purchase up.").waitFor();
    assert.equal(await button(page, "Give up this purchase").count(), 0);
    await openHome(page, other.wallet);
    await seesBalance(page, "€20.00");

    // The shop comes back: it has nothing, and the cash pays there again.
    line.mend();
    await buy(page, other, "course");
    await openHome(page, other.wallet);
    await seesBalance(page, "€8.00");
    assert.deepEqual(someone.complaints, []);
  } finally {
    line?.end();
    await other.end();
  }
});

scenario("cash that is called back is worth what it was", async () => {
  const someone = await person();
  someone.expects(/status of 4\d\d/);
  const { page } = someone;
  await makeFunded(page, demo.wallet);
  const held = await demo.bankBalance();
  const published = async () => {
    const document = await (await fetch(`${demo.mint}/keys`)).text();
    return JSON.parse(Buffer.from(document.split(".")[1], "base64url").toString());
  };
  const before = new Set((await published()).denominations.map((denomination) => denomination.n));
  await promisify(execFile)(semper(), ["mint", "revoke", "--data", demo.data, "--all", "--reason", "Its keys may be in other hands"]);
  /** Revoked, and with keys in the place of the revoked ones. */
  const replaced = async () => {
    const { revoked, denominations } = await published();
    return revoked?.length > 0 && denominations.some((denomination) => !before.has(denomination.n));
  };
  for (const end = Date.now() + 60_000; !(await replaced()) && Date.now() < end; ) await until(Date.now() + 200);
  assert.ok(await replaced(), "the mint has taken it in");

  // The wallet does not know yet: its payment is refused, and it is told why, and that nothing is lost.
  const popup = await press(page, demo, "article");
  await payButton(popup, "€3.20").click();
  await popup.getByText("Some of this cash was called back").first().waitFor();
  assert.deepEqual(await look(popup, "renewal-3-called-back"), []);
  await button(popup, "Try again").click();
  await Promise.all([seesYours(page), popup.isClosed() || popup.waitForEvent("close")]);
  await openHome(page, demo.wallet);
  await seesBalance(page, "€16.80");
  assert.equal(await demo.bankBalance(), held, "no money was brought in for it");
  const metrics = await (await fetch(`${demo.mint}/metrics`)).text();
  assert.match(metrics, /route="\/recoups",status="200"/, "the old coins were given back");
  await buy(page, demo, "course");
  await openHome(page, demo.wallet);
  await seesBalance(page, "€4.80");
  assert.deepEqual(someone.complaints, []);
});

/** So many seconds a day has here, and so many days cash is good: long enough for a slow machine to get it. */
const DAY_S = 6;
const SPEND_DAYS = 12;

scenario("cash is renewed before it is too old, and words find it after the rotation", async () => {
  const begun = Date.now();
  await demo.reconfigure((text) =>
    `${text}\n[mint.denominations]\nlargest_minor = 64\nissue_days = 4\nspend_days = ${SPEND_DAYS}\noverlap_days = 1\nahead_days = 4\nday_s = ${DAY_S}\n`,
  );
  const old = begun + 1000 * DAY_S * SPEND_DAYS;
  const someone = await person();
  const { page } = someone;
  const words = await makeFunded(page, demo.wallet);
  const melts = () => counted(demo.mint, "semper_mint_melts_total");
  assert.equal(await melts(), 0);
  // Looked into now and then, it is exchanged when its time has come.
  for (const end = begun + 95_000; (await melts()) === 0 && Date.now() < end; ) {
    await until(Math.max(Date.now() + 3_000, old - 20_000));
    await comeBack(page, demo.wallet);
    await seesBalance(page, "€20.00");
  }
  assert.ok((await melts()) > 0, "it was exchanged");
  // What was issued in the beginning cannot be spent any more.
  await until(old + 1_000);
  await comeBack(page, demo.wallet);
  await seesBalance(page, "€20.00");
  const elsewhere = await person();
  await restore(elsewhere.page, words);
  await seesBalance(elsewhere.page, "€20.00");
  await buy(elsewhere.page, demo, "article");
  await openHome(elsewhere.page, demo.wallet);
  await seesBalance(elsewhere.page, "€16.80");
  assert.deepEqual([...someone.complaints, ...elsewhere.complaints], []);
});
