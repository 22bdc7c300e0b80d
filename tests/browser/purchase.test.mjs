/** A purchase as a person makes it: shop, wallet, cash, confirmation, goods, and everything that may come between. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before } from "node:test";
import { ask, balance, deals, spent } from "./support/ask.mjs";
import { atlas } from "./support/catalogue.mjs";
import { Demo } from "./support/demo.mjs";
import { Person } from "./support/person.mjs";
import { scenario } from "./support/scenario.mjs";
import { buy, press, seesYours } from "./support/shop-pages.mjs";
import {
  PASSPHRASE, addCash, choosePassphrase, firstRun, makeFunded, openHome, openPart, payButton, pressAndClose, readerFrame,
  seesBalance, unlock,
} from "./support/wallet-pages.mjs";

/** @type {Demo} */
let demo;
/** @type {Person[]} */
let people = [];

before(async () => {
  demo = await Demo.start();
});
after(() => demo?.end());
afterEach(async () => {
  const gone = people;
  people = [];
  await Promise.all(gone.map((person) => person.goes()));
});

/** A person who is sent home when the test ends. */
async function person() {
  const arrived = await Person.arrives();
  people.push(arrived);
  return arrived;
}

const button = (page, name) => page.getByRole("button", { name, exact: true });
const seesHeading = (page, name) => page.getByRole("heading", { name, exact: true }).waitFor();

scenario("someone without a wallet buys an article and reads it", async () => {
  const someone = await person();
  const { page } = someone;
  await page.goto(demo.merchant);
  await page.getByRole("link", { name: "The article" }).click();
  const [popup] = await Promise.all([page.waitForEvent("popup"), button(page, "Buy for €3.20").click()]);

  await firstRun(popup);
  await seesHeading(popup, "Confirm your purchase");
  await button(popup, "Add cash").click();
  await addCash(popup);

  await payButton(popup, "€3.20").waitFor();
  const main = popup.getByRole("main");
  const domain = new URL(demo.merchant).host;
  for (const shown of ["Meridian", domain, "The article", "VAT €0.21 included", "First purchase here: check that this is the shop you mean"]) {
    await main.getByText(shown, { exact: true }).first().waitFor();
  }
  await main.locator("semper-amount").getByText("€3.20", { exact: true }).waitFor();
  await payButton(popup, "€3.20").click();
  await seesYours(page);
  assert.equal(await button(page, "Buy for €3.20").count(), 0, "no second purchase is proposed");

  await page.getByRole("link", { name: "Open in your wallet" }).click();
  await page.getByRole("link", { name: "Open The article", exact: true }).click();
  const article = readerFrame(page, "The article");
  await article.getByText("A promise is a thing one can check.").waitFor();
  const colour = await article.getByText("A promise").evaluate((element) => getComputedStyle(element).color);
  assert.equal(colour, "rgb(1, 2, 3)", "the article has its own style");

  await openHome(page, demo.wallet);
  await seesBalance(page, "€16.80");
  await page.getByRole("link", { name: /^The article/ }).click();
  await seesHeading(page, "The article");
  for (const step of ["Ordered", "Goods delivered", "Delivery acknowledged"]) await page.getByRole("listitem").getByText(step, { exact: true }).waitFor();
  for (const statement of ["Offer, signed by the shop", "Order, signed by you", "Receipt, signed by the shop", "Confirmation by the bank of issue"]) {
    await page.getByText(statement, { exact: true }).waitFor();
  }
  await page.getByText("Receipt, signed by the shop").click();
  await page.getByLabel("Receipt, signed by the shop").getByText(`"minor": 320`).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), button(page, "Export as evidence").click()]);
  const evidence = JSON.parse(await readFile(await download.path(), "utf8"));
  assert.ok(evidence.statements.length >= 7);

  await page.goto(demo.good("article"));
  await seesYours(page);
  await page.goto(`${demo.merchant}/orders`);
  await page.getByRole("link", { name: "Receipt for The article" }).waitFor();
  assert.deepEqual(someone.complaints, []);
});

scenario("a course is heard, looked at and read; a leaflet costs nothing", async () => {
  const someone = await person();
  const { page } = someone;
  await makeFunded(page, demo.wallet);
  await buy(page, demo, "course");
  await buy(page, demo, "leaflet");

  await openPart(page, demo.wallet, "Lesson one");
  await readerFrame(page, "Lesson one").getByText("Listen, then look.").waitFor();

  await openPart(page, demo.wallet, "Lesson one, read aloud");
  const audio = page.locator("audio");
  await audio.waitFor();
  await page.waitForFunction(() => document.querySelector("audio")?.duration > 0);
  assert.equal(Math.round(await audio.evaluate((element) => element.duration)), 2);

  await openPart(page, demo.wallet, "The plate");
  await page.getByRole("img", { name: "The plate" }).waitFor();
  await page.waitForFunction(() => document.querySelector("main img")?.naturalWidth === 64);

  await openPart(page, demo.wallet, "The notes");
  await page.getByText("Notes: <b>not bold</b>.").waitFor();

  await openPart(page, demo.wallet, "The leaflet");
  await readerFrame(page, "The leaflet").getByText("Free for all.").waitFor();
  await openHome(page, demo.wallet);
  await seesBalance(page, "€8.00");
  assert.deepEqual(someone.complaints, []);
});

scenario("a download that the network cuts goes on where it was", async () => {
  const other = await Demo.start();
  let line = null;
  try {
    line = await other.layLine();
    const someone = await person();
    someone.expects(/Failed to load resource|net::ERR_/);
    const { page } = someone;
    await makeFunded(page, other.wallet);
    await buy(page, other, "atlas");
    await page.goto(`${other.wallet}/#/library`);
    line.cutAfter(5_000_000);
    const before = line.carried;
    await button(page, "Save file: The whole atlas").click();
    await page.getByRole("progressbar").waitFor();
    await page.getByText(/It continues from here the next time/).waitFor();
    assert.ok(line.broken, "the line broke in the middle");

    line.mend();
    const [download] = await Promise.all([page.waitForEvent("download"), button(page, "Save file: The whole atlas").click()]);
    assert.ok((await readFile(await download.path())).equals(atlas), "byte for byte");
    assert.ok(line.carried - before < 1.3 * atlas.length, `${line.carried - before} bytes came over the line`);
    await page.getByText("On this device").waitFor();
    assert.deepEqual(someone.complaints, []);
  } finally {
    line?.end();
    await other.end();
  }
});

scenario("a browser that dies while it pays finishes when it is back", async () => {
  const someone = await person();
  await makeFunded(someone.page, demo.wallet);
  const popup = await press(someone.page, demo, "article");
  await payButton(popup, "€3.20").waitFor();
  demo.freeze();
  try {
    await payButton(popup, "€3.20").click();
    await popup.getByRole("status").getByText("Hand over the cash").waitFor();
    await someone.crashes();
  } finally {
    demo.thaw();
  }
  await someone.returns();
  const { page } = someone;
  await openHome(page, demo.wallet);
  if (await isLocked(page)) await unlock(page);
  await seesBalance(page, "€16.80");
  await openPart(page, demo.wallet, "The article");
  await readerFrame(page, "The article").getByText("A promise is a thing one can check.").waitFor();
  assert.equal((await deals(page)).length, 1);
  assert.equal(await balance(page), 1680, "nothing is paid twice");
  assert.deepEqual(someone.complaints, []);
});

scenario("a shop that dies while it is paid delivers when it is back", async () => {
  const someone = await person();
  someone.expects(/Failed to load resource|net::ERR_/);
  const { page } = someone;
  await makeFunded(page, demo.wallet);
  const popup = await press(page, demo, "article");
  await payButton(popup, "€3.20").waitFor();
  await demo.kill();
  await payButton(popup, "€3.20").click();
  await popup.getByText("You seem to be offline").waitFor();
  await popup.getByText("Your money is safe.", { exact: false }).waitFor();
  await demo.restart();
  await button(popup, "Try again").click();
  await seesYours(page);
  await openHome(page, demo.wallet);
  await seesBalance(page, "€16.80");
  assert.equal((await deals(page)).length, 1);
});

scenario("twelve words bring the cash back in an empty browser", async () => {
  const someone = await person();
  const words = await makeFunded(someone.page, demo.wallet);
  await buy(someone.page, demo, "article");
  await openHome(someone.page, demo.wallet);
  await seesBalance(someone.page, "€16.80");
  await someone.leave();

  const elsewhere = await person();
  const { page } = elsewhere;
  await openHome(page, demo.wallet);
  await button(page, "Restore from words").click();
  await page.getByLabel("Twelve recovery words").fill(words.replace(/\w+$/, "zzzz"));
  await choosePassphrase(page, PASSPHRASE);
  await button(page, "Restore").click();
  await page.getByText("These words do not fit").waitFor();
  await page.getByLabel("Twelve recovery words").fill(`  ${words.toUpperCase()} `);
  await button(page, "Restore").click();
  await seesBalance(page, "€16.80");
  await buy(page, demo, "course");
  await openHome(page, demo.wallet);
  await seesBalance(page, "€4.80");
  // Chromium notes every 404, and asking a mint about what it has not seen is one.
  elsewhere.expects(/status of 404/);
  assert.deepEqual(elsewhere.complaints.filter((text) => !/status of 404/.test(text)), []);
});

scenario("a backup file brings everything back in an empty browser", async () => {
  const someone = await person();
  await makeFunded(someone.page, demo.wallet);
  await buy(someone.page, demo, "article");
  await someone.page.goto(`${demo.wallet}/#/settings`);
  await someone.page.getByLabel("Passphrase for the backup file").fill("another long phrase");
  const [download] = await Promise.all([someone.page.waitForEvent("download"), button(someone.page, "Save a backup file").click()]);
  const backup = await readFile(await download.path());
  const before = await memory(someone.page);
  assert.ok(!backup.includes("The article"), "the file is encrypted");
  await someone.leave();

  const elsewhere = await person();
  const { page } = elsewhere;
  await openHome(page, demo.wallet);
  await button(page, "Open a backup file").click();
  await page.getByLabel("Backup file").setInputFiles({ name: download.suggestedFilename(), mimeType: "application/octet-stream", buffer: backup });
  await choosePassphrase(page, PASSPHRASE);
  await page.getByLabel("Passphrase of the backup").fill("not that phrase");
  await button(page, "Restore").click();
  await page.getByText("This backup does not open").waitFor();
  await page.getByLabel("Passphrase of the backup").fill("another long phrase");
  await button(page, "Restore").click();
  await seesBalance(page, "€16.80");
  assert.deepEqual(await memory(page), before);
  await openPart(page, demo.wallet, "The article");
  await readerFrame(page, "The article").getByText("A promise is a thing one can check.").waitFor();
});

scenario("a wallet locks, refuses a wrong passphrase, and opens again in every window", async () => {
  const someone = await person();
  const { page } = someone;
  await makeFunded(page, demo.wallet);
  const second = await someone.newPage();
  await openHome(second, demo.wallet);
  await seesBalance(second, "€20.00");
  await button(page, "Lock").click();
  await seesHeading(page, "Your wallet is locked");
  await seesHeading(second, "Your wallet is locked");
  await unlock(page, "not my passphrase");
  await page.getByText("That is not the passphrase", { exact: false }).waitFor();
  await page.getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
  await button(page, "Unlock").click();
  await seesBalance(page, "€20.00");
  await seesBalance(second, "€20.00");

  const popup = await press(second, demo, "article");
  await payButton(popup, "€3.20").waitFor();
  await button(page, "Lock").click();
  await seesHeading(popup, "Your wallet is locked");
  await unlock(popup);
  await payButton(popup, "€3.20").click();
  await seesYours(second);
  assert.deepEqual(someone.complaints, []);
});

scenario("two windows buy and add cash at once, and every coin is accounted for", async () => {
  const someone = await person();
  const { page } = someone;
  await makeFunded(page, demo.wallet);
  const bankBefore = await demo.bankBalance();
  const second = await someone.newPage();
  await Promise.all([page.goto(`${demo.wallet}/#/add-cash`), second.goto(`${demo.wallet}/#/add-cash`)]);
  await Promise.all([addCash(page, "€10.00"), addCash(second, "€5.00")]);
  await Promise.all([seesBalance(page, "€35.00"), seesBalance(second, "€35.00")]);
  assert.equal(bankBefore - (await demo.bankBalance()), 1500);

  const confirm = (id) => `${demo.wallet}/confirm#offer=${encodeURIComponent(demo.offer(id))}`;
  await Promise.all([page.goto(confirm("article")), second.goto(confirm("atlas"))]);
  await Promise.all([payButton(page, "€3.20").waitFor(), payButton(second, "€5.00").waitFor()]);
  await Promise.all([payButton(page, "€3.20").click(), payButton(second, "€5.00").click()]);
  await Promise.all([seesHeading(page, "It is yours"), seesHeading(second, "It is yours")]);

  await Promise.all([page.goto(confirm("course")), second.goto(confirm("course"))]);
  await Promise.all([payButton(page, "€12.00").waitFor(), payButton(second, "€12.00").waitFor()]);
  await Promise.all([payButton(page, "€12.00").click(), payButton(second, "€12.00").click()]);
  await Promise.all([seesHeading(page, "It is yours"), seesHeading(second, "It is yours")]);

  await openHome(page, demo.wallet);
  const paid = await spent(page);
  assert.equal(await balance(page), 3500 - paid);
  assert.ok(paid === 820 + 1200 || paid === 820 + 2400, `spent ${paid}`);
  assert.deepEqual(someone.complaints, []);
});

scenario("what was asked for again is found, not bought again", async () => {
  const someone = await person();
  const { page } = someone;
  await makeFunded(page, demo.wallet);
  await buy(page, demo, "article");
  await page.evaluate(() => localStorage.clear());
  const popup = await press(page, demo, "article");
  await seesHeading(popup, "You own this already");
  await pressAndClose(popup, "Use my copy");
  await seesYours(page);

  await page.evaluate(() => localStorage.clear());
  const again = await press(page, demo, "article");
  await pressAndClose(again, "Cancel");
  await page.getByText("Nothing was bought.").waitFor();
  await openHome(page, demo.wallet);
  await seesBalance(page, "€16.80");
});

scenario("the library opens without a network", async () => {
  const someone = await person();
  someone.expects(/Failed to load resource|net::ERR_/);
  const { page } = someone;
  await makeFunded(page, demo.wallet);
  await buy(page, demo, "article");
  await openPart(page, demo.wallet, "The article");
  await readerFrame(page, "The article").getByText("A promise is a thing one can check.").waitFor();
  await demo.kill();
  try {
    await page.reload();
    await readerFrame(page, "The article").getByText("A promise is a thing one can check.").waitFor();
    await openHome(page, demo.wallet);
    await seesBalance(page, "€16.80");
  } finally {
    await demo.restart();
  }
});

/** Whether the passphrase is asked for, once the page has made up its mind. */
async function isLocked(page) {
  const locked = page.getByRole("heading", { name: "Your wallet is locked" });
  await locked.or(page.getByRole("region", { name: "Cash in this wallet" })).first().waitFor();
  return locked.isVisible();
}

/** Everything that a backup has to keep. */
async function memory(page) {
  const library = await ask(page, "library");
  for (const part of library.flatMap(({ parts }) => parts)) delete part.downloaded;
  return { deals: await ask(page, "deals"), library, balance: await ask(page, "balance") };
}
