/** Every page at the width of a telephone and of a desk, by day and by night, and without a mouse. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Demo } from "./support/demo.mjs";
import { chooseByKey, pressByKey, tabTo, typeByKey } from "./support/keyboard.mjs";
import { Person } from "./support/person.mjs";
import { look as lookAt } from "./support/pictures.mjs";
import { RogueShop } from "./support/rogue-shop.mjs";
import { scenario } from "./support/scenario.mjs";
import { buy, seesYours } from "./support/shop-pages.mjs";
import { PASSPHRASE, addCash, choosePassphrase, openHome, readerFrame, seesBalance } from "./support/wallet-pages.mjs";

/** @type {Demo} */
let demo;
/** @type {RogueShop} */
let rogue;
/** @type {Person} */
let someone;

before(async () => {
  [demo, rogue, someone] = await Promise.all([Demo.start(), RogueShop.open(), Person.arrives()]);
});
after(async () => {
  await someone?.goes();
  rogue?.close();
  await demo?.end();
});

const button = (page, name) => page.getByRole("button", { name, exact: true });

/** What was found wrong, page by page. @type {string[]} */
let wrong = [];

/** Takes the page's pictures, and keeps what is wrong with it. @param {import("playwright-core").Page} page @param {string} name */
async function look(page, name) {
  wrong.push(...(await lookAt(page, name)));
}

/** Nothing was wrong with any page, and the browser had nothing to complain of. */
function assertSound() {
  const [found, complaints] = [wrong, someone.complaints];
  wrong = [];
  someone.complaints = [];
  assert.deepEqual({ found, complaints }, { found: [], complaints: [] });
}

scenario("a new wallet's pages", async () => {
  const { page } = someone;
  await openHome(page, demo.wallet);
  await button(page, "Make a wallet").waitFor();
  await look(page, "wallet-1-welcome");
  await button(page, "Restore from words").click();
  await look(page, "wallet-1-restore");
  await button(page, "Back").click();
  await button(page, "Open a backup file").click();
  await look(page, "wallet-1-backup-file");
  await button(page, "Back").click();
  await button(page, "Make a wallet").click();
  await button(page, "I have written them down").waitFor();
  await look(page, "wallet-2-words");
  await button(page, "I have written them down").click();
  await button(page, "That is right").click();
  await page.getByText("Not all of these are right.").waitFor();
  await look(page, "wallet-3-words-wrong");
  await button(page, "Confirm later").click();
  await button(page, "Finish").click();
  await page.getByText("Take at least 10 characters").waitFor();
  await look(page, "wallet-4-passphrase");
  await choosePassphrase(page, PASSPHRASE);
  await button(page, "Finish").click();
  await page.getByText("No cash yet").waitFor();
  await look(page, "wallet-5-home-empty");
  await page.goto(`${demo.wallet}/#/library`);
  await page.getByText("Your shelf is empty").waitFor();
  await look(page, "wallet-5-library-empty");
  assertSound();
});

scenario("a used wallet's pages", async () => {
  const { page } = someone;
  await page.goto(`${demo.wallet}/#/add-cash`);
  await page.getByText("Test account (play money)").waitFor();
  await look(page, "wallet-6-add-cash");
  await addCash(page);
  await buy(page, demo, "leaflet");
  await buy(page, demo, "course");
  await openHome(page, demo.wallet);
  await seesBalance(page, "€8.00");
  await look(page, "wallet-7-home");
  await page.getByRole("link", { name: /^The course/ }).click();
  await page.getByText("Receipt, signed by the shop").first().click();
  await look(page, "wallet-8-deal");
  await page.goto(`${demo.wallet}/#/library`);
  await page.getByRole("heading", { name: "Library" }).waitFor();
  await look(page, "wallet-9-library");
  await page.getByRole("link", { name: "Open Lesson one", exact: true }).click();
  await readerFrame(page, "Lesson one").getByText("Listen, then look.").waitFor();
  await look(page, "wallet-10-reader-page");
  await page.goto(`${demo.wallet}/#/library`);
  await page.getByRole("link", { name: "Open Lesson one, read aloud" }).click();
  await page.locator("audio").waitFor();
  await look(page, "wallet-10-reader-audio");
  await page.goto(`${demo.wallet}/#/settings`);
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  await look(page, "wallet-11-settings");
  await page.goto(`${demo.wallet}/#/deal/nothing`);
  await page.getByRole("alert").waitFor();
  await look(page, "wallet-12-failed");
  assertSound();
});

scenario("the confirmation's pages", async () => {
  const page = await someone.newPage();
  const confirm = async (offer) => {
    await page.goto("about:blank");
    await page.goto(`${demo.wallet}/confirm#offer=${encodeURIComponent(offer)}`);
  };
  await confirm(demo.offer("article"));
  await button(page, "Pay €3.20").waitFor();
  await look(page, "confirm-1-pay");
  await page.getByText("Details and terms").click();
  await look(page, "confirm-2-details");
  await confirm(demo.offer("course"));
  await page.getByText("You own this already").waitFor();
  await look(page, "confirm-3-already");
  await button(page, "Buy it once more").click();
  await button(page, "Add cash").waitFor();
  await look(page, "confirm-4-not-enough");
  const [header, payload, signature] = (await rogue.signer.sign("semper-offer+jwt", rogue.payload())).split(".");
  await confirm(rogue.publish("tampered", [header, `${payload}AA`, signature].join(".")));
  await page.getByText("Stop. Do not pay here.").waitFor();
  await look(page, "confirm-5-stop");
  await confirm(rogue.answer("expired", (answer) => answer.writeHead(500).end()));
  await page.getByRole("alert").waitFor();
  await look(page, "confirm-6-failed");
  someone.complaints = someone.complaints.filter((text) => !text.includes("status of 500"));
  await confirm(demo.offer("hostile"));
  await button(page, "Pay €0.40").click();
  await page.getByText("It is yours").waitFor();
  await look(page, "confirm-7-done");
  await page.goto(demo.wallet);
  await button(page, "Lock").click();
  await page.getByText("Your wallet is locked").waitFor();
  await look(page, "wallet-13-locked");
  await page.close();
  assertSound();
});

scenario("the shop's pages", async () => {
  const { page } = someone;
  await page.goto(demo.merchant);
  await page.getByRole("link", { name: "The article" }).waitFor();
  await look(page, "shop-1-front");
  await page.goto(demo.good("article"));
  await button(page, "Buy for €3.20").waitFor();
  await look(page, "shop-2-good");
  await page.goto(demo.good("course"));
  await seesYours(page);
  await look(page, "shop-3-yours");
  await page.goto(`${demo.merchant}/orders`);
  await page.getByRole("link", { name: "Receipt for The course" }).waitFor();
  await look(page, "shop-4-orders");
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await page.getByText("Nothing yet").waitFor();
  await look(page, "shop-5-orders-empty");
  await page.goto(demo.good("nothing"));
  await page.getByRole("alert").waitFor();
  await look(page, "shop-6-unknown");
  someone.complaints = someone.complaints.filter((text) => !text.includes("status of 404"));
  assertSound();
});

scenario("a purchase without a mouse, from the front page to the article", async () => {
  const keys = await Person.arrives();
  try {
    const { page } = keys;
    await page.goto(demo.merchant);
    await page.getByRole("link", { name: "The article" }).waitFor();
    await pressByKey(page, "The article");
    await button(page, "Buy for €3.20").waitFor();
    await tabTo(page, "Buy for €3.20");
    const [popup] = await Promise.all([page.waitForEvent("popup"), page.keyboard.press("Enter")]);

    await button(popup, "Make a wallet").waitFor();
    await pressByKey(popup, "Make a wallet");
    await button(popup, "I have written them down").waitFor();
    const words = await popup.getByRole("listitem").allInnerTexts();
    await pressByKey(popup, "I have written them down");
    await button(popup, "That is right").waitFor();
    for (const group of await popup.getByRole("group", { name: /^Word number/ }).all()) {
      const question = await group.locator("legend").innerText();
      await chooseByKey(popup, question, words[Number(/\d+/.exec(question)[0]) - 1]);
    }
    await pressByKey(popup, "That is right");
    await popup.getByLabel("New passphrase").waitFor();
    await typeByKey(popup, "New passphrase", PASSPHRASE);
    await typeByKey(popup, "The same once more", PASSPHRASE);
    await popup.keyboard.press("Enter");
    await button(popup, "Add cash").waitFor();
    await pressByKey(popup, "Add cash");
    await popup.getByText("Test account (play money)").waitFor();
    await chooseByKey(popup, "Amount", "€20.00");
    await pressByKey(popup, "Add cash");
    await button(popup, "Continue").waitFor();
    await pressByKey(popup, "Continue");
    await button(popup, "Pay €3.20").waitFor();
    await pressByKey(popup, "Pay €3.20");
    await seesYours(page);
    await pressByKey(page, "Open in your wallet");
    await page.getByRole("link", { name: "Open The article" }).waitFor();
    await pressByKey(page, "Open The article");
    await readerFrame(page, "The article").getByText("A promise is a thing one can check.").waitFor();
    assert.deepEqual(keys.complaints, []);
  } finally {
    await keys.goes();
  }
});
