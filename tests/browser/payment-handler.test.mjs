/** Paying through the browser's own payment sheet: the same wallet, the same result as through the popup. */
import assert from "node:assert/strict";
import { after, before, beforeEach } from "node:test";
import { Demo } from "./support/demo.mjs";
import { PaymentWindow, until } from "./support/payment-window.mjs";
import { Person } from "./support/person.mjs";
import { scenario } from "./support/scenario.mjs";
import { buyButton, seesYours } from "./support/shop-pages.mjs";
import { makeFunded, openHome, openPart, readerFrame, seesBalance } from "./support/wallet-pages.mjs";

/** @type {Demo} */
let demo;
/** @type {Person} */
let someone;

before(async () => {
  [demo, someone] = await Promise.all([Demo.start(), Person.arrives({ sheet: true })]);
  await makeFunded(someone.page, demo.wallet);
});
after(async () => {
  await someone?.goes();
  await demo?.end();
});
beforeEach(() => {
  someone.complaints = [];
});

/** Presses "buy" once the shop knows that the browser has a payment sheet; the wallet opens in it. */
async function pressForSheet(page, id) {
  await page.goto(demo.good(id));
  await page.evaluate(async () => {
    const { sheetAvailable } = await import("/semper-pay/sheet.js");
    const { wallet } = await (await fetch("/config.json")).json();
    if (!(await sheetAvailable(wallet))) throw new Error("the browser does not find the wallet's payment handler");
  });
  await buyButton(page, id).click();
  return PaymentWindow.opens(page, `${demo.wallet}/confirm?handler=`);
}

scenario("the payment sheet pays, and closes", async () => {
  const { page } = someone;
  const window = await pressForSheet(page, "article");
  await window.sees("heading", "Confirm your purchase");
  assert.equal(someone.context.pages().length, 1, "no popup is opened");
  await window.press("Pay €3.20");
  await seesYours(page);
  await until(async () => !(await window.isOpen()), "the payment window closed");
  await openPart(page, demo.wallet, "The article");
  await readerFrame(page, "The article").getByText("A promise is a thing one can check.").waitFor();
  await openHome(page, demo.wallet);
  await seesBalance(page, "€16.80");
  assert.deepEqual(someone.complaints, []);
});

scenario("what is cancelled in the sheet costs nothing, and can be bought after all", async () => {
  const { page } = someone;
  const window = await pressForSheet(page, "leaflet");
  await window.press("Cancel");
  await page.getByText("Nothing was bought.").waitFor();
  await until(async () => !(await window.isOpen()), "the payment window closed");
  const again = await pressForSheet(page, "leaflet");
  await again.press("Get it for free");
  await seesYours(page);
  assert.deepEqual(someone.complaints, []);
});

scenario("a browser that never saw the wallet finds its payment handler by the offer alone", async () => {
  const stranger = await Person.arrives({ sheet: true });
  try {
    const window = await pressForSheet(stranger.page, "article");
    await window.sees("button", "Make a wallet");
    assert.deepEqual(stranger.complaints, []);
  } finally {
    await stranger.goes();
  }
});
